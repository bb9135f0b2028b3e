"""Which cell does best: the places of all cells on each task, where every cell was tuned alike."""

from __future__ import annotations

from statistics import fmean, median
from typing import NamedTuple

from rnnbench.errors import UserError
from rnnbench.report import reach
from rnnbench.report.tables import Table, estimate, number, share
from rnnbench.store import rows
from rnnbench.store.columns import COLUMNS
from rnnbench.store.phases import chosen_points
from rnnbench.store.result import CONFIG, Result
from rnnbench.store.settings import Setting, reported, words

HEADER = ["cell", "score", "test loss", "solved", "steps to solve", "horizon", "parameters", "state", "kFLOPs a step",
          "ms a step", "seconds a run", "tuned to"]  # fmt: skip


class Place(NamedTuple):
    """One cell on one task."""

    setting: Setting
    cell: str
    """Its label, with what else was varied."""
    tuned: str

    @property
    def solves(self) -> bool:
        """Whether every run solved the task."""
        share = self.setting.solved_share
        return share is not None and share.value == 1

    @property
    def seconds(self) -> float:
        """Of training, the median over runs; a solved run stops early."""
        return median(self.setting.numbers("seconds"))

    @property
    def row(self) -> list[str]:
        """In the columns of HEADER."""
        setting = self.setting
        milliseconds = [1000 * run["seconds"] / run["steps"] for run in setting.runs if run["steps"]]
        flops, loss = setting.known("flops"), setting.mean("test_loss")
        return [
            self.cell,
            estimate(setting.score) + (f", {setting.failures}" if setting.failures else ""),
            "–" if loss is None else COLUMNS["test_loss"].text(loss.value),
            share(setting.solved_share),
            number(setting.median_steps_to_solve),
            reach.horizon(setting, "final"),
            number(setting.known("parameters")),
            number(setting.known("state_size")),
            "–" if flops is None else f"{flops / 1000:.0f}",
            f"{fmean(milliseconds):.1f}" if milliseconds else "–",
            f"{self.seconds:.0f}",
            self.tuned,
        ]


class Board(NamedTuple):
    """All cells on one task, best score first."""

    experiment: str
    task: str
    length: int | None
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
        setting = best.setting
        cost = f"{number(setting.known('parameters'))} parameters, {best.seconds:.0f} seconds of training"
        if not solvers:
            text = f"{self.title}: {best.cell} scores best, {estimate(setting.score)} ({cost})"
            if not setting.solvable:
                return f"{text}."
            solved = any(place.setting.solved for place in self.places)
            return f"{text}; {'no cell solved it in every run' if solved else 'no run solved it'}."
        others = f"the quickest to train of the {solvers} that did" if solvers > 1 else "the only one that did"
        return (
            f"{self.title}: take {best.cell}. All its runs solved the task, the median at step "
            f"{number(setting.median_steps_to_solve)}; of {len(self.places)} cells it is {others} ({cost}; score "
            f"{estimate(setting.score)})."
        )


def boards(experiment: str, result: Result) -> list[Board]:
    """Return those of one result; none where nothing was tuned. Raises UserError where no run is one to report."""
    protocol = result.protocol
    if protocol is None or not protocol.tune:
        return []
    found, chosen = reported(result), chosen_points(result)
    if not found:
        raise UserError(f"{rows.FILE}: by the protocol in {CONFIG} none of its runs is one to report; {rows.AGAIN}")
    groups: dict[tuple[str, int | None], list[Place]] = {}
    for setting in found:
        choice = chosen[protocol.setting(setting.runs[0])]
        tuned = ", ".join(
            f"{key.rpartition('.')[2]} {value}{' (edge)' if key in choice.edges else ''}"
            for key, value in choice.best.point.items()
        )
        less = ("task", "task.length", *protocol.tune)
        label = words({key: value for key, value in setting.factors.items() if key not in less}) or setting.cell
        place = setting.task, setting.runs[0]["length"]
        groups.setdefault(place, []).append(Place(setting, label, tuned))
    return [
        Board(experiment, task, length, sorted(places, key=lambda place: -place.setting.score.value))
        for (task, length), places in groups.items()
    ]


def overview(found: list[Board]) -> Table:
    """Return cell by task, the mean score of each, the cell with the best mean over all tasks first."""
    cells = dict.fromkeys(place.cell for board in found for place in board.places)
    scores = [{place.cell: place.setting.score for place in board.places} for board in found]
    mean = {cell: fmean(by[cell].value if cell in by else 0.0 for by in scores) for cell in cells}
    ranked = sorted(cells, key=lambda cell: -mean[cell])
    table = [[cell, *(estimate(by.get(cell)) for by in scores), f"{mean[cell]:.3f}"] for cell in ranked]
    note = "Mean: over the tasks, a task on which a cell was not run counting 0."
    return Table("Score", ["cell", *(board.title for board in found), "mean"], table, note)
