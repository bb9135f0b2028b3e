"""Two results of one experiment side by side: what moved, which runs differ and in what."""

from dataclasses import replace
from itertools import combinations

import pytest

from planted import MACHINE, board, leave
from rnnbench.outcomes import result, rows
from rnnbench.report import publish
from rnnbench.report.side_by_side import apart_by_chance, compare
from rnnbench.statistics import median_interval

pytestmark = [pytest.mark.whole, pytest.mark.usefixtures("undrawn")]


@pytest.mark.parametrize(("n", "m"), [(1, 1), (1, 2), (2, 2), (3, 3), (3, 5), (9, 9), (10, 3)])
def test_how_often_nothing_moves_beyond_its_interval(n, m):
    """Over all orders in which n and m runs of one distribution can lie, each equally likely."""
    apart = total = 0
    for places in combinations(range(n + m), n):
        first, second = median_interval(places), median_interval(sorted({*range(n + m)} - {*places}))
        a, b = ((each.value if each.low is None else each.low, each.value if each.high is None else each.high)
                for each in (first, second))  # fmt: skip
        apart += a[1] < b[0] or b[1] < a[0]
        total += 1
    assert apart_by_chance(n, m) == pytest.approx(apart / total)


def published(folder, runs):
    """The result of tuned runs."""
    leave(folder / "runs" / "e", runs)
    return publish("e", [folder / "runs" / "e"], folder / "results").folder


@pytest.fixture
def two(tmp_path):
    """The same experiment twice: the second time one cell is better and everything took longer."""
    folders = []
    for name, better, slower in (("first", 0.0, 1), ("second", 0.2, 10)):
        runs = board({"gru": 0.5, "lstm": 0.5 + better})
        runs = [replace(run, seconds=run.seconds * slower, versions={"torch": name}) for run in runs]
        folders.append(published(tmp_path / name, runs))
    return folders


def plant(folder, chosen, **changes):
    """Changes the first row of a result with the values ``chosen``; returns its run_id."""
    found = result.read(folder).runs
    first = next(row for row in found if chosen.items() <= row.items())
    first |= changes
    rows.write(folder / rows.FILE, rows.frame(found))
    return first["run_id"]


def test_what_moved_and_what_did_not(two):
    pairs, _, notes = compare(*two)
    moved = {(pair.setting, pair.number) for pair in pairs if pair.moved}
    numbers = ("score", "test_loss", "test_metric", "validation_loss", "seconds")
    assert moved == {("cell lstm", number) for number in numbers} | {("cell gru", "seconds")}
    assert {pair.number for pair in pairs} >= {"score", "test_metric", "parameters", "seconds", "solved"}
    assert {(pair.setting, pair.number) for pair in compare(*two[::-1]).pairs if pair.moved} == moved
    assert notes[0] == "12 runs are in both; 9 of them are the same, digit for digit"
    assert "torch: first -> second" in notes


def test_the_rows_that_differ_are_named_in_what_and_why(two):
    differing = compare(*two).rows
    assert len(differing) == 3
    for run_id, words in differing.items():
        assert run_id.startswith("adding-lstm-seed")
        assert words.startswith("score, test_loss, test_metric, validation_loss: score 0.")
        assert words.endswith(" and 1 more (probably by torch first -> second)")


def test_a_planted_number_is_named_first(two):
    where = {"cell": "lstm", "phase": "report"}
    planted = plant(two[1], where, horizon_final=900, parameters=7, test_loss=0.9, diverged_at_step=5)
    words = compare(*two).rows[planted]
    assert words.startswith("parameters, diverged_at_step, score, ")
    assert "parameters 20000 -> 7, diverged_at_step - -> 5" in words
    assert f"contradicts itself in {two[1]}: " in words
    assert "horizon_final" not in words  # the other was not probed


def test_what_cannot_be_told_by_the_machine_has_no_such_reason(tmp_path):
    """Other cores change no number; the same machine and versions do not either."""
    runs = board({"gru": 0.5})
    first = published(tmp_path / "first", runs)
    runs = [replace(run, machine=MACHINE | {"cores": 64}) for run in runs]
    second = published(tmp_path / "second", runs)
    comparison = compare(first, second)
    assert comparison.rows == {}
    assert "cores: 2 -> 64" in comparison.notes
    planted = plant(second, {"phase": "report"}, steps=999)
    assert compare(first, second).rows[planted] == "steps 1000 -> 999 (the machine and the versions are the same)"


def test_failed_runs_are_not_the_same(two):
    for folder in two:
        plant(folder, {"cell": "gru"}, status="failed", score=-1.0)
    (count, *_) = compare(*two).notes
    assert count == "12 runs are in both; 8 of them are the same, digit for digit; 1 failed and say nothing"


def test_the_same_result(two):
    pairs, differing, notes = compare(two[0], two[0])
    assert differing == {}
    assert not any(pair.moved for pair in pairs)
    assert notes == ["12 runs are in both; 12 of them are the same, digit for digit"]


def test_settings_that_only_one_has(two, tmp_path):
    third = published(tmp_path / "third", board({"gru": 0.5, "lru": 0.5, "elman": 0.1}))
    pairs, _, notes = compare(two[0], third)
    assert {pair.setting for pair in pairs} == {"cell gru"}
    assert notes[:3] == [
        "6 runs are in both; 6 of them are the same, digit for digit",
        f"only in {two[0]}: 1 settings",
        f"only in {third}: 2 settings",
    ]


def test_a_setting_may_be_tuned_to_another_point(tmp_path):
    """It is the same setting all the same: what was swept tells settings apart, though the choice does too."""
    first, second = (
        published(tmp_path / name, board({"gru": 0.5}, chosen=one, length=50) + board({"gru": 0.8}, chosen=two))
        for name, one, two in (("first", 0.1, 1.0), ("second", 1.0, 0.1))
    )
    pairs, _, notes = compare(first, second)
    scores = {pair.setting: pair.first.value for pair in pairs if pair.number == "score"}
    assert scores == pytest.approx({"task.length 50": 0.5, "task.length 500": 0.8})
    assert not any(pair.moved for pair in pairs)
    assert notes[0].startswith("6 runs are in both; ")


def test_as_a_command(two, tmp_path, command):
    def run(*arguments):
        return command("compare.py", *arguments)

    shown = run(*two)
    assert (shown.returncode, shown.stderr) == (1, "")
    runs = [replace(run, seconds=10 * run.seconds) for run in board({"gru": 0.5, "lstm": 0.5})]
    slower = run(two[0], published(tmp_path / "slower", runs))
    moved = slower.stdout.partition("\n")[2].count("moved")
    assert (slower.returncode, moved) == (0, 3)  # and in words
    assert run(*two, "--json").returncode == 1
    assert "\n6 of " in shown.stdout
    assert "of numbers that seeds make random, 10 % do so by chance" in shown.stdout  # 2 of the 20 orders of 3 and 3
    assert "cell lstm" in shown.stdout
    assert "parameters" not in shown.stdout
    assert "parameters" in run(*two, "--all").stdout
    other = published(tmp_path / "other", board({"gru": 0.5}) + board({"gru": 0.5}, task="digits"))
    for wrong, message in ((tmp_path / "nothing", "nothing: holds no result"), (other, "no setting in common")):
        ended = run(two[0], wrong)
        assert ended.returncode == 2
        assert message in ended.stderr
        assert ended.stderr.count("\n") == 1
