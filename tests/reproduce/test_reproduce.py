"""Committed results run again: what is equal, what differs and is named, what cannot be compared."""

import copy
import math
import shutil
from contextlib import suppress
from dataclasses import replace

import pytest
from planting import CONF, alter, plant

from rnnbench.errors import UserError
from rnnbench.outcomes import agreement
from rnnbench.store import provenance
from rnnbench.sweep import committed, reproduce
from rnnbench.sweep.reproduce import CLOSE, DIFFERS, EQUAL, INSIDE, NOT_COMPARABLE, Check

pytestmark = pytest.mark.whole

RULES = agreement.rules({"score": 0.05})


def off(record, share):
    """A record whose test loss is off by a share of the baseline, and so its score."""
    return replace(record, final=record.final | {"test/loss": record.final["test/loss"] - share * record.baseline})


def scored(record, score):
    """A record with that score."""
    return replace(record, final=record.final | {"test/loss": (1 - score) * record.baseline})


def test_equal_to_the_last_bit_or_not(result, repeated):
    found = committed.read(result, CONF)
    for run_id, record in repeated.items():
        row = found.rows[run_id]
        assert reproduce.compare(row, record, found.environment(row), found.rules).verdict == EQUAL
        was = record.final["test/accuracy"]
        other = replace(record, final=record.final | {"test/accuracy": math.nextafter(was, 1)})
        check = reproduce.compare(row, other, found.environment(row), found.rules)
        assert check.verdict == DIFFERS
        assert check.why == f"test_metric {was} -> {other.test_metric} (the machine and the versions are the same)"


def one(result, repeated):
    found = committed.read(result, CONF)
    row = next(iter(found.rows.values()))
    return row, repeated[row["run_id"]], copy.deepcopy(found.environment(row))


@pytest.mark.parametrize(
    ("kind", "key"), [("machine", "processor"), ("machine", "instructions"), ("versions", "torch")]
)
def test_elsewhere_the_rules_decide(result, repeated, kind, key):
    row, record, environment = one(result, repeated)
    now = environment[kind][key]
    environment[kind][key] = "another"
    near, far = off(record, 0.04), off(record, 0.06)
    check = reproduce.compare(row, near, environment, RULES)
    assert check.verdict == CLOSE
    assert check.why.startswith(f"score {record.score:.4g} -> {near.score:.4g} (at most 0.05), test_loss ")
    assert check.why.endswith(f" (probably by {key} another -> {now})")
    assert reproduce.compare(row, far, environment, RULES).verdict == DIFFERS
    gone = replace(record, status="diverged", diverged_at_step=20)
    check = reproduce.compare(row, gone, environment, RULES)
    assert check.verdict == DIFFERS
    assert "status done -> diverged" in check.why
    failed = replace(record, status="failed", error="RuntimeError: no")
    check = reproduce.compare(row, failed, environment, RULES)
    assert (check.verdict, check.why) == (DIFFERS, "status done -> failed, RuntimeError: no")


@pytest.mark.parametrize(("kind", "key"), [("machine", "platform"), ("machine", "cores"), ("versions", "wandb")])
def test_what_cannot_change_a_number_excuses_nothing(result, repeated, kind, key):
    row, record, environment = one(result, repeated)
    environment[kind][key] = "another"
    assert reproduce.compare(row, off(record, 1e-9), environment, RULES).verdict == DIFFERS


def test_other_versions_and_other_data_are_told_apart(result):
    found = committed.read(result, CONF)
    run_id, row = next(iter(found.rows.items()))
    config = (found.plan.tuning | found.plan.candidates)[run_id].config
    environment = copy.deepcopy(found.environment(row))
    assert reproduce.obstacle(config, row, environment, any_version=False) == ""
    now = environment["versions"]["torch"]
    environment["versions"]["torch"] = "1.0"
    assert reproduce.obstacle(config, row, environment, any_version=False) == f"other versions: torch 1.0 -> {now}"
    assert reproduce.obstacle(config, row, environment, any_version=True) == ""
    for any_version in (False, True):  # other data are another experiment
        why = reproduce.obstacle(config, row | {"data_sha256": "0" * 64}, environment, any_version)
        assert why.startswith("other data: sha256 ")


def reported(result, score):
    """The result, had all of its runs had this score."""
    found = committed.read(result, CONF)
    return found._replace(result=replace(found.result, rows=found.result.rows.assign(score=score)))


def test_the_interval_of_a_setting_meets_the_reported_one_or_not(result, repeated):
    found = committed.read(result, CONF)
    same = reproduce.medians(found, repeated)
    assert [check.verdict for check in same] == [INSIDE] * 2  # tuning has one seed
    moved = reproduce.medians(found, {run_id: off(record, 1) for run_id, record in repeated.items()})
    assert [check.verdict for check in moved] == [DIFFERS] * 2
    assert [check.what for check in same] == ["median of elman", "median of gru"]
    assert all(check.why == "meets the interval of the 2 reported runs" for check in same)
    assert all(check.why == "beyond the interval of the 2 reported runs" for check in moved)
    for was, share, verdict in ((0.5, 0.9, INSIDE), (0.5, 1.1, DIFFERS), (-1, 0.9, INSIDE), (-1, 1.1, DIFFERS)):
        # Of the tolerance, for settings without any spread; a score below the baseline counts as 0.
        alike = reported(result, float(was))
        score = max(was, 0) + share * alike.rules["score"].most
        now = {run_id: scored(record, score) for run_id, record in repeated.items()}
        assert [check.verdict for check in reproduce.medians(alike, now)] == [verdict] * 2
    some = {run_id: record for run_id, record in repeated.items() if record.seed != 1}
    assert reproduce.medians(found, some) == []  # not all of its runs


def test_a_run_that_diverges_now_counts_in_the_median(result, repeated):
    """As the worst score there is, not as a run that is missing."""
    now = {run_id: scored(record, 0.5) for run_id, record in repeated.items()}
    lost = {
        run_id: replace(record, status="diverged", diverged_at_step=20)
        for run_id, record in repeated.items()
        if record.config["cell"]["name"] == "gru"
    }
    elman, gru = reproduce.medians(reported(result, 0.5), now | lost)
    assert (elman.verdict, gru.verdict, gru.now) == (INSIDE, DIFFERS, "-1.000 [-1.000, -1.000]")


def test_exit_codes():
    def code(*verdicts):
        return reproduce.exit_code([Check("a", "", "", verdict) for verdict in verdicts])

    assert code(EQUAL, CLOSE, INSIDE) == 0
    assert code(EQUAL, NOT_COMPARABLE) == 3
    assert code(EQUAL, NOT_COMPARABLE, DIFFERS) == 1


def test_a_planted_number_is_found_and_named(result, command, tmp_path):
    """All of it as a user types it: the planted row alone differs, the others are the same to the last bit."""
    rows = list(committed.read(result, CONF).rows.values())
    index, row = next((i, row) for i, row in enumerate(rows) if row["phase"] == "report")
    planted = plant(result, index, score=str(row["score"] + 0.001))
    run = command("reproduce.py", "tuned", "--results-dir", tmp_path)
    assert run.returncode == 1, run.stderr
    differing = [line for line in run.stdout.splitlines() if DIFFERS in line]
    assert len([line for line in differing if planted in line]) == 2  # by itself, and against the run
    assert len(differing) == 3  # and the line that counts
    assert "but by its status, test_loss and baseline it is" in differing[0]
    assert "7 equal" in run.stdout
    assert "may be off" not in run.stdout  # nothing was made elsewhere
    plant(result, index, score=str(row["score"]))
    alter(result, lambda content: content["environments"][0]["versions"].update(torch="1.0"))
    run = command("reproduce.py", "tuned", "--results-dir", tmp_path, "--fraction", "0.1")
    assert run.returncode == 3, run.stdout
    assert "other versions: torch 1.0 -> " in run.stdout


def test_what_is_not_a_result_is_said_in_a_line(result, command, tmp_path):
    for arguments, message in (
        (["nothing"], "nothing: holds no result"),
        (["tuned", "--fraction", "0"], "--fraction=0.0: must be greater than 0"),
        (["tuned", "--fraction", "1.5"], "--fraction=1.5: must be at most 1"),
        (["tuned", "--jobs", "0"], "--jobs=0: must be at least 1"),
        (["../tuned"], "name='../tuned': must be the plain name of a folder"),
    ):
        run = command("reproduce.py", *arguments, "--results-dir", tmp_path)
        assert run.returncode == 2
        assert message in run.stderr
        assert run.stderr.count("\n") == 1
    (result / "runs.csv").write_text("run_id\n")
    with pytest.raises(UserError, match="runs.csv: lacks the column phase: .*; make it again with rnnbench report"):
        committed.read(result, CONF)
    (result / "provenance.json").write_text("{")
    with pytest.raises(UserError, match="provenance.json: cannot be used"):
        committed.read(result, CONF)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"environment": "7"}, "environment 7 is not in provenance.json"),
        ({"environment": "x"}, "environment 'x' is no whole number"),
        ({"score": "much"}, "'much' is no number"),
        ({"horizon_final": "1.5"}, "horizon_final '1.5' is no whole number"),
    ],
)
def test_a_damaged_row_is_said_before_anything_runs(result, tmp_path, monkeypatch, changes, message):
    for index in range(8):
        plant(result, index, **changes)
    monkeypatch.setattr(reproduce, "run_all", None)
    with pytest.raises(UserError, match=message):
        reproduce.reproduce(result, CONF, tmp_path / "work", fraction=0.1)


def test_an_interrupted_one_goes_on_with_the_same_code(result, original, monkeypatch, tmp_path, capfd):
    """What has no commit, or differs from it, begins anew."""
    clean = "0123456789abcdef"
    for commit, kept in ((None, 0), (f"{clean}{provenance.DIRTY}", 0), (clean, 8)):
        monkeypatch.setattr(provenance, "git_commit", lambda commit=commit: commit)
        work = interrupted(tmp_path, original / "runs" / "tuned")
        assert len(list(work.glob("tuned/*/record.json"))) == kept
    checks = reproduce.reproduce(result, CONF, tmp_path).checks
    assert {check.verdict for check in checks} == {EQUAL, INSIDE}
    assert capfd.readouterr().out.count(": already done, ") == 8
    assert not work.parent.exists()


def interrupted(runs_dir, runs):
    """The folder in which a reproduction was interrupted that had all these runs."""
    with suppress(KeyboardInterrupt), reproduce.workplace(runs_dir, "tuned") as work:
        shutil.copytree(runs, work / "tuned")
        raise KeyboardInterrupt
    return work


def test_a_run_that_failed_reproduces_nothing(result, tmp_path, monkeypatch):
    """It is not run again: nothing but its failure could come of it."""
    for index in range(8):
        plant(result, index, status="failed", score="-1.0", test_loss="")
    monkeypatch.setattr(reproduce, "run_all", lambda configs, options: asserted_empty(configs))
    checks = reproduce.reproduce(result, CONF, tmp_path / "work", fraction=1).checks
    assert [check.verdict for check in checks] == [NOT_COMPARABLE] * 8
    assert {check.why for check in checks} == {"the reported run failed: there is nothing to repeat"}
    assert reproduce.exit_code(checks) == 3


def asserted_empty(configs):
    assert configs == []
