"""The leaderboard: who is first on each task, what that costs, and what is said of it."""

from dataclasses import replace

import pytest

from planted import board, leave, record
from rnnbench.report import publish
from rnnbench.report.leaderboard import overview
from rnnbench.report.overview import read_results, write_overview

pytestmark = pytest.mark.whole


@pytest.fixture
def results(tmp_path):
    """Three cells on two tasks, tuned."""
    long = board({"lstm": 0.2, "gru": 0.98, "lru": 0.97}, {"gru": 300, "lru": 400})
    short = board({"lstm": 0.9, "gru": 0.6}, task="digits", length=64)
    leave(tmp_path / "runs" / "e", long + short)
    publish("e", [tmp_path / "runs" / "e"], tmp_path / "results")
    return tmp_path / "results"


def test_the_best_cell_of_each_task_and_what_it_costs(results):
    long, short = read_results(results).boards
    assert (long.title, short.title) == ("adding, T = 500", "digits, T = 64")
    assert [place.cell for place in long.places] == ["gru", "lru", "lstm"]
    assert long.advice == (
        "adding, T = 500: take gru. All its runs solved the task, the median at step 300; of 3 cells it is the "
        "quickest to train of the 2 that did (20000 "
        "parameters, 21 seconds of training; score 0.980 [0.955, 1.000])."
    )
    assert short.advice.startswith("digits, T = 64: lstm scores best, 0.900 [")
    assert short.advice.endswith(" seconds of training).")  # digits have no threshold
    assert short.places[0].row[3] == "–"


def test_who_solves_it_sooner_is_preferred_to_a_better_score(tmp_path):
    runs = board({"gru": 0.99, "lru": 0.96}, {"gru": 900, "lru": 100})
    runs = [replace(run, seconds=5.0) if run.config["cell"]["name"] == "lru" else run for run in runs]
    leave(tmp_path / "runs" / "e", runs)
    publish("e", [tmp_path / "runs" / "e"], tmp_path / "results")
    (found,) = read_results(tmp_path / "results").boards
    assert found.places[0].cell == "gru"
    assert found.best.cell == "lru"


def test_a_row_has_what_was_tuned_and_what_it_costs(results):
    columns = ("cell", "score", "loss", "solved", "steps", "horizon", "parameters", "state", "kflops", "ms", "s", "lr")
    row = dict(zip(columns, read_results(results).boards[0].places[0].row, strict=True))
    assert row == {
        "cell": "gru", "score": "0.980 [0.955, 1.000]", "loss": "0.02", "solved": "3/3 [0.44, 1.00]", "steps": "300",
        "horizon": "not measured", "parameters": "20000", "state": "128", "kflops": "40", "ms": "70.0", "s": "21",
        "lr": "lr 0.1",
    }  # fmt: skip


def test_a_choice_at_the_edge_is_marked(tmp_path):
    leave(tmp_path / "runs" / "e", board({"gru": 0.9}, chosen=1.0) + board({"lstm": 0.8}))
    publish("e", [tmp_path / "runs" / "e"], tmp_path / "results")
    (found,) = read_results(tmp_path / "results").boards
    assert [place.row[-1] for place in found.places] == ["lr 1.0 (edge)", "lr 0.1"]


def test_a_missing_task_counts_as_nothing_learned(results):
    table = overview(read_results(results).boards)
    assert [row[0] for row in table.rows] == ["gru", "lstm", "lru"]
    assert table.rows[2][2:] == ["–", "0.485"]


def test_tuning_runs_and_untuned_results_are_not_ranked(results, tmp_path):
    leave(tmp_path / "runs" / "plain", [record("elman", seed, 0.1, 0.999) for seed in (0, 1)], None)
    publish("plain", [tmp_path / "runs" / "plain"], results)
    assert all(len(place.setting.runs) == 3 for found in read_results(results).boards for place in found.places)
    assert {found.experiment for found in read_results(results).boards} == {"e"}
    text = (results / "README.md").read_text()
    assert "| [plain](plain/README.md) | 2 | 2026-01-01 |" in text
    assert "take gru" in text
    assert "![Mean score" in text
    assert (results / "leaderboard.svg").read_text().count("adding, T = 500") == 1


@pytest.mark.parametrize(("steps", "words"), [(None, "no run solved it"), (400, "no cell solved it in every run")])
def test_a_task_that_nobody_solves_always(tmp_path, steps, words):
    runs = board({"gru": 0.5})
    runs[-1] = replace(runs[-1], solved_at_step=steps)
    leave(tmp_path / "runs" / "e", runs)
    publish("e", [tmp_path / "runs" / "e"], tmp_path / "results")
    assert read_results(tmp_path / "results").boards[0].advice.endswith(f"; {words}.")


def test_a_run_that_came_to_nothing_is_said_and_counts(tmp_path):
    runs = board({"gru": 0.9})
    runs[-1] = replace(runs[-1], status="diverged", diverged_at_step=1000, final={})
    leave(tmp_path / "runs" / "e", runs)
    publish("e", [tmp_path / "runs" / "e"], tmp_path / "results")
    (place,) = read_results(tmp_path / "results").boards[0].places
    assert place.setting.score.value == pytest.approx((0.9 + 0.89 - 1) / 3)
    assert place.row[1].endswith("], 1 diverged")


def test_a_cell_of_which_nothing_is_known_is_last(tmp_path):
    """Its reported runs failed before there was a network."""
    nothing = {"final": {}, "steps": 0, "seconds": 0.0, "parameters": 0, "state_size": 0, "flops": 0}
    runs = board({"gru": -0.5, "lstm": 0.9})
    runs = [
        replace(run, status="failed", **nothing) if run.config["cell"]["name"] == "lstm" and run.seed != 10 else run
        for run in runs
    ]
    leave(tmp_path / "runs" / "e", runs)
    publish("e", [tmp_path / "runs" / "e"], tmp_path / "results")
    first, last = read_results(tmp_path / "results").boards[0].places
    assert (first.cell, last.cell) == ("gru", "lstm")
    assert last.row == [
        "lstm", "-1.000 [-1.000, -1.000], 3 failed", "–", "0/3 [0.00, 0.56]", "–", "not measured", "–", "–", "–", "–",
        "0", "lr 0.1",
    ]  # fmt: skip


def test_nothing_tuned_and_nothing_at_all(tmp_path):
    assert write_overview(tmp_path) == {}
    assert "All results" in (tmp_path / "README.md").read_text()
    assert not (tmp_path / "leaderboard.svg").exists()
