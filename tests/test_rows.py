"""runs.csv: what is written is read back bit for bit, and foreign lines are refused in a line."""

import csv
from itertools import cycle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnbench.outcomes import rows
from rnnbench.outcomes.columns import COLUMNS, column, row
from test_any_input import drawn, outcome
from test_report import make

FILE = "runs.csv"
MARKS = [
    *("", "1.5", "1", "-0", "1e5", "1e999", "NaN", "Infinity", "true", "True", "null", "None", '"x"', "[1, 2]", "{}"),
    *(
        " 1",
        " ",
        ",",
        '"',
        '""',
        "\n",
        "\r",
        "\r\n",
        "a\rb",
        'a,b\n"c"',
        "größe – ✓ 😀",
        "\0",
        "\x1b",
        "\x85",
        "\u2028",
    ),
    *("\ufeff", "\\", "#", "- x", "a: b", "2026-01-01", "0x10", "1_000", "~", "yes", "=", "9" * 400, "[" * 3000),
]
"""Texts that look like something else."""


def typed_row(run_id="a", **values):
    """A row with what none may lack."""
    known = {"run_id": run_id, "phase": "report", "status": "done", "seed": 0, "task": "adding", "cell": "lstm",
             "steps": 100, "seconds": 1.5, "environment": 0, "task.name": "adding", "cell.name": "lstm"}  # fmt: skip
    return known | values


def known(found):
    """All values of rows that are not missing, in a text that tells 1, 1.0, True and "1" apart, and every float."""
    return [repr(sorted((name, value) for name, value in each.items() if value is not None)) for each in found]


def again(path, listed):
    """Rows, written and read back."""
    table = rows.frame(listed)
    common, _ = rows.shared(table)
    rows.write(path, table)
    return rows.read(path, common)


texts = st.one_of(st.text(st.characters(exclude_categories=["Cs"])), st.sampled_from(MARKS))
numbers = {
    int: st.integers(0, 2**63 - 2),
    float: st.floats(allow_nan=False, allow_infinity=False),
    str: texts.filter(bool),
}
scalars = st.one_of(st.none(), st.booleans(), st.integers(-(2**63) + 1, 2**63 - 1), numbers[float], texts)
FREE = sorted((COLUMNS.keys() - set(rows.NEVER_MISSING)) | {"val_accuracy", "test_50_loss"})


@st.composite
def tables(draw):
    """Rows with any values that a run can have."""
    ids = draw(st.lists(texts.filter(bool), min_size=1, max_size=4, unique=True))
    chosen = draw(st.lists(st.sampled_from(FREE), max_size=6, unique=True))
    options = [
        *draw(st.lists(st.sampled_from(["task.corpus", "init.bias", "cell.a,b"]), unique=True)),
        "clip.threshold",
    ]
    return [
        typed_row(
            run_id,
            **{name: draw(st.none() | numbers[column(name).kind]) for name in chosen},
            **{key: draw(scalars) for key in options},
        )
        for run_id in ids
    ]


@settings(drawn, max_examples=drawn.max_examples // 3)
@given(listed=tables())
def test_any_rows_are_read_back_bit_for_bit(tmp_path, listed):
    found = again(tmp_path / FILE, listed)
    assert known(rows.plain(found)) == known(listed)
    data = (tmp_path / FILE).read_bytes()
    again(tmp_path / FILE, rows.plain(found))
    assert (tmp_path / FILE).read_bytes() == data


@pytest.mark.parametrize("text", MARKS)
def test_a_text_that_looks_like_something_else(tmp_path, text):
    values = [text, None, 1, 1.0, True, 1.5, 0.0, -0.0]
    listed = [typed_row(f"run{index}", **{"init.bias": value}) for index, value in enumerate(values)]
    listed[0]["sample"] = listed[0]["reason"] = text or None
    found = rows.plain(again(tmp_path / FILE, listed))
    assert known(found) == known(listed)


def test_types_of_a_frame(tmp_path):
    found = again(tmp_path / FILE, [typed_row("a", length=5, baseline=0.1, **{"task.length": 5}), typed_row("b")])
    assert [str(found[name].dtype) for name in ("seed", "length", "baseline", "metric", "task.length")] == [
        "Int64", "Int64", "float64", "object", "object"
    ]  # fmt: skip
    assert list(found)[: len(COLUMNS)] == list(COLUMNS)


def test_a_long_text_that_a_network_wrote(tmp_path):
    long = '"x",\r\n' * 100_000
    assert rows.plain(again(tmp_path / FILE, [typed_row(sample=long)]))[0]["sample"] == long
    assert csv.field_size_limit() < len(long)  # as it was


def test_what_every_run_shares_is_not_in_the_table(tmp_path):
    common, varied = rows.shared(rows.frame([typed_row("a", **{"clip.threshold": 1, "init.bias": None}),
                                             typed_row("b", **{"clip.threshold": 1.0})]))  # fmt: skip
    assert common == {"cell.name": "lstm", "task.name": "adding", "init.bias": None}
    assert varied == ["clip.threshold"]


def test_an_optional_column_without_a_value_is_left_out(tmp_path):
    again(tmp_path / FILE, [typed_row("a", clip_rate=0.5), typed_row("b")])
    names = (tmp_path / FILE).read_text().partition("\n")[0].split(",")
    assert "clip_rate" in names
    assert "clip_scale" not in names


class TestDamage:
    """Two runs, one with a text of several lines."""

    @pytest.fixture
    def path(self, tmp_path):
        first, second = make(0, cell="gru"), make(1, score=0.25)
        second.sample = 'a, "b"\nc\n'
        listed = [row(record) | {"phase": "report", "environment": 0} for record in (first, second)]
        rows.write(tmp_path / FILE, rows.frame(listed))
        return tmp_path / FILE

    COMMON = {"task.name": "adding"}  # noqa: RUF012

    def refused(self, path):
        """The one line that says why a file is refused."""
        found = outcome(rows.read, path, self.COMMON)
        assert isinstance(found, str), found
        assert found.startswith(f"{path}: ")
        return found

    def test_a_file_that_is_cut_anywhere(self, path):
        data = path.read_bytes()
        whole = known(rows.plain(rows.read(path, self.COMMON)))
        first = data.index(b"\n", data.index(b"adding-gru-0")) + 1
        for size in range(len(data)):
            path.write_bytes(data[:size])
            if size == first:  # nothing in it says that there are more: that is for provenance.json
                assert known(rows.plain(rows.read(path, self.COMMON))) == whole[:1]
            else:
                assert rows.AGAIN in self.refused(path)

    def test_a_byte_that_is_another(self, path):
        data = path.read_bytes()
        for place, byte in zip(range(len(data)), cycle(b'\0\n\r",9x\xff'), strict=False):
            path.write_bytes(data[:place] + bytes([byte]) + data[place + 1 :])
            outcome(rows.read, path, self.COMMON)

    @pytest.mark.parametrize(
        ("old", "new", "reason"),
        [
            (b"run_id,", b"\xef\xbb\xbfrun_id,", "lacks the column run_id"),
            (b"test_loss", b"loss", "lacks the column test_loss"),
            (b"test_metric", b"colour", "lacks the column test_metric"),
            (b"sample,", b"colour,", "has a column 'colour', which is not known"),
            (b"sample,", b",", "has a column '', which is not known"),
            (b"sample,", b"score,", "has the column 'score' twice"),
            (b"cell.name", b"task.name", "has the column 'task.name' twice, or config.yaml has it too"),
            (b"cell.name", b"cell.kind", "line 2, 'adding-gru-0': lacks its cell.name"),
            (b"adding-gru-0,", b"adding-gru-0,1,", "line 2, 'adding-gru-0': has "),
            (b"adding-gru-0,", b"", "line 2, 'gru': has "),
            (b"\nadding-lstm", b"\n\nadding-lstm", "line 3, '': has 0 fields, and the first line has "),
            (b",mse,", b",m\xffse,", "is damaged ("),
            (b",mse,", b',"mse,', "is damaged ("),
            (b",mse,", b',"m"se,', "is damaged ("),
            (b",mse,", b",m\rse,", "line 2, 'adding-gru-0': has "),
            (b"done", b"finished", "line 2, 'adding-gru-0': status 'finished'"),
            (b"done", b"running", "status 'running' or phase 'report' is not known"),
            (b",report,", b",both,", "phase 'both' is not known"),
            (b",report,", b",,", "line 2, 'adding-gru-0': lacks its phase"),
            (b"done,0,", b"done,,", "line 2, 'adding-gru-0': lacks its seed"),
            (b"done,1,", b"done,one,", "line 3, 'adding-lstm-1': seed 'one' is no whole number"),
            (b"done,1,", b"done,1.0,", "seed '1.0' is no whole number"),
            (b"done,1,", b"done,-1,", "seed -1 is out of range"),
            (b"done,1,", b"done,1_0,", "seed '1_0' is no whole number"),
            (b"done,1,", b"done, 1,", "seed ' 1' is no whole number"),
            (b"done,1,", "done,١,".encode(), "is no whole number"),
            (b"done,1,", b"done,9223372036854775807,", "seed 9223372036854775807 is out of range"),
            (b"done,1,", b"done," + b"9" * 5000 + b",", "seed '9999999999999999999999999999999999999999' is no whole"),
            (b",0.75,", b",0.75\0,", "test_loss '0.75\\x00' is no number"),
            (b",0.75,", b",0.7_5,", "test_loss '0.7_5' is no number"),
            (b",0.75,", b",nan,", "test_loss 'nan' is no number"),
            (b",0.75,", b",-inf,", "test_loss '-inf' is no number"),
            (b",0.75,", b",1e999,", "test_loss inf is out of range"),
            (b"adding-gru-0", b"adding-lstm-1", "'adding-lstm-1' has 2 rows"),
        ],
    )
    def test_what_nobody_wrote(self, path, old, new, reason):
        data = path.read_bytes()
        assert old in data
        path.write_bytes(data.replace(old, new))
        assert reason in self.refused(path)

    @pytest.mark.parametrize("data", [b"", b"\n", b"\0\n", b"run_id\n", b'"\n', b"{}\n", b"PAR1\n"])
    def test_another_file(self, path, data):
        path.write_bytes(data)
        self.refused(path)

    def test_no_runs_and_no_file(self, path):
        path.write_bytes(path.read_bytes().partition(b"\n")[0] + b"\n")
        assert "has no runs" in self.refused(path)
        path.unlink()
        assert "cannot be read (No such file or directory); name a folder that was published" in self.refused(path)
        path.mkdir()
        assert "cannot be read (Is a directory)" in self.refused(path)

    def test_a_line_is_counted_after_a_text_of_several(self, path):
        lines = path.read_bytes().splitlines(keepends=True)
        path.write_bytes(b"".join([lines[0], *lines[2:], lines[1].replace(b"done", b"lost")]))
        assert f"line {len(lines)}, 'adding-gru-0': status 'lost'" in self.refused(path)


@pytest.mark.parametrize(
    ("values", "wrong"),
    [
        ({"steps": -1}, "steps -1"),
        ({"best_step": 10.5}, "best_step 10.5"),
        ({"horizon_final": 2**63}, "horizon_final 9223372036854775808"),
        ({"seconds": float("nan")}, "seconds nan"),
        ({"baseline": float("-inf")}, "baseline -inf"),
        ({"data_sha256": 5}, "data_sha256 5"),
        ({"data_sha256": ["a"]}, "data_sha256 ['a']"),
        ({"test_50_loss": float("inf")}, "test_50_loss inf"),
    ],
)
def test_what_no_run_can_have(values, wrong):
    assert rows.out_of_range(typed_row(**values)) == f"{wrong} is out of range"
    assert rows.out_of_range(typed_row(best_step=10.0, horizon_final=None)) == ""


def test_a_run_that_failed_before_it_knew_its_metric(tmp_path):
    record = make(0, "failed")
    record.metric, record.started = "", ""
    found = row(record) | {"phase": "report", "environment": 0}
    assert (found["metric"], found["started"]) == (None, None)
    assert known(rows.plain(again(tmp_path / FILE, [found]))) == known([found])
