"""``rnnbench bench``: goals and verdicts, the page of the tables that are there, and that nothing wrong is timed."""

import json

import pandas as pd
import pytest
import torch
from click.testing import CliRunner

from rnnbench.bench import engines, online, scan, suite
from rnnbench.bench.part import Goal, Part
from rnnbench.cli import main
from rnnbench.errors import UserError
from rnnbench.network.engines import ENGINES


@pytest.mark.parametrize(
    ("limit", "at_least", "verdict"),
    [(3, False, "met"), (2, False, "missed"), (2, True, "met"), (3, True, "missed")],
)
def test_a_goal_is_met_or_missed(limit, at_least, verdict):
    goal = Goal("a share", lambda rows: rows.number.max(), limit, at_least)
    found = goal.verdict(pd.DataFrame({"number": [1.0, 2.5]}))
    assert found == ("a share", f"at {'least' if at_least else 'most'} {limit}", "2.5", verdict)


def test_what_no_row_has_is_not_measured():
    rows = pd.DataFrame({"size": ["small"], "cell": ["lru"], "engine": ["loop"], "ratio": [1.0]})
    assert Goal("fused", engines.slowest("fused", "small"), 1.0).verdict(rows)[2:] == ("-", "not measured")


def test_the_slowest_cell_decides():
    rows = pd.DataFrame(
        [("small", "gru", "fused", 4.0), ("small", "gru", "loop", 1.0), ("small", "lstm", "fused", 3.0),
         ("small", "lstm", "loop", 1.0), ("large", "lstm", "fused", 0.5), ("large", "lstm", "loop", 1.0)],
        columns=["size", "cell", "engine", "ratio"],
    )  # fmt: skip
    assert engines.slowest("fused", "small")(rows) == 3.0
    assert engines.slowest("fused", "large")(rows) == 0.5
    assert list(engines.table(rows)["fused, small"]) == ["4.0", "3.0"]


@pytest.fixture
def tiny(monkeypatch):
    monkeypatch.setattr(engines, "SIZES", {"small": (3, 2, 4)})
    monkeypatch.setattr(engines, "REPETITIONS", 1)


@pytest.mark.usefixtures("tiny")
def test_each_engine_of_a_cell_has_a_row():
    rows = list(engines.measure_cell("gru", "small", torch.device("cpu")))
    assert {"fused", "loop"} <= {row["engine"] for row in rows}
    assert all(row["ratio"] > 0 and (row["steps"], row["batch"], row["hidden"]) == (3, 2, 4) for row in rows)
    assert next(row["ratio"] for row in rows if row["engine"] == "loop") == 1.0


@pytest.mark.usefixtures("tiny")
def test_an_engine_that_is_wrong_is_not_timed(monkeypatch):
    def wrong(cell, inputs, state, perturbation=None):
        outputs, final = ENGINES["loop"](cell, inputs, state)
        return outputs * 1.01, final

    monkeypatch.setitem(ENGINES, "fused", wrong)
    with pytest.raises(UserError, match="engine fused does not agree with the loop on gru, size small, on cpu"):
        list(engines.measure_cell("gru", "small", torch.device("cpu")))


def test_the_scan_and_online_training_have_rows(monkeypatch):
    small = {scan: {"STEPS": 6, "BATCH_SIZES": (2,), "REPETITIONS": 1}, online: {"REPETITIONS": 1, "LENGTHS": (4,)}}
    for module, values in small.items():
        for name, value in values.items():
            monkeypatch.setattr(module, name, value)
    scanned, trained = list(scan.measure("cpu")), list(online.measure("cpu"))
    assert [row["cell"] for row in (*scanned, *trained)] == ["mingru", "mingru", "lru", "lru", "gru", "lstm_1997"]
    assert all(row["ratio"] > 0 for row in scanned)
    assert all(min(row["one by one"], row["50 at once"], row["by hand"]) > 0 for row in trained)


def measured(*arguments):
    return CliRunner().invoke(main.rnnbench, ["bench", *arguments], catch_exceptions=False)


def test_a_table_a_part_and_one_page(monkeypatch, tmp_path):
    part = Part(
        title="How much it is",
        text="A number.",
        measure=lambda device: iter([{"number": 1.0}, {"number": 2.5}]),
        goals=(Goal("the number", lambda rows: rows.number.max(), 2),),
    )
    monkeypatch.setattr(suite, "PARTS", {"one": part})
    ended = measured("--folder", str(tmp_path))
    assert ended.output == f"one: the number, at most 2, 2.5, missed\npage: {tmp_path / 'README.md'}\n"
    assert (tmp_path / "one.csv").read_text() == "number\n1\n2.5\n"
    page = (tmp_path / "README.md").read_text()
    assert "## How much it is\n\nA number.\n" in page
    assert "| the number | at most 2 | 2.5 | missed |\n" in page
    assert "| 2.5 |\n" in page
    machine = json.loads((tmp_path / suite.MACHINES).read_text())["one.csv"]
    assert f"torch {torch.__version__}" in machine
    assert machine in page
    assert suite.page(tmp_path) == page
    (tmp_path / "one.csv").write_text("amount\n1\n")
    told = "`one.csv` is of another version of rnnbench; measure this part again."
    assert f"\n{told}\n\n{machine}\n" in suite.page(tmp_path)


def test_what_a_device_cannot_measure_is_said(tmp_path):
    assert measured("startup", "--device", "cuda", "--folder", str(tmp_path)).output.startswith(
        "startup: not measured on cuda\n"
    )


def test_a_mistyped_part_is_a_line(tmp_path):
    with pytest.raises(UserError, match="unknown value for part 'engine': did you mean 'engines'"):
        measured("engine", "--folder", str(tmp_path))
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_it_is_a_line(tmp_path):
    with pytest.raises(UserError, match="no CUDA GPU here"):
        measured("engines", "--device", "cuda", "--folder", str(tmp_path))
