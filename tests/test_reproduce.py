"""Committed results run again: what is equal, what differs and is named, what cannot be compared."""

import copy
import csv
import json
import math
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from rnnbench import committed, records, reproduce
from rnnbench.errors import UserError
from rnnbench.report import publish
from rnnbench.reproduce import CLOSE, DIFFERS, EQUAL, INSIDE, NOT_COMPARABLE, Check
from rnnbench.store import agreement

pytestmark = pytest.mark.whole

ROOT = Path(__file__).parents[1]
CONF = ROOT / "conf"
SWEEP = ["-m", "cell=elman,gru", "task=digits", "task.length=8", "network.hidden_size=8", "trainer.max_steps=20",
         "trainer.evaluation_batches=2", "tracking=disabled", "probe.every=20", "probe.batch_size=4", "name=tuned",
         "protocol.tune={optimizer.lr:[0.001,0.01]}", "protocol.tune_seeds=[10]",
         "protocol.report_seeds=[0,1]"]  # fmt: skip


@pytest.fixture(scope="module")
def original(shell, tmp_path_factory):
    """Two cells, each tuned over two learning rates with one seed and reported with two: eight runs."""
    folder = tmp_path_factory.mktemp("original")
    result = shell(folder, "train.py", *SWEEP)
    assert result.returncode == 0, result.stderr
    publish("tuned", [folder / "runs" / "tuned"], folder / "results")
    return folder


@pytest.fixture
def result(original, tmp_path):
    """A copy of the report to plant errors in."""
    return Path(shutil.copytree(original / "results" / "tuned", tmp_path / "tuned"))


@pytest.fixture
def repeated(original):
    """The records of the runs, as if they had just been repeated."""
    return {record.run_id: record for record in records.read_all(original / "runs" / "tuned")}


TRIAL = {"phase": "tuning", "cell": "elman", "optimizer.lr": "0.001"}


def plant(result, where, **changes):
    """Changes the row at a place of runs.csv, or the first with such values, and returns its run_id."""
    with (result / "runs.csv").open(newline="") as file:
        found = list(csv.DictReader(file))
    index = where if isinstance(where, int) else [where.items() <= row.items() for row in found].index(True)
    found[index] |= changes
    with (result / "runs.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(found[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(found)
    return found[index]["run_id"]


def alter(result, change):
    """Changes provenance.json."""
    path = result / "provenance.json"
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def off(record, share):
    """A record whose test loss is off by a share of the baseline, and so its score."""
    return replace(record, final=record.final | {"test/loss": record.final["test/loss"] - share * record.baseline})


def test_every_row_is_a_run_of_the_experiment(result, repeated):
    found = committed.read(result, CONF)
    assert found.rows.keys() == repeated.keys()
    assert len(found.rows) == 2 * 2 + 2 * 2
    assert [row["phase"] for row in found.rows.values()].count("tuning") == 4
    assert committed.strays(found) == {}
    assert committed.contradictions(found) == {}


def test_an_invented_row_and_a_lost_one_are_named(result):
    invented = plant(result, TRIAL, run_id="digits-elman-seed0-0123456789")
    strays = committed.strays(committed.read(result, CONF))
    assert strays.pop(invented) == "no run of this experiment"
    assert list(strays.values()) == ["has no row"]


def test_a_run_of_an_earlier_choice_is_no_stray(result):
    """Runs are merged into what is published, whose choice may change."""
    plant(result, TRIAL, run_id="digits-elman-seed0-0123456789", phase="unused")
    assert list(committed.strays(committed.read(result, CONF)).values()) == ["has no row"]


def test_a_result_of_several_commands(result):
    """As of two machines that shared the work: together they stand for all rows, one of them alone does not."""
    shared = json.loads((result / "provenance.json").read_text())["commands"][0]
    commands = [shared.replace("elman,gru", cell) for cell in ("elman", "gru")]
    assert commands[0] != shared
    alter(result, lambda content: content.update(commands=commands))
    found = committed.read(result, CONF)
    assert committed.strays(found) == {}
    assert committed.contradictions(found) == {}
    assert len(committed.sample(found, 1.0)) == 8
    alter(result, lambda content: content.update(commands=commands[:1]))
    strays = committed.strays(committed.read(result, CONF))
    assert list(strays.values()) == ["no run of this experiment"] * 4
    assert all("-gru-" in run_id for run_id in strays)


def test_another_choice_would_have_been_made(result):
    """A tuning row that is made better than the chosen one: its reported runs have no rows."""
    found = committed.read(result, CONF)
    tuning = [
        (i, row) for i, row in enumerate(found.rows.values()) if row["phase"] == "tuning" and row["cell"] == "gru"
    ]
    worst, _ = max(tuning, key=lambda pair: pair[1]["validation_loss"])
    plant(result, worst, validation_loss="0.0")
    strays = committed.strays(committed.read(result, CONF))
    assert list(strays.values()) == ["has no row"] * 2
    assert all("-gru-" in run_id for run_id in strays)


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


RULES = agreement.rules({"score": 0.05})


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


def test_the_fraction_is_chosen_by_hash_and_grows(result):
    found = committed.read(result, CONF)
    quarter, half, all_of_them = (list(committed.sample(found, share)) for share in (0.2, 0.5, 1.0))
    assert (len(quarter), len(half), len(all_of_them)) == (2, 4, 8)
    assert half[:2] == quarter
    digests = [run_id.rpartition("-")[2] for run_id in all_of_them]
    assert digests == sorted(digests)


def test_the_mean_of_a_setting_lies_in_its_interval_or_not(result, repeated):
    found = committed.read(result, CONF)
    same = reproduce.means(found, repeated)
    assert [check.verdict for check in same] == [INSIDE] * 2  # tuning has one seed
    moved = reproduce.means(found, {run_id: off(record, 1) for run_id, record in repeated.items()})
    assert [check.verdict for check in moved] == [DIFFERS] * 2
    assert [check.what for check in same] == ["mean of elman", "mean of gru"]
    assert all(check.why == "inside the interval of the 2 reported runs" for check in same)
    assert all(check.why == "outside the interval of the 2 reported runs" for check in moved)
    some = {run_id: record for run_id, record in repeated.items() if record.seed != 1}
    assert reproduce.means(found, some) == []  # not all of its runs


def test_a_run_that_diverges_now_counts_in_the_mean(result, repeated):
    """As the worst score there is, not as a run that is missing."""
    found = committed.read(result, CONF)
    lost = {
        run_id: replace(record, status="diverged", diverged_at_step=20)
        for run_id, record in repeated.items()
        if record.config["cell"]["name"] == "gru"
    }
    elman, gru = reproduce.means(found, repeated | lost)
    assert (elman.verdict, gru.verdict, gru.now) == (INSIDE, DIFFERS, "-1.000")


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
        (["nothing"], "nothing/provenance.json: cannot be used"),
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
    with pytest.raises(UserError, match="runs.csv: lacks the column phase: .*; publish it again with scripts/publish"):
        committed.read(result, CONF)
    (result / "provenance.json").write_text("{")
    with pytest.raises(UserError, match="provenance.json: cannot be used"):
        committed.read(result, CONF)


@pytest.mark.parametrize("command", ["", "python scripts/train.py 'cell=", "python scripts/train.py --flag cell=gru"])
def test_a_command_that_cannot_be_read_is_named(result, command):
    alter(result, lambda content: content.update(commands=[command]))
    with pytest.raises(UserError, match="provenance.json: the command .*: cannot be read: "):
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


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"test_loss": "0.5"}, "but by its status, test_loss and baseline it is "),
        ({"cell": "lstm"}, "cell 'lstm' of a run with 'elman'"),
        ({"length": "16"}, "length 16 of a run with 8"),
        ({"seed": "7"}, "seed 7 of a run with 10"),
        ({"optimizer.lr": "0.5"}, "optimizer.lr 0.5 of a run with 0.001"),
        ({"optimizer.lr": '"0.001"'}, "optimizer.lr '0.001' of a run with 0.001"),
        ({"optimizer.lr": ""}, "optimizer.lr None of a run with 0.001"),
        ({"phase": "report"}, "phase 'report' of a tuning run"),
        ({"metric": "mse"}, "metric 'mse' of a run with 'accuracy'"),
    ],
)
def test_a_row_that_contradicts_itself_or_its_configuration(result, changes, reason):
    planted = plant(result, TRIAL, **changes)
    found = committed.contradictions(committed.read(result, CONF))
    assert list(found) == [planted]
    assert reason in found[planted]


def test_a_configuration_that_is_not_that_of_the_runs(result):
    """What all runs share is said once, in config.yaml: every row is then wrong."""
    path = result / "config.yaml"
    path.write_text(path.read_text().replace("hidden_size: 8", "hidden_size: 16"))
    found = committed.contradictions(committed.read(result, CONF))
    assert len(found) == 8
    assert set(found.values()) == {"network.hidden_size 16 of a run with 8"}


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


def test_a_run_with_two_rows(result):
    first = next(iter(committed.read(result, CONF).rows))
    plant(result, 1, run_id=first)
    with pytest.raises(UserError, match=f"'{first}' has two rows"):
        committed.read(result, CONF)
