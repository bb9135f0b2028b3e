"""Published rows that count as done: one more cell in a published table, a sweep that goes on elsewhere."""

import json
import shutil
from functools import cache

import pytest

from rnnbench.outcomes import result
from rnnbench.report import publish

pytestmark = [pytest.mark.whole, pytest.mark.usefixtures("undrawn")]

SMALL = ["task.length=10", "network.hidden_size=8", "trainer.max_steps=20", "trainer.validate_every=10",
         "task.validation_sequences=32", "task.test_sequences=32",
         "probe.every=10", "tracking=disabled", "name=table"]  # fmt: skip
SWEEP = ["-m", "cell=elman,gru", "seed=0,1", *SMALL]
ONE = ["-m", "cell=gru", "seed=0", *SMALL]
TUNED = ["-m", "cell=gru", "protocol.tune={optimizer.lr:[0.01,0.02]}", "protocol.tune_seeds=[7]",
         "protocol.report_seeds=[0,1]", *SMALL]  # fmt: skip


@pytest.fixture
def train(command):
    """A function that trains in the folder of the test, and returns what was printed."""

    def run(*arguments, code=0):
        ended = command("train.py", *arguments)
        assert ended.returncode == code, ended.stderr
        return ended.stdout if code == 0 else ended.stderr

    return run


@pytest.fixture(scope="module")
def results_of(shell, tmp_path_factory):
    """A function from the command of a sweep to its published results, made once."""

    @cache
    def made(*arguments):
        folder = tmp_path_factory.mktemp("made")
        ended = shell(folder, "train.py", *arguments)
        assert ended.returncode == 0, ended.stderr
        publish("table", [folder / "runs" / "table"], folder / "results")
        return folder / "results"

    return made


@pytest.fixture
def published(results_of, tmp_path):
    """A function that leaves the published results of a sweep, without its runs."""
    return lambda *arguments: shutil.copytree(results_of(*arguments), tmp_path / "results")


def folders(tmp_path):
    return sorted(
        path.name for path in (tmp_path / "runs" / "table").iterdir() if path.is_dir() and path.name[0] != "."
    )


def contents(folder):
    return {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_one_more_cell_is_trained_alone_and_shown_in_the_published_table(train, published, command, tmp_path):
    published(*SWEEP)
    before = contents(tmp_path / "results")
    said = train("-m", "cell=lstm", "seed=0,1", *SMALL, "reuse=true")
    assert said.count(": done, score") == 2
    report = command("report.py", "table", drawn=False)
    assert report.returncode == 0, report.stderr
    shown = result.read(tmp_path / "runs" / "table" / "report")
    assert sorted(shown.rows["cell"]) == ["elman", "elman", "gru", "gru", "lstm", "lstm"]
    assert set(shown.tables["profiles"]["run_id"]) == set(shown.rows["run_id"])
    for cell in ("elman", "gru", "lstm"):
        assert f"\n{cell} " in report.stdout
    assert contents(tmp_path / "results") == before
    # and published, it joins them
    publish("table", [tmp_path / "runs" / "table"], tmp_path / "results")
    assert result.read(tmp_path / "results" / "table").rows["run_id"].tolist() == shown.rows["run_id"].tolist()


def test_what_is_published_is_not_trained_again(train, published, command, tmp_path):
    published(*SWEEP)
    said = train(*SWEEP, "reuse=true")
    assert said.count("already published in results/table, score ") == 4
    assert folders(tmp_path) == []
    status = command("status.py", "table")
    assert status.returncode == 0, status.stderr
    assert status.stdout.rstrip().endswith("4 done")
    assert train(*ONE).count(": done, score") == 1  # off by default


def test_force_trains_again_what_is_published(train, published, tmp_path):
    published(*SWEEP)
    assert train(*ONE, "reuse=true", "force=true").count(": done, score") == 1


def test_a_single_run(train, published, tmp_path):
    published(*SWEEP)
    said = train("cell=gru", *SMALL, "reuse=true")
    assert ": already published in results/table, score " in said
    assert not (tmp_path / "runs").exists()


def test_a_tuned_sweep_goes_on_from_what_is_published(train, published, command, tmp_path):
    published(*TUNED)
    said = train(*TUNED, "reuse=true")
    assert said.count("already published") == 4
    assert folders(tmp_path) == []
    said = train("-m", "cell=lstm", *TUNED[2:], "reuse=true")
    assert said.count(": done, score") == 4  # two to tune it, two to report
    report = command("report.py", "table", drawn=False)
    assert report.returncode == 0, report.stderr
    assert sorted(result.read(tmp_path / "runs" / "table" / "report").rows["cell"].unique()) == ["gru", "lstm"]


def test_a_failed_row_is_run_again(train, published, tmp_path):
    published(*SWEEP)
    found = result.read(tmp_path / "results" / "table")
    found.rows.loc[0, ["status", "score", "reason"]] = ["failed", -1.0, "power cut"]
    result.write(tmp_path / "results" / "table", found)
    said = train(*SWEEP, "reuse=true")
    assert (said.count("already published"), said.count(": done, score")) == (3, 1)


class TestMistakes:
    def test_nothing_is_published(self, train, tmp_path):
        error = "error: reuse=true: nothing is published in results/table\n"
        assert train(*SWEEP, "reuse=true", code=2) == error
        assert train("cell=gru", *SMALL, "reuse=true", code=2) == error
        assert not list(tmp_path.iterdir())

    def test_what_is_published_is_named(self, train, published, tmp_path):
        published(*SWEEP)
        error = train(*SWEEP, "name=tabel", "reuse=true", code=2)
        assert error == "error: reuse=true: nothing is published in results/tabel; published are table\n"

    def test_other_data(self, train, published, tmp_path):
        """Two machines with different texts."""
        for name in "ab":
            (tmp_path / f"{name}.txt").write_text(f"{name}ction, reaction. " * 600)
        text = ["task=char_lm", f"task.corpus={tmp_path}/text.txt"]
        shutil.copy(tmp_path / "a.txt", tmp_path / "text.txt")
        published(*ONE, *text)
        shutil.copy(tmp_path / "b.txt", tmp_path / "text.txt")
        error = train(*ONE, *text, "reuse=true", code=2)
        assert error.startswith("error: reuse=true: char_lm-")
        assert "in results/table read other data, sha256" in error
        assert error.count("\n") == 1
        assert not (tmp_path / "runs").exists()

    def test_a_damaged_result(self, train, published, tmp_path):
        published(*SWEEP)
        (tmp_path / "results" / "table" / "runs.csv").write_text("run_id\nx")
        error = train(*SWEEP, "reuse=true", code=2)
        assert error.startswith("error: results/table/runs.csv: is damaged")
        assert error.count("\n") == 1


def test_where_it_is_published_is_remembered(train, published, tmp_path):
    published(*SWEEP)
    train("-m", "cell=lstm", *SMALL, "reuse=true")
    assert json.loads((tmp_path / "runs" / "table" / "sweep.json").read_text())["published"] == "../../results/table"
