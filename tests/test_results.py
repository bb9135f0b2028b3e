"""What is read off committed results: the leaderboard, provenance, two results side by side, tuned reports."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest

from rnnbench import protocol, records, rows
from rnnbench.errors import UserError
from rnnbench.protocol import Protocol
from rnnbench.report import publish
from rnnbench.report.leaderboard import overview
from rnnbench.report.overview import read_results, write_overview
from rnnbench.report.side_by_side import compare
from test_report import make

pytestmark = pytest.mark.whole

ROOT = Path(__file__).parents[1]
TUNED = Protocol(tune={"optimizer.lr": [0.01, 0.1, 1.0]}, tune_seeds=[10], report_seeds=[0, 1, 2], tolerance={})
MACHINE = {"processor": "p", "instructions": "avx2", "cores": 2, "platform": "l", "accelerator": "none"}


def record(cell, seed, lr, score, task="adding", length=500, solved=None, **changes):
    found = make(seed, score=score, cell=cell, optimizer={"lr": lr})
    found.config["task"] = {"name": task, "length": length}
    found.run_id = f"{task}-{cell}-seed{seed}-{hashlib.sha256(str((task, cell, lr, length)).encode()).hexdigest()[:10]}"
    loss = {} if score is None else {"val/loss": 1 - score, "test/loss": 1 - score, "test/mse": 1 - score}
    values = {"solved_at_step": solved, "steps": solved or 1000, "seconds": 20.0 + seed, "parameters": 20000,
              "final": found.final | loss, "commit": "a" * 40, "versions": {"torch": "1"}, "machine": MACHINE,
              "command": "python scripts/train.py experiment=e", "started": f"2026-01-0{1 + seed % 7}T00:00:00+00:00",
              "ended": "2026-01-09T00:00:00+00:00", "flops": 40000, "state_size": 128}  # fmt: skip
    return replace(found, **(values | changes))


def leave(folder, found, declared=TUNED):
    """The runs of a sweep as files."""
    for each in found:
        (folder / each.run_id).mkdir(parents=True)
        records.write(folder / each.run_id, each)
    protocol.write(folder, declared)


def board(scores, solved=None, chosen=0.1, **options):
    """Each cell's tuning runs, of which ``chosen`` is the best, and three reported ones around its score."""
    solved, runs = solved or {}, []
    for cell, score in scores.items():
        runs += [record(cell, 10, lr, 0.9 if lr == chosen else 0.1, **options) for lr in (0.01, 0.1, 1.0)]
        runs += [record(cell, seed, chosen, score + off, solved=solved.get(cell), **options)
                 for seed, off in ((0, 0), (1, -0.01), (2, 0.01))]  # fmt: skip
    return runs


@pytest.fixture
def results(tmp_path):
    """Three cells on two tasks, tuned."""
    long = board({"lstm": 0.2, "gru": 0.98, "lru": 0.97}, {"gru": 300, "lru": 400})
    short = board({"lstm": 0.9, "gru": 0.6}, task="digits", length=64)
    leave(tmp_path / "runs" / "e", long + short)
    publish("e", tmp_path / "runs", tmp_path / "results")
    return tmp_path / "results"


class TestLeaderboard:
    def test_the_best_cell_of_each_task_and_what_it_costs(self, results):
        long, short = read_results(results).boards
        assert (long.title, short.title) == ("adding, T = 500", "digits, T = 64")
        assert [place.cell for place in long.places] == ["gru", "lru", "lstm"]
        assert long.advice == (
            "adding, T = 500: take gru. All its runs solved the task, the median at step 300; of 3 cells it is the "
            "quickest to train of the 2 that did (20000 "
            "parameters, 21 seconds of training; score 0.980 [0.955, 1.005])."
        )
        assert short.advice.startswith("digits, T = 64: lstm scores best, 0.900 [")
        assert short.advice.endswith(" seconds of training).")  # digits have no threshold
        assert short.places[0].row[2] == "–"

    def test_who_solves_it_sooner_is_preferred_to_a_better_score(self, tmp_path):
        runs = board({"gru": 0.99, "lru": 0.96}, {"gru": 900, "lru": 100})
        runs = [replace(run, seconds=5.0) if run.config["cell"]["name"] == "lru" else run for run in runs]
        leave(tmp_path / "runs" / "e", runs)
        publish("e", tmp_path / "runs", tmp_path / "results")
        (found,) = read_results(tmp_path / "results").boards
        assert found.places[0].cell == "gru"
        assert found.best.cell == "lru"

    def test_a_row_has_what_was_tuned_and_what_it_costs(self, results):
        columns = ("cell", "score", "solved", "steps", "horizon", "parameters", "state", "kflops", "ms", "s", "lr")
        row = dict(zip(columns, read_results(results).boards[0].places[0].row, strict=True))
        assert row == {
            "cell": "gru", "score": "0.980 [0.955, 1.005]", "solved": "3/3 [0.44, 1.00]", "steps": "300",
            "horizon": "not measured", "parameters": "20000", "state": "128", "kflops": "40", "ms": "70.0", "s": "21",
            "lr": "lr 0.1",
        }  # fmt: skip

    def test_a_choice_at_the_edge_is_marked(self, tmp_path):
        leave(tmp_path / "runs" / "e", board({"gru": 0.9}, chosen=1.0) + board({"lstm": 0.8}))
        publish("e", tmp_path / "runs", tmp_path / "results")
        (found,) = read_results(tmp_path / "results").boards
        assert [place.row[-1] for place in found.places] == ["lr 1.0 (edge)", "lr 0.1"]

    def test_a_missing_task_counts_as_nothing_learned(self, results):
        table = overview(read_results(results).boards)
        assert [row[0] for row in table.rows] == ["gru", "lstm", "lru"]
        assert table.rows[2][2:] == ["–", "0.485"]

    def test_tuning_runs_and_untuned_results_are_not_ranked(self, results, tmp_path):
        leave(
            tmp_path / "runs" / "plain",
            [record("elman", seed, 0.1, 0.999) for seed in (0, 1)],
            replace(TUNED, tune=None),
        )
        publish("plain", tmp_path / "runs", results)
        assert all(len(place.runs) == 3 for found in read_results(results).boards for place in found.places)
        assert {found.experiment for found in read_results(results).boards} == {"e"}
        text = (results / "README.md").read_text()
        assert "| [plain](plain/README.md) | 2 | 2026-01-01 |" in text
        assert "take gru" in text
        assert "![Mean score" in text
        assert (results / "leaderboard.svg").read_text().count("adding, T = 500") == 1

    @pytest.mark.parametrize(("steps", "words"), [(None, "no run solved it"), (400, "no cell solved it in every run")])
    def test_a_task_that_nobody_solves_always(self, tmp_path, steps, words):
        runs = board({"gru": 0.5})
        runs[-1] = replace(runs[-1], solved_at_step=steps)
        leave(tmp_path / "runs" / "e", runs)
        publish("e", tmp_path / "runs", tmp_path / "results")
        assert read_results(tmp_path / "results").boards[0].advice.endswith(f"; {words}.")

    def test_a_diverged_run_is_said(self, tmp_path):
        runs = board({"gru": 0.9})
        runs[-1] = replace(runs[-1], status="diverged", score=None, final={})
        leave(tmp_path / "runs" / "e", runs)
        publish("e", tmp_path / "runs", tmp_path / "results")
        assert read_results(tmp_path / "results").boards[0].places[0].row[1].endswith("], 1 without a score")

    def test_nothing_tuned_and_nothing_at_all(self, tmp_path):
        assert write_overview(tmp_path) == {}
        assert "All results" in (tmp_path / "README.md").read_text()
        assert not (tmp_path / "leaderboard.svg").exists()


class TestTuned:
    def test_the_report_says_grid_choice_and_edge(self, tmp_path):
        runs = board({"gru": 0.9}, chosen=1.0) + board({"lstm": 0.8})
        stale, stranger = record("lstm", 0, 0.01, 0.3), record("lstm", 7, 0.1, 0.3)
        leave(tmp_path / "runs" / "e", [*runs, stale, stranger])
        folder = publish("e", tmp_path / "runs", tmp_path / "results").folder
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
        phases = [(row["phase"], row["seed"]) for row in rows.read(folder)]
        assert phases.count(("tuning", "10")) == 6
        assert len(phases) == 12

    def test_only_tuning_runs(self, tmp_path):
        leave(tmp_path / "runs" / "e", [record("gru", 10, 0.1, 0.5)])
        with pytest.raises(UserError, match="only tuning runs of e: "):
            publish("e", tmp_path / "runs", tmp_path / "results")


class TestProvenance:
    def test_what_it_says(self, results):
        content = json.loads((results / "e" / "provenance.json").read_text())
        assert content["commands"] == ["python scripts/train.py experiment=e"]
        assert content["varied"] == {"task.name": ["adding", "digits"], "cell.name": ["gru", "lru", "lstm"],
                                     "optimizer.lr": [0.01, 0.1, 1.0]}  # fmt: skip
        assert content["protocol"]["tune_seeds"] == [10]
        assert content["seeds"] == [0, 1, 2, 10]
        assert (content["started"], content["ended"][:4]) == ("2026-01-01T00:00:00+00:00", "2026")
        assert (content["runs"], content["dirty"]) == (30, False)
        assert content["seconds"] == pytest.approx(sum(20.0 + seed for seed in (10, 10, 10, 0, 1, 2)) * 5)
        assert content["environments"] == [{"versions": {"torch": "1"}, "machine": MACHINE}]

    def test_mixed_runs_are_told_apart(self, tmp_path):
        runs = [record("gru", seed, 0.1, 0.5) for seed in (0, 1, 2)]
        runs[1] = replace(runs[1], versions={"torch": "2"}, commit="b" * 40 + "+dirty", data={"sha256": "ff"})
        leave(tmp_path / "runs" / "e", runs, replace(TUNED, tune=None))
        folder = publish("e", tmp_path / "runs", tmp_path / "results").folder
        content = json.loads((folder / "provenance.json").read_text())
        assert content["dirty"]
        assert content["data"] == [{"sha256": "ff"}]
        assert [row["environment"] for row in rows.read(folder)] == ["0", "1", "0"]
        assert content["environments"][1]["versions"] == {"torch": "2"}

    def test_the_hash_is_of_the_configurations_alone(self, tmp_path):
        hashes = []
        for name, changes in (("a", {}), ("b", {"seconds": 1.0, "score": 0.1}), ("c", {"seed": 7})):
            runs = [record("gru", 0, 0.1, 0.5), replace(record("gru", 1, 0.1, 0.5), **changes)]
            runs[0].config["runs_dir"] = name
            leave(tmp_path / "runs" / name, runs, replace(TUNED, tune=None))
            folder = publish(name, tmp_path / "runs", tmp_path / "results").folder
            hashes.append(json.loads((folder / "provenance.json").read_text())["config_sha256"])
        assert hashes[0] == hashes[1] != hashes[2]


class TestSideBySide:
    @pytest.fixture
    def two(self, tmp_path):
        """The same experiment twice: the second time one cell is better and everything took longer."""
        for name, better, slower in (("first", 0.0, 1), ("second", 0.2, 10)):
            runs = board({"gru": 0.5, "lstm": 0.5 + better})
            runs = [replace(run, seconds=run.seconds * slower, versions={"torch": name}) for run in runs]
            leave(tmp_path / name / "runs" / "e", runs)
            publish("e", tmp_path / name / "runs", tmp_path / name / "results")
        return [tmp_path / name / "results" / "e" for name in ("first", "second")]

    def test_what_moved_and_what_did_not(self, two):
        pairs, _, notes = compare(*two)
        moved = {(pair.setting, pair.number) for pair in pairs if pair.moved}
        better = {("cell lstm", number) for number in ("score", "test_metric", "seconds")}
        assert moved == better | {("cell gru", "seconds")}
        assert {pair.number for pair in pairs} >= {"score", "test_metric", "parameters", "seconds", "solved"}
        assert {(pair.setting, pair.number) for pair in compare(*two[::-1]).pairs if pair.moved} == moved
        assert notes[0] == "12 runs are in both; 9 of them are the same, digit for digit"
        assert "torch: first -> second" in notes

    def test_the_rows_that_differ_are_named_and_in_what(self, two):
        differing = compare(*two).rows
        assert len(differing) == 3
        for run_id, words in differing.items():
            assert run_id.startswith("adding-lstm-seed")
            assert words.startswith("score, validation_loss, test_loss, test_metric: score 0.")

    def test_a_planted_number_is_named_first(self, two):
        path = two[1] / "runs.csv"
        found = rows.read(two[1])
        chosen = next(row for row in found if row["cell"] == "lstm" and row["phase"] == "report")
        chosen |= {"horizon_final": "900", "parameters": "7", "test_loss": "0.9"}
        rows.write(path, found)
        words = compare(*two).rows[chosen["run_id"]]
        assert words.startswith("parameters, horizon_final, score, ")
        assert "parameters 20000 -> 7, horizon_final - -> 900" in words
        assert f"contradicts itself in {two[1]}: score 0." in words

    def test_failed_runs_are_not_the_same(self, two):
        for folder in two:
            found = rows.read(folder)
            found[0] |= {"status": "failed"}
            rows.write(folder / "runs.csv", found)
        (count, *_) = compare(*two).notes
        assert count == "12 runs are in both; 8 of them are the same, digit for digit; 1 failed and say nothing"

    def test_the_same_result(self, two):
        pairs, differing, notes = compare(two[0], two[0])
        assert differing == {}
        assert not any(pair.moved for pair in pairs)
        assert notes == ["12 runs are in both; 12 of them are the same, digit for digit"]

    def test_as_a_command(self, two, results, command):
        def run(*arguments):
            return command("compare.py", *arguments)

        shown = run(*two)
        assert shown.returncode == 0, shown.stderr
        assert "\n4 of " in shown.stdout
        assert "cell lstm" in shown.stdout
        assert "parameters" not in shown.stdout
        assert "parameters" in run(*two, "--all").stdout
        for other, message in ((results / "nothing", "cannot be read"), (results / "e", "no setting in common")):
            wrong = run(two[0], other)
            assert wrong.returncode == 2
            assert message in wrong.stderr
            assert wrong.stderr.count("\n") == 1
