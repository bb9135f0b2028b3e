"""The leaderboard: who is first on each task, what that costs, and the sentence about it."""

from dataclasses import replace

import pytest

from planted import board, leave, record
from rnnbench.report import figures, publish
from rnnbench.report.leaderboard import overview
from rnnbench.report.overview import read_results, write_overview

pytestmark = pytest.mark.whole


@pytest.fixture(autouse=True)
def _undrawn(monkeypatch):
    """Only the picture of the leaderboard is drawn."""
    monkeypatch.setattr(figures, "draw_all", lambda *arguments: {})


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
        "adding, T = 500: gru solved it in 3 of 3 runs, median step 300; so did, in every run, lru (400)."
    )
    assert short.advice == (  # digits have no threshold
        "digits, T = 64: highest median scores lstm 0.900 [0.890, 0.910], gru 0.600 [0.590, 0.610]."
    )
    assert short.places[0].row[4] == "–"


def test_who_solves_it_sooner_is_preferred_to_a_better_score(tmp_path):
    runs = board({"gru": 0.99, "lru": 0.96}, {"gru": 900, "lru": 100})
    runs = [replace(run, seconds=5.0) if run.config["cell"]["name"] == "lru" else run for run in runs]
    leave(tmp_path / "runs" / "e", runs)
    publish("e", [tmp_path / "runs" / "e"], tmp_path / "results")
    (found,) = read_results(tmp_path / "results").boards
    assert [place.cell for place in found.places] == ["lru", "gru"]
    assert found.advice.endswith("lru solved it in 3 of 3 runs, median step 100; so did, in every run, gru (900).")


def test_a_row_has_what_was_tuned_and_what_it_costs(results):
    columns = (
        "cell",
        "score",
        "best",
        "loss",
        "solved",
        "steps",
        "horizon",
        "parameters",
        "state",
        "kflops",
        "ms",
        "s",
        "lr",
    )
    row = dict(zip(columns, read_results(results).boards[0].places[0].row, strict=True))
    assert row == {
        "cell": "gru", "score": "0.980 [0.970, 0.990]", "best": "–", "loss": "0.02", "solved": "3/3 [0.44, 1.00]",
        "steps": "300", "horizon": "not measured", "parameters": "20000", "state": "128", "kflops": "40", "ms": "70.0",
        "s": "21", "lr": "lr 0.1",
    }  # fmt: skip


def test_a_choice_at_the_edge_is_marked(tmp_path):
    leave(tmp_path / "runs" / "e", board({"gru": 0.9}, chosen=1.0) + board({"lstm": 0.8}))
    publish("e", [tmp_path / "runs" / "e"], tmp_path / "results")
    (found,) = read_results(tmp_path / "results").boards
    assert [place.row[-1] for place in found.places] == ["lr 1.0 (edge)", "lr 0.1"]


def test_a_choice_among_trials_that_learned_nothing_is_undecided(tmp_path):
    """That of gru is at the edge too; that of lru has one trial that solved the task, which decides."""
    runs = board({"gru": 0.02, "lru": 0.02, "lstm": 0.8}, chosen=1.0)
    score = {"gru": 0.09, "lru": 0.09, "lstm": 0.11}
    for run in runs:
        if run.seed == 10 and run.config["optimizer"]["lr"] == 1.0:
            run.final["val/loss"] = 1 - score[run.config["cell"]["name"]]
            run.solved_at_step = 700 if run.config["cell"]["name"] == "lru" else None
        elif run.seed == 10:
            run.final["val/loss"] = 1.5
    leave(tmp_path / "runs" / "e", runs)
    report = publish("e", [tmp_path / "runs" / "e"], tmp_path / "results")
    (found,) = read_results(tmp_path / "results").boards
    marks = {place.cell: place.row[-1] for place in found.places}
    assert marks == {"gru": "lr 1.0 (undecided)", "lru": "lr 1.0 (edge)", "lstm": "lr 1.0 (edge)"}
    (tuning,) = (table for table in report.page["more"] if table.title == "Tuning")
    assert [row[-1] for row in tuning.rows] == ["undecided", *["optimizer.lr at its edge"] * 2]
    assert "none had a mean validation loss more than 10 % below the memoryless one" in tuning.note
    first, *others = report.page["warnings"]
    assert first.startswith("Compared in e: 3 cells with default initialisations")
    assert others == [
        "Chosen at the edge of the grid, a better value may lie beyond: adding, lru; adding, lstm.",
        "Undecided, because no trial learned anything: adding, gru.",
    ]
    text = (tmp_path / "results" / "README.md").read_text()
    assert "(2 of 3 choices at its edge, 1 undecided)" in text


def test_the_first_line_says_what_is_compared(tmp_path):
    options = {"trainer": {"max_steps": 1500}, "init": {"name": "default"}}
    runs = board({"gru": 0.9}, {"gru": 300}, chosen=1.0) + board({"lstm": 0.8})
    for run in runs:
        run.config |= options
        run.parameters += 100 * (run.config["cell"]["name"] == "lstm")
    leave(tmp_path / "runs" / "e", runs)
    publish("e", [tmp_path / "runs" / "e"], tmp_path / "results")
    text = (tmp_path / "results" / "README.md").read_text()
    line = (
        "Compared in e: 2 cells with default initialisations (torch's, or the cell's own); 20000 to 20100 parameters; "
        "at most 1500 steps; 3 reported seeds; a short grid, optimizer.lr of 0.01, 0.1, 1.0, with 1 other seed (1 of 2 "
        "choices at its edge, 0 undecided)."
    )
    advice = (
        "* adding, T = 500, at most 1500 steps: gru solved it in 3 of 3 runs, median step 300; no other cell did in "
    )
    assert text.splitlines()[text.splitlines().index("## Which cell?") + 2] == line
    assert f"{line}\n\n{advice}every run.\n\n![" in text


def test_lengths_have_boards_of_their_own(tmp_path):
    leave(tmp_path / "runs" / "e", board({"gru": 0.2}, length=50) + board({"gru": 0.9}, {"gru": 70}, length=500))
    publish("e", [tmp_path / "runs" / "e"], tmp_path / "results")
    first, second = read_results(tmp_path / "results").boards
    assert [first.title, second.title] == ["adding, T = 50", "adding, T = 500"]
    assert [place.cell for place in (*first.places, *second.places)] == ["gru", "gru"]


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
    assert "### [plain](plain/README.md)\n\n2 runs, begun 2026-01-01, " in text
    assert "\n* adding, T = 500: none of 2 runs solves the task; " in text
    assert "gru solved it in 3 of 3 runs" in text
    assert "![Median score" in text
    assert "the range of 3 runs covers the true median in 75 % of cases" in text
    assert (results / "leaderboard.svg").read_text().count("adding, T = 500") == 1


@pytest.mark.parametrize(
    ("steps", "words"),
    [(None, "no run solved it; the highest median score is 0.500 [0.490, 0.510], of gru"),
     (400, "no cell solved it in every run; gru did in 1 of 3 runs")],
)  # fmt: skip
def test_a_task_that_nobody_solves_always(tmp_path, steps, words):
    runs = board({"gru": 0.5})
    runs[-1] = replace(runs[-1], solved_at_step=steps)
    leave(tmp_path / "runs" / "e", runs)
    publish("e", [tmp_path / "runs" / "e"], tmp_path / "results")
    assert read_results(tmp_path / "results").boards[0].advice == f"adding, T = 500: {words}."


def test_a_run_that_came_to_nothing_is_said_and_counts(tmp_path):
    runs = board({"gru": 0.9})
    runs[-1] = replace(runs[-1], status="diverged", diverged_at_step=1000, final={})
    leave(tmp_path / "runs" / "e", runs)
    publish("e", [tmp_path / "runs" / "e"], tmp_path / "results")
    (place,) = read_results(tmp_path / "results").boards[0].places
    assert place.row[1] == "0.890 [-1.000, 0.900], 1 diverged"


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
        "lstm", "-1.000 [-1.000, -1.000], 3 failed", "–", "–", "0/3 [0.00, 0.56]", "–", "not measured", "–", "–", "–",
        "–", "0", "lr 0.1",
    ]  # fmt: skip


def test_nothing_tuned_and_nothing_at_all(tmp_path):
    assert write_overview(tmp_path) == {}
    assert "All results" in (tmp_path / "README.md").read_text()
    assert not (tmp_path / "leaderboard.svg").exists()
