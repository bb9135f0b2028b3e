"""A result as a folder: what is written is read back, and what is damaged, old or another's is refused in a line."""

import json
import shutil
from dataclasses import replace

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnbench.outcomes import provenance, result, rows
from rnnbench.outcomes.columns import row
from rnnbench.outcomes.gather import gather
from rnnbench.outcomes.phases import divide
from rnnbench.outcomes.result import FILES, SCHEMAS, Result
from rnnbench.store.protocol import Protocol
from test_any_input import drawn, outcome
from test_report import leave, make
from test_rows import MARKS, known, typed_row
from test_run_files import GOOD, npz

pytestmark = pytest.mark.whole

TUNED = Protocol(tune={"optimizer.lr": [0.1, 1.0]}, tune_seeds=[10], report_seeds=[0, 1], tolerance={"score": 0.1})
TABLES = [f"{name}.parquet" for name in SCHEMAS]


def same(a, b):
    """Whether two results are the same, bit for bit."""
    facts = [[getattr(each, key) for key in ("name", "protocol", *result.FACTS)] for each in (a, b)]
    tables = all(a.tables[name].equals(b.tables[name]) for name in SCHEMAS)
    return known(a.runs) == known(b.runs) and facts[0] == facts[1] and tables


def written(folder, found):
    folder.mkdir()
    result.write(folder, found)
    return result.read(folder)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The result of two runs with curves, profiles and spectra."""
    runs = tmp_path_factory.mktemp("runs") / "e"
    for seed, cell in ((0, "gru"), (1, "lstm")):
        record = make(seed, cell=cell, score=0.9 + seed / 30)
        record.versions, record.machine, record.data = {"torch": "2"}, {"processor": "p"}, {"sha256": "ab"}
        leave(runs, record)
        folder = runs / record.run_id
        (folder / "metrics.csv").write_text(f"step,val/loss,lr\n10,0.{seed}123456789,\n20,inf,0.1\n30,nan,\n")
        (folder / "gradients.npz").write_bytes(npz(**GOOD))
    return gather(runs)


@pytest.fixture
def folder(made, tmp_path):
    written(tmp_path / "e", made)
    return tmp_path / "e"


class TestWhatIsWritten:
    def test_it_is_read_back(self, made, folder):
        found = result.read(folder)
        assert same(found, made)
        assert found.tables["curves"]["value"].dtype == "float32"
        assert len(found.tables["curves"]) == 2 * 4
        assert len(found.tables["profiles"]) == 2 * 2 * 9
        assert len(found.tables["spectra"]) == 2 * 2 * 3

    def test_it_is_the_same_bytes_again(self, folder, tmp_path):
        written(tmp_path / "again", result.read(folder))
        assert [(tmp_path / "again" / file).read_bytes() for file in FILES] == [
            (folder / file).read_bytes() for file in FILES
        ]

    def test_everything_that_is_known(self, made, tmp_path):
        found = replace(
            made, commands=["a 'b\nc'", "größe"], missing={"x": "waiting"}, damaged={"y": "why | not"},
            redrawable=False, data=[{"symbols": 3, "bits": 0.1}],
        )  # fmt: skip
        assert same(written(tmp_path / "e", found), found)

    def test_a_tuned_experiment(self, tmp_path):
        listed = []
        for lr, seed, loss in ((0.1, 10, 0.2), (1.0, 10, 0.9), (0.1, 0, 0.3), (1.0, 1, 0.3)):
            record = make(seed, optimizer={"lr": lr})
            record.run_id, record.final = f"a-{seed}-{lr}", record.final | {"val/loss": loss}
            listed.append(row(record) | {"environment": 0})
        tables = {name: schema.empty_table().to_pandas() for name, schema in SCHEMAS.items()}
        ids = [each["run_id"] for each in listed]
        tables["curves"] = result.conformed(
            "curves", pd.DataFrame({"run_id": ids, "step": 1, "split": "val", "metric": "loss", "value": 0.5})
        )
        found = divide(Result("e", rows.frame(listed), TUNED, tables, ["c"], [{"versions": {}, "machine": {}}]))
        again = written(tmp_path / "e", found)
        assert again.protocol == TUNED
        assert [run["phase"] for run in again.runs] == ["tuning", "tuning", "report", "unused"]
        assert again.tables["curves"]["run_id"].tolist() == ["a-0-0.1"]  # of the reported runs

    @drawn
    @given(value=st.text() | st.integers(-(2**63) + 1, 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False))
    def test_any_value_that_all_runs_share(self, tmp_path, value):
        self.share(tmp_path / "e", value)

    @pytest.mark.parametrize("value", [*MARKS, "a\u2029 b", " a\n\n b ", "word " * 60, True, False, None, -0.0])
    def test_a_value_that_all_runs_share(self, tmp_path, value):
        self.share(tmp_path / "e", value)

    def share(self, folder, value):
        found = Result("e", rows.frame([typed_row(i, **{"init.bias": value}) for i in "ab"]), commands=["c"],
                       environments=[{"versions": {}, "machine": {}}])  # fmt: skip
        shutil.rmtree(folder, ignore_errors=True)
        again = written(folder, found)
        assert "init.bias" not in (folder / "runs.csv").read_text().partition("\n")[0]
        assert known(again.runs) == known(found.runs)


def refused(folder, file):
    """The one line that says why a result is refused; it names the file and what to do."""
    found = outcome(result.read, folder)
    assert isinstance(found, str), found.rows
    assert found.startswith(f"{folder / file}: ")
    assert found.endswith((rows.AGAIN, "name a folder that was published"))
    return found


class TestDamage:
    @pytest.mark.parametrize("file", FILES)
    def test_a_file_that_is_cut_anywhere(self, made, folder, file):
        data = (folder / file).read_bytes()
        for size in range(0, len(data), 67 if file in TABLES else 3):
            (folder / file).write_bytes(data[:size])
            found = outcome(result.read, folder)
            if isinstance(found, str):
                assert found.startswith(f"{folder / file}: ")
                assert found.endswith(rows.AGAIN)
            else:
                assert file not in TABLES
                assert same(found, made), size

    @pytest.mark.parametrize("file", [result.CONFIG, provenance.FILE])
    def test_a_byte_that_is_another(self, folder, file):
        data = (folder / file).read_bytes()
        for place in range(0, len(data), 5):
            byte = b"\0\n:{\"'!\xff"[place % 8]
            (folder / file).write_bytes(data[:place] + bytes([byte]) + data[place + 1 :])
            outcome(result.read, folder)

    @pytest.mark.parametrize("file", TABLES)
    def test_a_bit_of_the_numbers_that_is_another(self, made, folder, file):
        """Every one of the pages is noticed; what follows them says where they lie."""
        path = folder / file
        data = path.read_bytes()
        footer = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
        noticed = 0
        places = range(0, len(data), 61)
        for place in places:
            path.write_bytes(data[:place] + bytes([data[place] ^ 1 << place % 8]) + data[place + 1 :])
            found = outcome(result.read, folder)
            noticed += isinstance(found, str)
            assert isinstance(found, str) or place >= footer or same(found, made), place
        assert noticed > len(places) / 3

    @pytest.mark.parametrize("data", [b"", b"PAR1", b"run_id,step\na,1\n", b"PAR1" * 20])
    def test_another_kind_of_file(self, folder, data):
        (folder / "curves.parquet").write_bytes(data)
        assert "is damaged (" in refused(folder, "curves.parquet")

    def test_rows_of_a_run_that_is_not_there(self, made, folder):
        stray = made.tables["curves"].replace({"run_id": {"adding-gru-0": "adding-gru-7"}})
        pq.write_table(pa.Table.from_pandas(stray, SCHEMAS["curves"]), folder / "curves.parquet")
        assert "has 'adding-gru-7', which has no row in runs.csv" in refused(folder, "curves.parquet")

    @pytest.mark.parametrize(
        ("change", "reason"),
        [
            (lambda table: table.drop_columns("split"), "it has the columns run_id, step, metric, value, of another"),
            (lambda table: table.append_column("x", table["step"]), "metric, value, x, of another version"),
            (lambda table: table.rename_columns(["run", "step", "split", "metric", "value"]), "the columns run, step"),
            (lambda table: table.set_column(1, "step", table["step"].cast(pa.int64())), "of another version"),
            (lambda table: table.set_column(0, SCHEMAS["curves"].field(0), pa.nulls(len(table), pa.string())),
             "a row lacks its run_id"),
            (lambda table: table.set_column(1, SCHEMAS["curves"].field(1), pa.nulls(len(table), pa.int32())),
             "a row lacks its step"),
        ],
    )  # fmt: skip
    def test_other_columns(self, folder, change, reason):
        path = folder / "curves.parquet"
        pq.write_table(change(pq.read_table(path)), path)
        assert reason in refused(folder, "curves.parquet")

    def test_a_result_without_profiles_and_curves(self, folder):
        for file in TABLES:
            (folder / file).unlink()
        assert all(table.empty for table in result.read(folder).tables.values())

    @pytest.mark.parametrize("file", [result.CONFIG, rows.FILE, provenance.FILE])
    def test_a_file_that_is_not_there(self, folder, file):
        (folder / file).unlink()
        assert "No such file" in refused(folder, file)


class TestProvenance:
    @pytest.mark.parametrize(
        ("changes", "reason"),
        [
            ({"format": 1}, "format 1, not 2: of another version of rnnbench"),
            ({"format": 3}, "format 3, not 2: of another version of rnnbench"),
            ({"format": "2"}, "format '2', not 2"),
            ({"commands": []}, "it says no command, or no environment"),
            ({"environments": []}, "it says no command, or no environment"),
            ({"missing": ["a"]}, "missing is ['a'], not a table"),
            ({"redrawable": 1}, "redrawable is 1, not true or false"),
        ],
    )
    def test_what_nobody_wrote(self, folder, changes, reason):
        path = folder / provenance.FILE
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))
        assert f"cannot be used ({reason}" in refused(folder, provenance.FILE)

    @pytest.mark.parametrize("text", ["", "[]", "null", "2", "{", '{"format": 2}', '{"format": NaN}', "[" * 100_000])
    def test_another_file(self, folder, text):
        (folder / provenance.FILE).write_text(text)
        assert "cannot be used (" in refused(folder, provenance.FILE)

    def test_a_folder_of_format_1(self, folder):
        """It has neither a format nor a config.yaml."""
        path = folder / provenance.FILE
        path.write_text(
            json.dumps({key: value for key, value in json.loads(path.read_text()).items() if key != "format"})
        )
        (folder / result.CONFIG).unlink()
        assert "cannot be used (format 1, not 2: of another version of rnnbench)" in refused(folder, provenance.FILE)

    @pytest.mark.parametrize("runs", [1, 3])
    def test_another_number_of_runs(self, folder, runs):
        path = folder / provenance.FILE
        path.write_text(json.dumps(json.loads(path.read_text()) | {"runs": runs}))
        assert f"has 2 of the {runs} rows that provenance.json counts" in refused(folder, rows.FILE)

    def test_an_environment_that_is_not_there(self, folder):
        path = folder / rows.FILE
        path.write_bytes(path.read_bytes().replace(b",0\nadding-lstm", b",1\nadding-lstm"))
        assert "adding-gru-0: environment 1 is not in provenance.json" in refused(folder, rows.FILE)


class TestConfig:
    @pytest.mark.parametrize(
        ("text", "reason"),
        [
            ("", "its last line is cut off"),
            ("config: {}", "its last line is cut off"),
            ("\n", "no configuration and protocol"),
            ("[]\n", "no configuration and protocol"),
            ("config: {}\n", "no configuration and protocol"),
            ("config: []\nprotocol: null\n", "no configuration and protocol"),
            ("config: {seed: 1}\nprotocol: null\n", "'seed' is no configuration key"),
            ("config: {colour: {}, cell: lstm}\nprotocol: null\n", "'cell' is no configuration key"),
            ("config: {clip: {threshold: .inf}}\nprotocol: null\n", "Infinity is no finite number"),
            ("config: {clip: {threshold: 2026-01-01}}\nprotocol: null\n", "is not JSON serializable"),
            ("config: {clip: {threshold: 99999999999999999999}}\nprotocol: null\n", "is too large"),
            ("config: {clip: !!binary aa==}\nprotocol: null\n", "is not JSON serializable"),
            ("config: {clip: !!set {a}}\nprotocol: null\n", "is not JSON serializable"),
            ("config: &a {clip: *a}\nprotocol: null\n", "Circular reference"),
            ("config: {clip: !!int ''}\nprotocol: null\n", ""),
            ("config: {clip: !!python/name:os.system ''}\nprotocol: null\n", "could not determine a constructor"),
            ("config: {? [a] : b}\nprotocol: null\n", "found unhashable key"),
            ("config: {\n", "while parsing"),
            ("config:\n\tclip: 1\nprotocol: null\n", "cannot start any token"),
            ("config: {}\nprotocol: 5\n", "it is 5, not a table"),
            ("config: {}\nprotocol: {}\n", "it lacks tune, tune_seeds, report_seeds, tolerance"),
            ("config: {}\nprotocol: {tune: {1: [2, 3]}, tune_seeds: [], report_seeds: [], tolerance: {}}\n",
             "protocol.tune_seeds=[]: tuning needs both"),
            ("[" * 1100 + "\n", ""),
        ],
    )  # fmt: skip
    def test_what_nobody_wrote(self, folder, text, reason):
        (folder / result.CONFIG).write_text(text)
        told = refused(folder, result.CONFIG)
        assert "cannot be used (" in told
        assert reason in told

    def test_bytes_that_are_no_text(self, folder):
        (folder / result.CONFIG).write_bytes(b"config: {}\nprotocol: \xff\n")
        assert "can't decode byte 0xff" in refused(folder, result.CONFIG)

    def test_the_configuration_of_another_result(self, folder):
        (folder / result.CONFIG).write_text("config: {}\nprotocol: null\n")
        assert "line 2, 'adding-gru-0': lacks its task.name" in refused(folder, rows.FILE)
        (folder / result.CONFIG).write_text("config: {task: {name: adding}, cell: {name: gru}}\nprotocol: null\n")
        assert "has the column 'cell.name' twice, or config.yaml has it too" in refused(folder, rows.FILE)
