"""What a result says of itself: how a tuned one was tuned, and where it comes from."""

import csv
import json
from dataclasses import replace

import pytest
import yaml

from planted import MACHINE, TUNED, board, leave, record
from rnnbench.errors import UserError
from rnnbench.outcomes import result
from rnnbench.report import publish
from rnnbench.store.protocol import Protocol

pytestmark = pytest.mark.whole


class TestTuned:
    def test_the_report_says_grid_choice_and_edge(self, tmp_path):
        runs = board({"gru": 0.9}, chosen=1.0) + board({"lstm": 0.8})
        stale, stranger = record("lstm", 0, 0.01, 0.3), record("lstm", 7, 0.1, 0.3)
        leave(tmp_path / "runs" / "e", [*runs, stale, stranger])
        folder = publish("e", [tmp_path / "runs" / "e"], tmp_path / "results").folder
        text = (folder / "README.md").read_text()
        assert "Grid, the same for all: optimizer.lr: 0.01, 0.1, 1.0." in text
        assert (
            "| gru | lr 0.01: loss 0.9; lr 0.1: loss 0.9; lr 1.0: loss 0.1 | lr 1.0 | optimizer.lr at its edge |"
            in text
        )
        assert "| lstm | lr 0.01: loss 0.9; lr 0.1: loss 0.1; lr 1.0: loss 0.9 | lr 0.1 | inside |" in text
        assert "**Chosen at the edge of the grid, a better value may lie beyond: adding, gru.**" in text
        assert "**2 runs are left out" in text
        assert "0.900 [" in text  # of the reported runs alone
        assert "Chosen at the edge" in (folder / "report.html").read_text()
        phases = [(row["phase"], row["seed"]) for row in result.read(folder).runs]
        assert phases.count(("tuning", 10)) == 6
        assert phases.count(("unused", 0)) == phases.count(("unused", 7)) == 1
        assert len(phases) == 12 + 2

    def test_a_row_is_named_by_what_was_swept(self, tmp_path):
        """Not by what was chosen for it, though that would tell the rows apart too."""
        runs = board({"gru": 0.5}, chosen=0.1, length=50) + board({"gru": 0.8}, chosen=1.0)
        leave(tmp_path / "runs" / "e", runs)
        page = publish("e", [tmp_path / "runs" / "e"], tmp_path / "results").page
        assert page["header"][:2] == ["task.length", "runs"]
        assert [row[:2] for row in page["rows"]] == [["50", "3"], ["500", "3"]]

    def test_only_tuning_runs(self, tmp_path):
        leave(tmp_path / "runs" / "e", [record("gru", 10, 0.1, 0.5)])
        with pytest.raises(UserError, match="only tuning runs of e: "):
            publish("e", [tmp_path / "runs" / "e"], tmp_path / "results")


class TestProvenance:
    def test_what_it_says(self, tmp_path):
        runs = board({"lstm": 0.2, "gru": 0.98}, {"gru": 300}) + board({"lstm": 0.9}, task="digits", length=64)
        leave(tmp_path / "runs" / "e", runs)
        folder = publish("e", [tmp_path / "runs" / "e"], tmp_path / "results").folder
        content = json.loads((folder / "provenance.json").read_text())
        assert content["experiment"] == "e"
        assert content["commands"] == ["rnnbench train experiment=e"]
        assert content["seeds"] == [0, 1, 2, 10]
        assert (content["started"], content["ended"][:4]) == ("2026-01-01T00:00:00+00:00", runs[0].ended[:4])
        assert (content["runs"], content["commits"], content["dirty"]) == (18, ["a" * 40], False)
        assert content["seconds"] == pytest.approx(sum(20.0 + seed for seed in (10, 10, 10, 0, 1, 2)) * 3)
        assert content["environments"] == [{"versions": {"torch": "1"}, "machine": MACHINE}]
        assert content["missing"] == content["damaged"] == {}
        assert content["redrawable"]

    def test_what_all_runs_share_and_how_they_were_tuned(self, tmp_path):
        leave(tmp_path / "runs" / "e", board({"lstm": 0.2, "gru": 0.98}))
        folder = publish("e", [tmp_path / "runs" / "e"], tmp_path / "results").folder
        content = yaml.safe_load((folder / "config.yaml").read_text())
        assert content["config"] == {"task": {"length": 500, "name": "adding"}}
        assert Protocol(**content["protocol"]) == TUNED
        with (folder / "runs.csv").open(newline="") as file:
            names = next(csv.reader(file))
        assert [name for name in names if "." in name] == ["cell.name", "optimizer.lr"]

    def test_mixed_runs_are_told_apart(self, tmp_path):
        runs = [record("gru", seed, 0.1, 0.5) for seed in (0, 1, 2)]
        runs[1] = replace(runs[1], versions={"torch": "2"}, commit="b" * 40 + "+dirty", data={"sha256": "ff"})
        leave(tmp_path / "runs" / "e", runs, None)
        folder = publish("e", [tmp_path / "runs" / "e"], tmp_path / "results").folder
        content = json.loads((folder / "provenance.json").read_text())
        assert content["dirty"]
        assert content["commits"] == ["a" * 40, "b" * 40 + "+dirty"]
        assert content["data"] == [{"sha256": "ff"}]
        assert [row["environment"] for row in result.read(folder).runs] == [0, 1, 0]
        assert content["environments"][1]["versions"] == {"torch": "2"}
