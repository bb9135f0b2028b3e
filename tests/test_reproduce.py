"""Committed results run again: what is equal, what differs and is named, what cannot be compared."""

import copy
import csv
import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from rnnbench import agreement, records, reproduce, rows
from rnnbench.errors import UserError
from rnnbench.records import Record
from rnnbench.report import publish
from rnnbench.reproduce import CLOSE, DIFFERS, EQUAL, INSIDE, NOT_COMPARABLE, Check

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
    publish("tuned", folder / "runs", folder / "results")
    return folder


@pytest.fixture
def result(original, tmp_path):
    """A copy of the report to plant errors in."""
    return Path(shutil.copytree(original / "results" / "tuned", tmp_path / "tuned"))


@pytest.fixture
def repeated(original):
    """The records of the runs, as if they had just been repeated."""
    return {record.run_id: record for record in records.read_all(original / "runs" / "tuned")}


def plant(result, index, **changes):
    """Changes row ``index`` of runs.csv and returns its run_id."""
    with (result / "runs.csv").open(newline="") as file:
        found = list(csv.DictReader(file))
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


def test_every_row_is_a_run_of_the_experiment(result, repeated):
    committed = reproduce.read(result, CONF)
    assert committed.rows.keys() == repeated.keys()
    assert len(committed.rows) == 2 * 2 + 2 * 2
    assert [row["phase"] for row in committed.rows.values()].count("tuning") == 4
    assert reproduce.strays(committed) == {}
    assert reproduce.contradictions(committed) == {}


def test_an_invented_row_and_a_lost_one_are_named(result):
    invented = plant(result, 0, run_id="digits-elman-seed0-0123456789")
    strays = reproduce.strays(reproduce.read(result, CONF))
    assert strays.pop(invented) == "no run of this experiment"
    assert list(strays.values()) == ["has no row"]


def test_another_choice_would_have_been_made(result):
    """A tuning row that is made better than the chosen one: its reported runs have no rows."""
    committed = reproduce.read(result, CONF)
    tuning = [
        (i, row) for i, row in enumerate(committed.rows.values()) if row["phase"] == "tuning" and row["cell"] == "gru"
    ]
    worst, _ = max(tuning, key=lambda pair: float(pair[1]["validation_loss"]))
    plant(result, worst, validation_loss="0.0")
    lost = reproduce.strays(reproduce.read(result, CONF))
    assert list(lost.values()) == ["has no row"] * 2
    assert all("-gru-" in run_id for run_id in lost)


def test_equal_to_the_last_bit_or_not(result, repeated):
    committed = reproduce.read(result, CONF)
    for run_id, record in repeated.items():
        row = committed.rows[run_id]
        environment = committed.environments[int(row["environment"])]
        assert reproduce.compare(row, record, environment, committed.rules).verdict == EQUAL
        other = replace(record, score=record.score * (1 + 2e-16) + 1e-17)
        check = reproduce.compare(row, other, environment, committed.rules)
        assert check.verdict == DIFFERS
        assert check.why == f"score {record.score} -> {other.score}"


def one(result, repeated):
    committed = reproduce.read(result, CONF)
    row = next(iter(committed.rows.values()))
    environment = copy.deepcopy(committed.environments[int(row["environment"])])
    return row, repeated[row["run_id"]], environment


RULES = agreement.rules({"score": 0.05})


@pytest.mark.parametrize(
    ("kind", "key"), [("machine", "processor"), ("machine", "instructions"), ("versions", "torch")]
)
def test_elsewhere_the_rules_decide(result, repeated, kind, key):
    row, record, environment = one(result, repeated)
    environment[kind][key] = "another"
    near, far = (replace(record, score=record.score + off) for off in (0.04, 0.06))
    check = reproduce.compare(row, near, environment, RULES)
    assert check.verdict == CLOSE
    assert check.why == f"score {record.score:.4g} -> {near.score:.4g} (at most 0.05)"
    assert reproduce.compare(row, far, environment, RULES).verdict == DIFFERS
    gone = replace(record, score=None, status="diverged")
    check = reproduce.compare(row, gone, environment, RULES)
    assert check.verdict == DIFFERS
    assert "status done -> diverged" in check.why
    failed = replace(record, score=None, status="failed", error="RuntimeError: no")
    check = reproduce.compare(row, failed, environment, RULES)
    assert (check.verdict, check.why) == (DIFFERS, "status done -> failed, RuntimeError: no")


@pytest.mark.parametrize(("kind", "key"), [("machine", "platform"), ("machine", "cores"), ("versions", "wandb")])
def test_what_cannot_change_a_number_excuses_nothing(result, repeated, kind, key):
    row, record, environment = one(result, repeated)
    environment[kind][key] = "another"
    assert reproduce.compare(row, replace(record, score=record.score + 1e-9), environment, RULES).verdict == DIFFERS


def test_other_versions_and_other_data_are_told_apart(result):
    committed = reproduce.read(result, CONF)
    run_id, row = next(iter(committed.rows.items()))
    config = committed.plan.tuning.get(run_id) or committed.plan.candidates[run_id]
    environment = copy.deepcopy(committed.environments[0])
    assert reproduce.obstacle(config.config, row, environment, any_version=False) == ""
    now = environment["versions"]["torch"]
    environment["versions"]["torch"] = "1.0"
    assert (
        reproduce.obstacle(config.config, row, environment, any_version=False) == f"other versions: torch 1.0 -> {now}"
    )
    assert reproduce.obstacle(config.config, row, environment, any_version=True) == ""
    for any_version in (False, True):  # other data are another experiment
        why = reproduce.obstacle(config.config, row | {"data_sha256": "0" * 64}, environment, any_version)
        assert why.startswith("other data: sha256 ")


def test_the_fraction_is_chosen_by_hash_and_grows(result):
    committed = reproduce.read(result, CONF)
    quarter, half, all_of_them = (list(reproduce.sample(committed, share)) for share in (0.2, 0.5, 1.0))
    assert (len(quarter), len(half), len(all_of_them)) == (2, 4, 8)
    assert half[:2] == quarter
    digests = [run_id.rpartition("-")[2] for run_id in all_of_them]
    assert digests == sorted(digests)


def test_the_mean_of_a_setting_lies_in_its_interval_or_not(result, repeated):
    committed = reproduce.read(result, CONF)
    assert [check.verdict for check in reproduce.means(committed, repeated)] == [INSIDE] * 2  # tuning has one seed
    moved = {run_id: replace(record, score=record.score + 10) for run_id, record in repeated.items()}
    assert [check.verdict for check in reproduce.means(committed, moved)] == [DIFFERS] * 2
    assert all(check.why for check in [*reproduce.means(committed, repeated), *reproduce.means(committed, moved)])
    some = {run_id: record for run_id, record in repeated.items() if record.seed != 1}
    assert reproduce.means(committed, some) == []  # not all of its runs


def test_exit_codes():
    def code(*verdicts):
        return reproduce.exit_code([Check("a", "", "", verdict) for verdict in verdicts])

    assert code(EQUAL, CLOSE, INSIDE) == 0
    assert code(EQUAL, NOT_COMPARABLE) == 3
    assert code(EQUAL, NOT_COMPARABLE, DIFFERS) == 1


def test_a_planted_number_is_found_and_named(result, command, tmp_path):
    """All of it as a user types it: the planted row alone differs, the others are the same to the last bit."""
    committed = rows.read(result)
    index = next(i for i, row in enumerate(committed) if row["phase"] == "report")
    planted = plant(result, index, score=str(float(committed[index]["score"]) + 0.001))
    run = command("reproduce.py", "tuned", "--results-dir", tmp_path)
    assert run.returncode == 1, run.stderr
    differing = [line for line in run.stdout.splitlines() if DIFFERS in line]
    assert len([line for line in differing if planted in line]) == 2  # by itself, and against the run
    assert len(differing) == 3  # and the line that counts
    assert "1 - test_loss / baseline" in differing[0]
    assert "7 equal" in run.stdout
    assert "may be off" not in run.stdout  # nothing was made elsewhere
    plant(result, index, score=committed[index]["score"])
    alter(result, lambda content: content["environments"][0]["versions"].update(torch="1.0"))
    run = command("reproduce.py", "tuned", "--results-dir", tmp_path, "--fraction", "0.1")
    assert run.returncode == 3, run.stdout
    assert "other versions: torch 1.0 -> " in run.stdout


def test_what_is_not_a_result_is_said_in_a_line(result, command, tmp_path):
    for arguments, message in (
        (["nothing"], "nothing/runs.csv: cannot be read"),
        (["tuned", "--fraction", "0"], "--fraction=0.0: must be greater than 0"),
        (["tuned", "--fraction", "1.5"], "--fraction=1.5: must be at most 1"),
        (["tuned", "--jobs", "0"], "--jobs=0: must be at least 1"),
        (["../tuned"], "name='../tuned': must be the plain name of a folder"),
    ):
        run = command("reproduce.py", *arguments, "--results-dir", tmp_path)
        assert run.returncode == 2
        assert message in run.stderr
        assert run.stderr.count("\n") == 1
    (result / "provenance.json").write_text("{")
    with pytest.raises(UserError, match="provenance.json: cannot be used"):
        reproduce.read(result, CONF)
    (result / "runs.csv").write_text("run_id\n")
    with pytest.raises(UserError, match="write it again with scripts/publish.py"):
        rows.read(result)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"environment": "7"}, "environment '7' is not in provenance.json"),
        ({"environment": "x"}, "environment 'x' is not in provenance.json"),
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
        ({"test_loss": "0.5"}, "but 1 - test_loss / baseline is "),
        ({"cell": "lstm"}, "cell 'lstm' of a run with elman"),
        ({"length": "16"}, "length '16' of a run with 8"),
        ({"seed": "7"}, "seed '7' of a run with 10"),
        ({"optimizer.lr": "0.5"}, "optimizer.lr '0.5' of a run with 0.001"),
        ({"phase": "report"}, "phase 'report' of a run with tuning"),
        ({"metric": "mse"}, "metric 'mse' of a run with accuracy"),
    ],
)
def test_a_row_that_contradicts_itself_or_its_configuration(result, changes, reason):
    planted = plant(result, 0, **changes)
    found = reproduce.contradictions(reproduce.read(result, CONF))
    assert list(found) == [planted]
    assert reason in found[planted]


def test_a_run_that_failed_reproduces_nothing(result, tmp_path, monkeypatch):
    """It is not run again: nothing but its failure could come of it."""
    for index in range(8):
        plant(result, index, status="failed", score="", test_loss="")
    monkeypatch.setattr(reproduce, "run_all", lambda configs, options: asserted_empty(configs))
    checks = reproduce.reproduce(result, CONF, tmp_path / "work", fraction=1).checks
    checks = [check for check in checks if check.why != "has no row"]  # nothing was chosen either
    assert {check.verdict for check in checks} == {NOT_COMPARABLE}
    assert {check.why for check in checks} == {"the reported run failed: there is nothing to repeat"}
    assert reproduce.exit_code(checks) == 3


def asserted_empty(configs):
    assert configs == []


def test_a_run_with_two_rows(result):
    first = rows.read(result)[0]["run_id"]
    plant(result, 1, run_id=first)
    with pytest.raises(UserError, match=f"{first} has 2 rows"):
        rows.read(result)


def test_a_row_keeps_every_bit(tmp_path):
    config = {"task": {"name": "adding"}, "cell": {"name": "lstm"}}
    record = Record(run_id="a", experiment="e", status="done", seed=0, score=0.1 + 0.2, metric="mse", config=config,
                    final={"test/mse": 1e-300})  # fmt: skip
    rows.write(tmp_path / rows.FILE, [{"x": None} | rows.row(record) | {"phase": "report", "environment": 0}])
    (back,) = rows.read(tmp_path)
    assert float(back["score"]) == 0.1 + 0.2
    assert float(back["test_metric"]) == 1e-300
    assert back["x"] == back["solved_at_step"] == ""
    assert {key: back[key] for key in rows.row(record)} == rows.as_text(rows.row(record))
    assert rows.factors([back]) == ["x"]
