"""Which cell does best: the places of all cells on each task, where every cell was tuned alike."""

from __future__ import annotations

from statistics import fmean, median
from typing import Any, NamedTuple

from rnnbench import rows
from rnnbench.errors import UserError
from rnnbench.report import origin
from rnnbench.report.summary import solvable
from rnnbench.report.tables import Table, estimate, number, share
from rnnbench.statistics import Estimate, mean_interval, median_time, wilson_interval

HEADER = ["cell", "score", "solved", "steps to solve", "horizon", "parameters", "state", "kFLOPs a step", "ms a step",
          "seconds a run", "tuned to"]  # fmt: skip


class Place(NamedTuple):
    """One cell on one task."""

    task: str
    cell: str
    runs: list[dict[str, str]]
    """Of runs.csv, those that are reported."""
    tuned: str

    def numbers(self, column: str) -> list[float]:
        return [value for run in self.runs if (value := rows.number(run[column])) is not None]

    def known(self, column: str) -> float | None:
        """A number that all runs share, from one that got far enough to know it; None where none did."""
        return next((value for value in self.numbers(column) if value), None)

    @property
    def score(self) -> Estimate | None:
        """The mean over the runs that did not diverge or fail; None where all did."""
        scores = self.numbers("score")
        return mean_interval(scores) if scores else None

    @property
    def solved(self) -> Estimate | None:
        """The share of runs that solved the task; None where nothing counts as solved."""
        return wilson_interval(len(self.numbers("solved_at_step")), len(self.runs)) if solvable(self.task) else None

    @property
    def solves(self) -> bool:
        """Whether every run solved the task."""
        return self.solved is not None and self.solved.value == 1

    @property
    def seconds(self) -> float:
        """Of training, the median over runs; a solved run stops early."""
        return median(self.numbers("seconds"))

    @property
    def steps_to_solve(self) -> float | None:
        """The Kaplan-Meier median; None where it is beyond the runs' steps."""
        times = [float(run["solved_at_step"] or run["steps"]) for run in self.runs]
        return median_time(times, [bool(run["solved_at_step"]) for run in self.runs])

    @property
    def row(self) -> list[str]:
        """In the columns of HEADER."""
        horizons = self.numbers("horizon_final")
        lost = len(self.runs) - len(self.numbers("score"))
        milliseconds = [1000 * float(run["seconds"]) / int(run["steps"]) for run in self.runs if int(run["steps"])]
        flops = self.known("flops")
        return [
            self.cell,
            estimate(self.score) + (f", {lost} without a score" if lost else ""),
            share(self.solved),
            number(self.steps_to_solve),
            number(median(horizons)) if horizons else "not measured",
            number(self.known("parameters")),
            number(self.known("state_size")),
            "–" if flops is None else f"{flops / 1000:.0f}",
            f"{fmean(milliseconds):.1f}" if milliseconds else "–",
            f"{self.seconds:.0f}",
            self.tuned,
        ]


class Board(NamedTuple):
    """All cells on one task, best score first."""

    experiment: str
    task: str
    length: str
    places: list[Place]

    @property
    def title(self) -> str:
        return f"{self.task}, T = {self.length}"

    @property
    def best(self) -> Place:
        """Of the cells whose every run solved the task the quickest to train, else the one with the best score."""
        solvers = [place for place in self.places if place.solves]
        return min(solvers, key=lambda place: place.seconds) if solvers else self.places[0]

    @property
    def advice(self) -> str:
        """The best cell and what it costs, in a sentence."""
        best, solvers = self.best, sum(place.solves for place in self.places)
        cost = f"{number(best.known('parameters'))} parameters, {best.seconds:.0f} seconds of training"
        if not solvers:
            text = f"{self.title}: {best.cell} scores best, {estimate(best.score)} ({cost})"
            if not solvable(self.task):
                return f"{text}."
            none = (
                "no run solved it"
                if all(not p.numbers("solved_at_step") for p in self.places)
                else "no cell solved it in every run"
            )
            return f"{text}; {none}."
        others = f"the quickest to train of the {solvers} that did" if solvers > 1 else "the only one that did"
        return (
            f"{self.title}: take {best.cell}. All its runs solved the task, the median at step "
            f"{number(best.steps_to_solve)}; of {len(self.places)} cells it is {others} ({cost}; score "
            f"{estimate(best.score)})."
        )


def boards(experiment: str, content: dict[str, Any], found: list[dict[str, str]]) -> list[Board]:
    """Those of one result; none where nothing was tuned."""
    tuned = (content["protocol"] or {}).get("tune")
    reported = [row for row in found if row["phase"] == rows.REPORT]
    if not tuned or not reported:
        return []
    names = [name for name in rows.factors(reported) if name not in ("task", "task.length", "cell", *tuned)]
    groups: dict[tuple[str, str], dict[str, list[dict[str, str]]]] = {}
    for row in reported:
        label = ", ".join([row["cell"], *(f"{name.rpartition('.')[2]} {row[name]}" for name in names)])
        groups.setdefault((row["task"], row["length"]), {}).setdefault(label, []).append(row)
    ranked = []
    for (task, length), cells in groups.items():
        places = [Place(task, cell, runs, _chosen(runs[0], tuned, content["config"])) for cell, runs in cells.items()]
        places.sort(key=lambda place: -(place.score.value if place.score else float("-inf")))
        ranked.append(Board(experiment, task, length, places))
    return ranked


def _chosen(row: dict[str, str], tune: dict[str, list[Any]], common: dict[str, Any]) -> str:
    """What was chosen for a cell: a column, or where all chose the same, in the common configuration."""
    words = []
    for key, choices in tune.items():
        value = row.get(key, common.get(key, common.get(f"{key}.name")))
        numbers = bool(choices) and all(type(choice) in (int, float) for choice in choices)
        try:
            edge = numbers and float(str(value)) in (min(choices), max(choices))
        except ValueError:
            raise UserError(f"{origin.FILE}: {row['run_id']} has no {key} of {choices}") from None
        words.append(f"{key.rpartition('.')[2]} {value}{' (edge)' if edge else ''}")
    return ", ".join(words)


def overview(found: list[Board]) -> Table:
    """Cell by task, the mean score of each, the cell with the best mean over all tasks first."""
    cells = dict.fromkeys(place.cell for board in found for place in board.places)
    scores = [{place.cell: place.score for place in board.places} for board in found]
    mean = {cell: fmean(score.value if (score := by.get(cell)) else 0.0 for by in scores) for cell in cells}
    ranked = sorted(cells, key=lambda cell: -mean[cell])
    table = [[cell, *(estimate(by.get(cell)) for by in scores), f"{mean[cell]:.3f}"] for cell in ranked]
    note = "Mean: over the tasks, a task without a completed run counting 0."
    return Table("Score", ["cell", *(board.title for board in found), "mean"], table, note)
