"""Files that are damaged, or of another version: they are named, and everything else is made."""

import dataclasses
import io
import json

import numpy as np
import pytest

from rnnbench import committed, protocol, records, rows
from rnnbench.errors import UserError
from rnnbench.report import figures, origin, overview, publish, runfiles, write_report
from rnnbench.report.side_by_side import compare
from test_report import leave, make
from test_results import board
from test_results import leave as leave_tuned

pytestmark = pytest.mark.whole

FIELDS = [field.name for field in dataclasses.fields(records.Record)]
WRONG = {"config": [1], "data": [], "gradients": {"final": {"horizon": "far"}}, "final": {"val/loss": "x"},
         "best": {"step": []}, "versions": {"torch": 2}, "machine": "a computer"}  # fmt: skip


@pytest.fixture
def undrawn(monkeypatch):
    """No figures, which take long."""
    monkeypatch.setattr(figures, "draw_all", lambda settings, files: {})
    monkeypatch.setattr(overview, "picture", lambda boards: "<svg/>")


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
            ({"steps": -1}, "steps '-1' is out of range"),
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


def npz(**arrays):
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


GOOD = {"h": np.ones((2, 1, 1, 9)), "step": np.array([0, 30]), "lyapunov": np.zeros((2, 1, 1, 3))}


class TestFilesOfARun:
    def test_what_can_be_read(self, tmp_path):
        (tmp_path / "metrics.csv").write_text("step,train/loss,val/loss\n5,1.0,\n10,,0.5\n")
        (tmp_path / "gradients.npz").write_bytes(npz(**GOOD | {"h": np.full((2, 1, 1, 9), np.inf)}))
        found = runfiles.read(tmp_path)
        assert found.curve == {10: 0.5}
        assert found.damaged == []
        assert np.isnan(found.arrays["h"]).all()
        assert found.arrays["step"].tolist() == [0, 30]

    def test_a_run_without_files(self, tmp_path):
        assert runfiles.read(tmp_path) == ({}, {}, [])

    @pytest.mark.parametrize(
        "text",
        [
            b"",
            b"st",
            b"step,val/loss\n10,0.5\n20,0.",
            b"step,val/loss\n10\n",
            b"step,val/loss\n10,0.5,1\n",
            b"step,val/loss\nten,0.5\n",
            b"step,val/loss\n10,low\n",
            b"step,val/loss\n-10,0.5\n",
            b"step,val/loss\n99999999999999999999,0.5\n",
            b"step,val/loss\n10,\x000.5\n",
            b"step,val/loss\n10,\xff\n",
            b'step,val/loss\n10,"' + b"5" * 200_000 + b'"\n',
        ],
    )
    def test_a_damaged_curve(self, tmp_path, text):
        (tmp_path / "metrics.csv").write_bytes(text)
        (tmp_path / "gradients.npz").write_bytes(npz(**GOOD))
        found = runfiles.read(tmp_path)
        (reason,) = found.damaged
        assert reason.startswith("metrics.csv is damaged (")
        assert found.arrays

    @pytest.mark.parametrize(
        "data",
        [
            b"",
            b"PK\x03\x04",
            b"random" * 50,
            npz(**GOOD)[:-300],
            npz(**GOOD)[:200] + b"\xff" * 80 + npz(**GOOD)[280:],
            npz(h=GOOD["h"]),
            npz(step=GOOD["step"]),
            npz(**GOOD | {"h": np.ones((2, 1, 9))}),
            npz(**GOOD | {"h": np.ones((2, 1, 1, 0))}),
            npz(**GOOD | {"h": np.ones((3, 1, 1, 9))}),
            npz(**GOOD | {"h": GOOD["h"].astype(str)}),
            npz(**GOOD | {"h": GOOD["h"].astype(complex)}),
            npz(**GOOD | {"h": np.array([None])}),
            npz(**GOOD | {"step": np.array([0.5, 1.5])}),
            npz(**GOOD | {"lyapunov": np.zeros(2)}),
        ],
    )
    def test_damaged_arrays(self, tmp_path, data):
        (tmp_path / "metrics.csv").write_text("step,val/loss\n10,0.5\n")
        (tmp_path / "gradients.npz").write_bytes(data)
        found = runfiles.read(tmp_path)
        (reason,) = found.damaged
        assert reason.startswith("gradients.npz is damaged (")
        assert "\n" not in reason
        assert found.curve

    def test_an_array_that_is_no_archive(self, tmp_path):
        np.save(tmp_path / "gradients.npy", GOOD["h"])
        (tmp_path / "gradients.npy").rename(tmp_path / "gradients.npz")
        assert runfiles.read(tmp_path).damaged

    def test_the_report_names_them_and_draws_the_others(self, tmp_path):
        for seed in (0, 1):
            leave(tmp_path / "e", make(seed))
            (tmp_path / "e" / f"adding-lstm-{seed}" / "gradients.npz").write_bytes(npz(**GOOD)[: -300 * seed or None])
            (tmp_path / "e" / f"adding-lstm-{seed}" / "metrics.csv").write_text("step,val/loss\n10,1.0\n20,0.5\n")
        report = write_report("e", tmp_path)
        assert report.page["warnings"] == ["Damaged and left out of the figures, see below: files of adding-lstm-1."]
        assert [failure["run_id"] for failure in report.page["failures"]] == ["adding-lstm-1"]
        assert {path.stem for path in (report.folder / "figures").iterdir()} >= {"learning_curves", "gradient_profiles"}
        assert report.page["rows"][0][:2] == ["2", "0.500 [0.500, 0.500]"]  # its record counts


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
        assert records.planned(tmp_path) == ["a"]

    @pytest.mark.parametrize("data", [b"", b'step,train/loss\n1\x00,"' + b"5" * 200_000, b"\xff\n5", b"step\nx\n"])
    def test_the_progress_of_a_run_whose_file_is_damaged(self, tmp_path, data):
        (tmp_path / "metrics.csv").write_bytes(data)
        assert records.read_progress(tmp_path) == (0, None)


class TestResults:
    @pytest.fixture
    def results(self, tmp_path, undrawn):
        """Two tuned results: first, which will be damaged, and second."""
        for name in ("first", "second"):
            leave_tuned(tmp_path / "runs" / name, board({"gru": 0.9, "lstm": 0.8}))
            publish(name, tmp_path / "runs", tmp_path / "results")
        return tmp_path / "results"

    @pytest.mark.parametrize(
        ("changes", "reason"),
        [
            *(({key: "gone"}, f"it lacks {key}") for key in origin.Origin.__annotations__),
            ({"seconds": "long"}, "seconds is 'long', not a number"),
            ({"environments": [{"versions": {}}]}, "environments.0 lacks machine"),
            ({"environments": []}, "it says no command, or no environment"),
            ({"protocol": {"tune": 5}}, "protocol lacks"),
        ],
    )
    def test_a_damaged_provenance_is_listed(self, results, changes, reason):
        change(results / "first" / "provenance.json", changes)
        damaged = overview.write_overview(results)
        assert list(damaged) == ["first"]
        text = (results / "README.md").read_text()
        assert "* [first](first/README.md): first/provenance.json: cannot be used (" in text
        assert "| [second](second/README.md) | 12 |" in text
        assert reason in damaged["first"]

    def test_a_choice_that_nothing_tells(self, results):
        """All cells chose the same, so that only the common configuration has it."""
        path = results / "first"
        rows.write(
            path / "runs.csv", [{k: v for k, v in row.items() if k != "optimizer.lr"} for row in rows.read(path)]
        )
        assert overview.write_overview(results)["first"].endswith("has no optimizer.lr of [0.01, 0.1, 1.0]")

    @pytest.mark.parametrize(
        ("old", "new", "reason"),
        [
            (b",0.9", b",0.9\x00", "'0.9\\x00' is no number"),
            (b"done", b"d\xffne", "damaged"),
            (b"20000", b"many", "'many' is no whole number"),
            (b"20000", b"-20000", "out of range"),
            (b"done,", b"done,1,", "another number of fields"),
            (b"done", b"finished", "status 'finished'"),
            (b",report,", b",both,", "phase 'both'"),
            (b"test_loss", b"loss", "of another version"),
        ],
    )
    def test_damaged_rows_are_listed(self, results, old, new, reason):
        path = results / "first" / "runs.csv"
        path.write_bytes(path.read_bytes().replace(old, new))
        assert reason in overview.write_overview(results)["first"]
        with pytest.raises(UserError, match="first/runs.csv"):
            compare(results / "first", results / "second")
        with pytest.raises(UserError, match="first/runs.csv"):
            committed.read(results / "first", results)

    def test_a_command_that_no_shell_can_read(self, results):
        change(results / "first" / "provenance.json", {"commands": ["python scripts/train.py 'name=x"]})
        with pytest.raises(UserError, match="provenance.json: the command .* cannot be read: No closing quotation"):
            committed.read(results / "first", results)

    def test_another_result_without_its_provenance(self, results, tmp_path):
        (results / "first" / "provenance.json").unlink()
        report = publish("second", tmp_path / "runs", results)
        assert list(report.damaged) == ["first"]
