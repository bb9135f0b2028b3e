"""One rule for how each status counts: the leaderboard, the report, comparisons and W&B tell of the same runs the same.

A run that diverged or failed is an unsolved run with the worst score, -1, and is known to be unsolved for as long as
the longest run that it is compared with.
"""

from dataclasses import replace
from math import sqrt
from statistics import median

import pytest

from planted import TUNED, leave, record
from rnnbench.outcomes import result
from rnnbench.outcomes.columns import REPORT
from rnnbench.outcomes.settings import settings
from rnnbench.report import publish, side_by_side, tables
from rnnbench.report.leaderboard import boards
from rnnbench.report.overview import read_results
from rnnbench.store import records
from rnnbench.tracking.wandb_run import summary

pytestmark = [pytest.mark.whole, pytest.mark.usefixtures("undrawn")]

SCORES = [0.9, 0.8, 0.7, -1, -1]
SOLVED, TIMES = [300, 500, 700], [300, 500, 700, 1200, 1200]  # 1200: the longest run, of the other cell
MIDDLE = 0.7  # of -1, -1, 0.7, 0.8, 0.9; five runs have their range as its interval
MEDIAN = 700  # of 5 runs 4, 3 and 2 are unsolved after 300, 500 and 700 steps: the first share below one half
SHARE = 0.6


def wilson(share, n):
    """Wilson 1927."""
    z = 1.9599640
    middle, off = share + z * z / (2 * n), z * sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return [(middle + sign * off) / (1 + z * z / n) for sign in (-1, 1)]


LOW, HIGH = wilson(SHARE, 5)
SCORE_TEXT, SOLVED_TEXT = "0.700 [-1.000, 0.900]", f"3/5 [{LOW:.2f}, {HIGH:.2f}]"


def planted(lr):
    """Five runs of a cell: the fourth solved the task and then diverged, the fifth failed before its first step."""
    runs = [record("gru", seed, lr, score, solved=step)
            for seed, (score, step) in enumerate(zip((0.9, 0.8, 0.7), SOLVED, strict=True))]  # fmt: skip
    exploded = {"val/loss": 5000.0, "test/loss": 0.05, "test/score": 0.95}  # on the test split it had luck
    diverged = record("gru", 3, lr, status="diverged", diverged_at_step=120, steps=120)
    runs.append(replace(diverged, solved_at_step=100, final=exploded))
    runs.append(record("gru", 4, lr, status="failed", steps=0, error="RuntimeError: no", parameters=0, baseline=None))
    return [*runs, *(record("lstm", seed, lr, 0.1, steps=1200) for seed in range(5))]


PROTOCOL = replace(TUNED, tune={"optimizer.lr": [0.01, 0.1]}, report_seeds=[0, 1, 2, 3, 4])
TUNING = [record(cell, 10, lr, lr) for cell in ("gru", "lstm") for lr in (0.01, 0.1)]


@pytest.fixture(params=["tuned", "untuned"])
def published(request, tmp_path):
    """The planted runs as a result, and the records of those that are reported, as they lie on the disk."""
    tuned = request.param == "tuned"
    runs = tmp_path / "runs" / "e"
    leave(runs, [*planted(0.1), *(TUNING if tuned else [])], PROTOCOL if tuned else None)
    report = publish("e", [runs], tmp_path / "results")
    return report, [each for each in records.read_all(runs) if each.seed != 10]


def gru(groups):
    (found,) = (setting for setting in groups if setting.cell == "gru")
    return found


def test_by_hand(published):
    """What the constants above say, from the numbers of the setting that all readers share."""
    found = result.read(published[0].folder)
    setting = gru(settings(found.rows[found.rows["phase"] == REPORT]))
    assert sorted(setting.scores) == pytest.approx(sorted(SCORES))
    assert sorted(setting.times) == TIMES
    assert setting.score == pytest.approx((MIDDLE, -1, 0.9, 5))
    assert setting.solved_share == pytest.approx((SHARE, LOW, HIGH, 5))
    assert setting.median_steps_to_solve == MEDIAN
    assert setting.failures == "1 diverged, 1 failed"


def test_the_leaderboard(published):
    report, _ = published
    found = boards("e", result.read(report.folder))
    if not result.read(report.folder).protocol:
        assert found == []
        return
    (board,) = found
    (place,) = (place for place in board.places if place.cell == "gru")
    assert [place.row[i] for i in (1, 4, 5)] == [f"{SCORE_TEXT}, 1 diverged, 1 failed", SOLVED_TEXT, str(MEDIAN)]
    assert not place.solves
    assert [place.cell for place in board.places] == ["gru", "lstm"]  # 3 of 5 solved it against none
    (again,) = read_results(report.folder.parent).boards
    assert [place.row for place in again.places] == [place.row for place in board.places]


def test_the_table_of_the_report(published):
    report, _ = published
    found = result.read(report.folder)
    groups = settings(found.rows[found.rows["phase"] == REPORT])
    (line,) = (
        dict(zip(tables.header(groups), row, strict=True))
        for row, setting in zip(tables.rows(groups), groups, strict=True)
        if setting.cell == "gru"
    )
    wanted = {"runs": "5", "score": SCORE_TEXT, "solved": SOLVED_TEXT, "steps to solve": str(MEDIAN),
              "failures": "1 diverged, 1 failed"}  # fmt: skip
    assert wanted.items() <= line.items()
    assert (report.page["header"], report.page["rows"]) == (tables.header(groups), tables.rows(groups))
    assert f"| {SCORE_TEXT} |" in (report.folder / "README.md").read_text()


def test_a_comparison(published):
    report, _ = published
    pairs = {
        pair.number: pair
        for pair in side_by_side.compare(report.folder, report.folder).pairs
        if pair.setting == "cell gru"
    }
    for each in ("score", "solved"):
        assert pairs[each].first == pairs[each].second
    assert pairs["score"].first == pytest.approx((MIDDLE, -1, 0.9, 5))
    assert pairs["solved"].first == pytest.approx((SHARE, LOW, HIGH, 5))
    assert "solved_at_step" not in pairs  # a median over those that solved it would be one of other runs


def test_the_summaries_in_wandb(published):
    """A dashboard sums up what is there: each run has its score, and says whether and when it solved the task."""
    _, found = published
    summaries = [summary(each) for each in found]
    longest = max(each["steps"] for each in summaries)
    own = [each for each in summaries if each["cell"] == "gru"]
    assert median(each["score"] for each in own) == pytest.approx(MIDDLE)
    done = [each for each in own if each["status"] == "done"]
    solved = [each["solved_at_step"] for each in done if "solved_at_step" in each]
    assert len(solved) / len(own) == SHARE
    times = sorted([*solved, *[longest] * (len(own) - len(done))])
    assert times == TIMES
    assert times[2] == MEDIAN  # the middle of five, of which none is given up before it


def test_all_runs_came_to_nothing(tmp_path):
    runs = [record("gru", seed, 0.1, status=status, steps=0, diverged_at_step=0 if status == "diverged" else None)
            for seed, status in enumerate(("diverged", "failed"))]  # fmt: skip
    leave(tmp_path / "runs" / "e", runs, None)
    report = publish("e", [tmp_path / "runs" / "e"], tmp_path / "results")
    (setting,) = settings(result.read(report.folder).rows)
    assert setting.score == (-1, -1, -1, 2)
    assert (setting.solved_share.value, setting.solved_share.n) == (0, 2)
    assert setting.median_steps_to_solve is None
    (line,) = report.page["rows"]
    assert line[: len(report.page["header"])][1] == "-1.000 [-1.000, -1.000]"
