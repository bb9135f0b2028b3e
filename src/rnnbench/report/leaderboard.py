"""Leaderboards: the ranks of all cells on each task, where every cell was tuned alike."""

from __future__ import annotations

from statistics import fmean, median
from typing import NamedTuple

from rnnbench.errors import UserError
from rnnbench.outcomes import rows
from rnnbench.outcomes.columns import COLUMNS
from rnnbench.outcomes.phases import chosen_points
from rnnbench.outcomes.problems import Problem, belongs_to_problem, words
from rnnbench.outcomes.result import CONFIG, Result
from rnnbench.outcomes.settings import Setting, reported
from rnnbench.report import answers, reach
from rnnbench.report.tables import Table, estimate, interval_words, number, share
from rnnbench.report.tuning import UNDECIDED, undecided
from rnnbench.store.protocol import Protocol

HEADER = ["cell", "score", "best validation score", "test loss", "solved", "steps to solve", "horizon", "parameters",
          "state", "kFLOPs a step", "ms a step", "seconds a run", "tuned to"]  # fmt: skip


class Place(NamedTuple):
    """One cell on one task."""

    setting: Setting
    cell: str
    """Its label, with what else was varied."""
    tuned: str
    """What was chosen for it, in words."""
    mark: str
    """``edge`` or ``undecided``; empty where the choice lies within the grid."""

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
        flops, loss = setting.known("flops"), setting.median("test_loss")
        return [
            self.cell,
            estimate(setting.score) + (f", {setting.failures}" if setting.failures else ""),
            estimate(setting.best_score),
            "–" if loss is None else COLUMNS["test_loss"].text(loss.value),
            share(setting.solved_share),
            number(setting.median_steps_to_solve),
            reach.horizon(setting, "final"),
            number(setting.known("parameters")),
            number(setting.known("state_size")),
            "–" if flops is None else f"{flops / 1000:.0f}",
            f"{fmean(milliseconds):.1f}" if milliseconds else "–",
            f"{self.seconds:.0f}",
            f"{self.tuned} ({self.mark})" if self.mark else self.tuned,
        ]


class Board(NamedTuple):
    """All cells on one task and length, best first: by time to solve where the task can be solved, else by score."""

    experiment: str
    problem: Problem
    protocol: Protocol
    places: list[Place]

    @property
    def title(self) -> str:
        return self.problem.title

    @property
    def settings(self) -> list[Setting]:
        return [place.setting for place in self.places]

    @property
    def reference(self) -> str:
        """The count models of a text, in a line; empty where there are none."""
        return answers.count_line(self.problem, self.settings)

    @property
    def advice(self) -> str:
        """What was seen, in a sentence."""
        return f"{answers.title(self.problem, self.settings)}: {self._seen}."

    @property
    def _seen(self) -> str:
        first = self.places[0]
        if not first.setting.solvable:
            listed = ", ".join(
                f"{place.cell} {estimate(place.setting.score)}" for place in self.places[: answers.FIRST]
            )
            against = answers.against_count_models(self.settings)
            return f"highest median scores {listed}" + (f"; {against}" if against else "")
        if not first.setting.solved:
            return f"no run solved it; the highest median score is {estimate(first.setting.score)}, of {first.cell}"
        count = f"{len(first.setting.solved)} of {len(first.setting.runs)} runs"
        if not first.solves:
            return f"no cell solved it in every run; {first.cell} did in {count}"
        seen = f"{first.cell} solved it in {count}, median step {number(first.setting.median_steps_to_solve)}"
        others = [place for place in self.places[1:] if place.solves]
        listed = ", ".join(f"{place.cell} ({number(place.setting.median_steps_to_solve)})" for place in others)
        return f"{seen}; " + (f"so did, in every run, {listed}" if others else "no other cell did in every run")


def boards(experiment: str, result: Result) -> list[Board]:
    """Return those of one result; none where nothing was tuned. Raises UserError where no run is one to report."""
    protocol = result.protocol
    if protocol is None or not protocol.tune:
        return []
    found, chosen = reported(result), chosen_points(result)
    if not found:
        raise UserError(f"{rows.FILE}: by the protocol in {CONFIG} none of its runs is one to report; {rows.AGAIN}")
    groups: dict[Problem, list[Place]] = {}
    for setting in found:
        choice = chosen[protocol.setting(setting.runs[0])]
        mark = UNDECIDED if undecided(setting, choice) else "edge" if choice.edges else ""
        tuned = ", ".join(f"{key.rpartition('.')[2]} {value}" for key, value in choice.best.point.items())
        own = {key: v for key, v in setting.factors.items() if not belongs_to_problem(key) and key not in protocol.tune}
        groups.setdefault(setting.problem, []).append(Place(setting, words(own) or setting.cell, tuned, mark))
    return [
        Board(experiment, problem, protocol, sorted(places, key=lambda place: place.setting.rank))
        for problem, places in groups.items()
    ]


def compared(found: list[Board]) -> list[str]:
    """Return what the boards of each experiment compare, in a line."""
    by_experiment: dict[str, list[Board]] = {}
    for board in found:
        by_experiment.setdefault(board.experiment, []).append(board)
    return [f"Compared in {name}: {_compared(group)}." for name, group in by_experiment.items()]


def _compared(group: list[Board]) -> str:
    places, protocol = [place for board in group for place in board.places], group[0].protocol
    runs = [run for place in places for run in place.setting.runs]
    starts = sorted({str(found) for run in runs if (found := run.get("init.name"))})
    start = "default initialisations (torch's, or the cell's own)"
    if starts not in ([], ["default"]):
        start = f"initialisations {', '.join(starts)}"
    grid = "; ".join(f"{key} of {', '.join(map(str, values))}" for key, values in (protocol.tune or {}).items())
    marks = [place.mark for place in places]
    beyond = f"{marks.count('edge')} of {len(marks)} choices at its edge, {marks.count(UNDECIDED)} undecided"
    sizes = [known for place in places if (known := place.setting.known("parameters"))]
    budgets = [known for run in runs if (known := run.get("trainer.max_steps"))]
    parts = [f"{len({place.cell for place in places})} cells with {start}"]
    if sizes:
        parts.append(f"{_span(sizes)} parameters")
    if budgets:
        parts.append(f"at most {_span(budgets)} steps")
    parts += [
        f"{_count([len(place.setting.runs) for place in places], 'reported seed')}",
        f"a short grid, {grid}, with {_count([len(protocol.tune_seeds)], 'other seed')} ({beyond})",
    ]
    return "; ".join(parts)


def _span(values: list[int]) -> str:
    return f"{min(values)}" if min(values) == max(values) else f"{min(values)} to {max(values)}"


def _count(values: list[int], what: str) -> str:
    return f"{_span(values)} {what}{'s' if max(values) > 1 else ''}"


def overview(found: list[Board]) -> Table:
    """Return cell by task, the median score of each, the cell with the best mean of them first."""
    cells = dict.fromkeys(place.cell for board in found for place in board.places)
    scores = [{place.cell: place.setting.score for place in board.places} for board in found]
    mean = {cell: fmean(by[cell].value if cell in by else 0.0 for by in scores) for cell in cells}
    ranked = sorted(cells, key=lambda cell: -mean[cell])
    table = [[cell, *(estimate(by.get(cell)) for by in scores), f"{mean[cell]:.3f}"] for cell in ranked]
    sizes = [place.setting.score.n for board in found for place in board.places]
    note = (
        f"The median over runs, {interval_words(sizes)}. Mean of medians: over the columns before it, one in which a "
        "cell was not run counting 0."
    )
    return Table("Score", ["cell", *(board.title for board in found), "mean of medians"], table, note)
