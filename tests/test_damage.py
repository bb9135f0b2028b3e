"""Files that are damaged, or of another version: they are named, and everything else is made."""

import dataclasses
import json
import shutil

import pytest

from planted import without_figures
from rnnbench.errors import UserError
from rnnbench.outcomes import provenance, result, rows
from rnnbench.report import overview, publish, write_report
from rnnbench.report.side_by_side import compare
from rnnbench.store import protocol, records
from rnnbench.store.protocol import Protocol
from rnnbench.sweep import committed
from test_report import leave, make

pytestmark = pytest.mark.whole

FIELDS = [field.name for field in dataclasses.fields(records.Record)]
WRONG = {"config": [1], "data": [], "gradients": {"final": {"horizon": [1]}}, "final": {"val/loss": "x"},
         "best": {"step": []}, "versions": {"torch": 2}, "machine": "a computer"}  # fmt: skip


def change(path, changes):
    """Changes a file of JSON; None deletes a key."""
    values = json.loads(path.read_text()) | changes
    path.write_text(json.dumps({key: value for key, value in values.items() if value != "gone"}))


class TestRecords:
    @pytest.mark.parametrize("name", FIELDS)
    def test_a_field_of_another_type_is_named(self, tmp_path, name):
        leave(tmp_path / "e", make(0))
        folder = tmp_path / "e" / "adding-lstm-0"
        change(folder / "record.json", {name: WRONG.get(name, [1, 2])})
        with pytest.raises(UserError, match=f"record.json: not a valid record \\({name}.* is .*, not "):
            records.read(folder)

    @pytest.mark.parametrize(
        ("text", "reason"),
        [
            ("", "Expecting value"),
            ("[]", "it is \\[\\], not a table"),
            ('{"seed": 1', "Expecting"),
            ("[" * 100_000, "nested too deeply"),
            ('{"score": NaN}', "NaN is no finite number"),
            ('{"score": 1e999}', "1e999 is no finite number"),
            ('{"steps": 99999999999999999999}', "is too large"),
            ('{"error": "\\ud800"}', "surrogates not allowed"),
            ("{}", "it lacks run_id, experiment, status, config, seed"),
        ],
    )
    def test_a_damaged_record_is_named(self, tmp_path, text, reason):
        (tmp_path / "record.json").write_text(text)
        with pytest.raises(UserError, match=reason) as caught:
            records.read(tmp_path)
        assert "\n" not in str(caught.value)

    @pytest.mark.parametrize(
        ("changes", "reason"),
        [
            ({"status": "finished"}, "status is 'finished', not one of done, diverged, failed"),
            ({"config": {}}, "config lacks task, cell"),
            ({"config": {"task": {"name": "a", "length": "b"}, "cell": {"name": "c"}}}, "config.task.length is 'b'"),
            ({"seed": True}, "seed is True, not a whole number"),
            ({"run_id": "another"}, "its record is that of another"),
            ({"steps": -1}, "steps -1 is out of range"),
            ({"best": {"step": 1.5}}, "best_step 1.5 is out of range"),
            ({"gradients": {"final": {"horizon": 3.5}}}, "horizon_final 3.5 is out of range"),
            ({"gradients": {"final": {"horizon": "far"}}}, "horizon_final far is out of range"),
            ({"data": {"sha256": ["a"]}}, "data_sha256 ['a'] is out of range"),
        ],
    )
    def test_a_damaged_record_is_a_failure_and_the_rest_is_made(self, tmp_path, undrawn, changes, reason):
        for seed in (0, 1):
            leave(tmp_path / "e", make(seed))
        change(tmp_path / "e" / "adding-lstm-0" / "record.json", changes)
        report = write_report("e", tmp_path)
        assert report.page["warnings"] == ["Damaged and left out, see below: adding-lstm-0."]
        (failure,) = report.page["failures"]
        assert reason in failure["reason"]
        assert "done: 1, damaged: 1" in (report.folder / "README.md").read_text()
        records.clear(tmp_path / "e" / "adding-lstm-1")
        with pytest.raises(UserError, match="no runs under .*/e: "):
            write_report("e", tmp_path)

    def test_a_record_of_an_older_version(self, tmp_path):
        leave(tmp_path / "e", make(0))
        folder = tmp_path / "e" / "adding-lstm-0"
        change(folder / "record.json", dict.fromkeys(("version", "flops", "sample"), "gone") | {"forgotten": [1]})
        record = records.read(folder)
        assert (record.flops, record.sample, record.score) == (0, None, 0.5)

    def test_a_record_of_a_newer_version(self, tmp_path):
        leave(tmp_path / "e", make(0))
        folder = tmp_path / "e" / "adding-lstm-0"
        change(folder / "record.json", {"version": records.VERSION + 1, "seed": "of another kind"})
        with pytest.raises(UserError, match=f"of a newer rnnbench \\(version {records.VERSION + 1}, not "):
            records.read(folder)


class TestSweep:
    @pytest.mark.parametrize("text", ["", "[]", '{"tune": {}}', '{"tune": 5, "tune_seeds": [], "report_seeds": []}'])
    def test_a_damaged_protocol(self, tmp_path, text):
        (tmp_path / "protocol.json").write_text(text)
        with pytest.raises(UserError, match="protocol.json: not a valid protocol"):
            protocol.read(tmp_path)

    @pytest.mark.parametrize("text", [b"", b"[]", b'{"run_ids": [1]}', b"\xff", b"{}"])
    def test_a_damaged_list_of_runs(self, tmp_path, text):
        (tmp_path / "sweep.json").write_bytes(text)
        with pytest.raises(UserError, match="sweep.json: not a valid list of runs"):
            records.planned(tmp_path)

    def test_a_list_of_runs_leads_nowhere_else(self, tmp_path):
        (tmp_path / "sweep.json").write_text('{"run_ids": ["a", "../b", "a"]}')
        assert records.planned(tmp_path) == {"run_ids": ["a"]}

    @pytest.mark.parametrize("data", [b"", b'step,train/loss\n1\x00,"' + b"5" * 200_000, b"\xff\n5", b"step\nx\n"])
    def test_the_progress_of_a_run_whose_file_is_damaged(self, tmp_path, data):
        (tmp_path / "metrics.csv").write_bytes(data)
        assert records.read_progress(tmp_path) == (0, None)


TUNED = Protocol(tune={"optimizer.lr": [0.1, 1.0]}, tune_seeds=[10], report_seeds=[0, 1], tolerance={"score": 0.1})


def leave_tuned(folder):
    """A run for each value to choose from, and two with fresh seeds at the better one."""
    for lr, seed, score in ((0.1, 10, 0.9), (1.0, 10, 0.1), (0.1, 0, 0.8), (0.1, 1, 0.7)):
        record = make(seed, score=score, optimizer={"lr": lr})
        record.run_id, record.steps, record.final["val/loss"] = f"adding-lstm-{seed}-{lr}", 20000, 1 - score
        leave(folder, record)
    protocol.write(folder, TUNED)


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """Two tuned results and the runs that they are of, made once."""
    folder = tmp_path_factory.mktemp("published")
    with without_figures():
        for name in ("first", "second"):
            leave_tuned(folder / "runs" / name)
            publish(name, [folder / "runs" / name], folder / "results")
    return folder


class TestResults:
    @pytest.fixture
    def results(self, tmp_path, undrawn, published):
        """Two tuned results: first, which will be damaged, and second."""
        shutil.copytree(published, tmp_path, dirs_exist_ok=True)
        return tmp_path / "results"

    @pytest.mark.parametrize(
        ("changes", "reason"),
        [
            *(({key: "gone"}, f"it lacks {key}") for key in provenance.Provenance.__annotations__ if key != "format"),
            ({"format": "gone"}, "format 1, not 2: of another version of rnnbench"),
            ({"seconds": "long"}, "seconds is 'long', not a number"),
            ({"environments": [{"versions": {}}]}, "environments.0 lacks machine"),
            ({"environments": []}, "it says no command, or no environment"),
        ],
    )
    def test_a_damaged_provenance_is_listed(self, results, changes, reason):
        change(results / "first" / "provenance.json", changes)
        damaged = overview.write_overview(results)
        assert list(damaged) == ["first"]
        text = (results / "README.md").read_text()
        assert "* [first](first/README.md): first/provenance.json: cannot be used (" in text
        assert "### [second](second/README.md)\n\n4 runs, " in text
        assert reason in damaged["first"]

    def test_a_choice_that_nothing_tells(self, results):
        """What was tuned is in no row."""
        path = results / "first" / "runs.csv"
        table = result.read(results / "first").rows
        rows.write(path, table.drop(columns="optimizer.lr"))
        told = "by the protocol in config.yaml none of its runs is one to report"
        assert told in overview.write_overview(results)["first"]

    @pytest.mark.parametrize(
        ("file", "old", "new", "reason"),
        [
            ("runs.csv", b"done", b"d\xffne", "is damaged ("),
            ("runs.csv", b"20000", b"many", "'many' is no whole number"),
            ("runs.csv", b"done,", b"done,1,", "fields, and the first line has"),
            ("runs.csv", b"test_loss", b"loss", "lacks the column test_loss"),
            ("config.yaml", b"tune_seeds", b"seeds", "config.yaml: cannot be used (it lacks tune_seeds)"),
            ("config.yaml", b"protocol:", b"protocol: [", "config.yaml: cannot be used ("),
        ],
    )
    def test_damaged_data_are_listed(self, results, file, old, new, reason):
        path = results / "first" / file
        path.write_bytes(path.read_bytes().replace(old, new))
        assert reason in overview.write_overview(results)["first"]
        with pytest.raises(UserError, match=f"first/{file}"):
            compare(results / "first", results / "second")
        with pytest.raises(UserError, match=f"first/{file}"):
            committed.read(results / "first", results)

    def test_a_command_that_no_shell_can_read(self, results):
        change(results / "first" / "provenance.json", {"commands": ["rnnbench train 'name=x"]})
        with pytest.raises(UserError, match="provenance.json: the command .* cannot be read: No closing quotation"):
            committed.read(results / "first", results)

    @pytest.mark.parametrize("file", ["runs.csv", "config.yaml", "provenance.json"])
    def test_another_result_without_a_file(self, results, tmp_path, file):
        (results / "first" / file).unlink()
        report = publish("second", [tmp_path / "runs" / "second"], results)
        assert list(report.damaged) == ["first"]
