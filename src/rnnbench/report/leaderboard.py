"""results/README.md: all results at a glance, and which cell did best where every cell was tuned alike.

Reads what is committed (runs.csv and provenance.json of every result), so that it needs no runs.
"""

from __future__ import annotations

from pathlib import Path
from statistics import fmean, median
from typing import Any, NamedTuple

import jinja2
import matplotlib as mpl

from rnnbench import rows
from rnnbench.report import origin
from rnnbench.report.drawing import PALETTE, STYLE, panels, plain, svg
from rnnbench.report.summary import solvable
from rnnbench.report.tables import Table, estimate, number, share
from rnnbench.statistics import Estimate, mean_interval, median_time, wilson_interval

PICTURE = "leaderboard"
CAPTION = "Mean score of each cell on each task with its 95 % interval, the best on top"
HEADER = ["cell", "score", "solved", "steps to solve", "horizon", "parameters", "state", "kFLOPs a step", "ms a step",
          "seconds a run", "tuned to"]  # fmt: skip


LOWEST = -1.0  # score of the picture; who is worse is not to be chosen anyway


class Place(NamedTuple):
    """One cell on one task."""

    task: str
    cell: str
    runs: list[dict[str, str]]
    """Of runs.csv, those that are reported."""
    tuned: str

    def numbers(self, column: str) -> list[float]:
        return [value for run in self.runs if (value := rows.number(run[column])) is not None]

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
        return [
            self.cell,
            estimate(self.score) + (f", {lost} without a score" if lost else ""),
            share(self.solved),
            number(self.steps_to_solve),
            number(median(horizons)) if horizons else "not measured",
            self.runs[0]["parameters"],
            self.runs[0]["state_size"],
            f"{int(self.runs[0]['flops']) / 1000:.0f}",
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
        cost = f"{best.runs[0]['parameters']} parameters, {best.seconds:.0f} seconds of training"
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


def boards(results_dir: Path) -> list[Board]:
    """One for each task and length on which cells were tuned alike, in the order of the folders."""
    found = []
    for folder in _results(results_dir):
        content = origin.read(folder)
        if content["protocol"] is None:
            continue
        reported = [row for row in rows.read(folder) if row["phase"] == rows.REPORT]
        tuned = content["protocol"]["tune"]
        names = [name for name in rows.factors(reported) if name not in ("task", "task.length", "cell", *tuned)]
        groups: dict[tuple[str, str], dict[str, list[dict[str, str]]]] = {}
        for row in reported:
            label = ", ".join([row["cell"], *(f"{name.rpartition('.')[2]} {row[name]}" for name in names)])
            groups.setdefault((row["task"], row["length"]), {}).setdefault(label, []).append(row)
        for (task, length), cells in groups.items():
            places = [
                Place(task, cell, runs, _chosen(runs[0], tuned, content["config"])) for cell, runs in cells.items()
            ]
            places.sort(key=lambda place: -(place.score.value if place.score else float("-inf")))
            found.append(Board(folder.name, task, length, places))
    return found


def _chosen(row: dict[str, str], tune: dict[str, list[Any]], common: dict[str, Any]) -> str:
    """What was chosen for a cell: a column, or where all chose the same, in the common configuration."""
    words = []
    for key, choices in tune.items():
        value = str(row.get(key, common.get(key, common.get(f"{key}.name"))))
        numbers = all(isinstance(choice, int | float) for choice in choices)
        edge = numbers and float(value) in (min(choices), max(choices))
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


def picture(found: list[Board]) -> str:
    """One panel a task, a dot and an interval a cell."""
    with mpl.rc_context(STYLE):
        figure, axes = panels(len(found), width=4.6, height=2.8)
        cells = sorted({place.cell for board in found for place in board.places})
        for panel, board in zip(axes, found, strict=True):
            shown = [(place.cell, place.score) for place in reversed(board.places) if place.score]
            for height, (cell, score) in enumerate(shown):
                color = PALETTE[cells.index(cell) % len(PALETTE)]
                if score.low is not None and score.high is not None:
                    panel.plot([score.low, score.high], [height, height], color=color, linewidth=2)
                panel.plot([score.value], [height], "o", color=color)
            panel.set_yticks(range(len(shown)), [plain(cell) for cell, _ in shown])
            panel.axvline(0, color="black", linestyle="--", linewidth=1)
            lowest = min([0.0, *(score.value for _, score in shown)])
            panel.set(
                title=board.title, xlabel="score (0: memoryless, 1: perfect)", xlim=(max(lowest, LOWEST) - 0.1, 1.1)
            )
        return svg(figure, PICTURE, CAPTION)


def write_leaderboard(results_dir: Path) -> Path:
    """Writes ``results_dir/README.md``, and beside it the picture where anything was tuned."""
    found = boards(results_dir)
    if found:
        (results_dir / f"{PICTURE}.svg").write_text(picture(found))
    results = [(folder.name, origin.read(folder)) for folder in _results(results_dir)]
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("rnnbench.report", "."), autoescape=False,  # Markdown
        undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    text = environment.get_template("results.md.jinja").render(
        results=results, boards=found, overview=overview(found) if found else None, header=HEADER,
        picture=PICTURE, caption=CAPTION,
    )  # fmt: skip
    target = results_dir / "README.md"
    target.write_text(text)
    return target


def _results(results_dir: Path) -> list[Path]:
    return sorted(path.parent for path in results_dir.glob(f"*/{origin.FILE}"))
