"""What trained networks do at other lengths: their curves, and a table of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rnnbench.outcomes.columns import COLUMNS
from rnnbench.outcomes.lengths import Point, curve, trained
from rnnbench.outcomes.problems import Problem
from rnnbench.outcomes.settings import Setting
from rnnbench.report.tables import Table, estimate

TOKENS, WHOLE = "positions", "sequences"
MEASURES = {"accuracy": "", "sequence_accuracy": WHOLE}
"""What is shown over length, by its name in ``Point``, and the words of its panels."""


def curves(setting: Setting) -> list[tuple[int, list[Point]]]:
    """Return the seed and the curve of the runs that were tested at all lengths at which any was, with an accuracy."""
    found = [(run["seed"], curve(run)) for run in setting.runs]
    known = [(seed, points) for seed, points in found if points and all(each.accuracy is not None for each in points)]
    longest = max((len(points) for _, points in known), default=0)
    return [(seed, points) for seed, points in known if len(points) == longest]


def measures(settings: Sequence[Setting]) -> dict[Problem, dict[str, str]]:
    """Return what to show of each problem: whole sequences too where these differ from positions in any setting."""
    found: dict[Problem, dict[str, str]] = {}
    for each in settings:
        points = [point for _, curve in curves(each) for point in curve]
        differ = any(point.sequence_accuracy not in (None, point.accuracy) for point in points)
        if differ or each.problem not in found:
            found[each.problem] = MEASURES if differ else {"accuracy": ""}
    return found


def table(settings: list[Setting]) -> Table | None:
    """Return the area and the accuracy at each length; None where no network was tested at another length."""
    tested = [setting for setting in settings if curves(setting)]
    if not tested:
        return None
    every = sorted({point.length for setting in tested for _, points in curves(setting) for point in points})
    rows, shown = [], measures(tested)
    for setting in tested:
        found = curves(setting)
        low, high = trained(setting.runs[0])
        for measure, words in shown[setting.problem].items():
            at = {
                each.length: f"{np.median([getattr(points[place], measure) for _, points in found]):.3f}"
                for place, each in enumerate(found[0][1])
            }
            area = estimate(setting.median("length_area")) if measure == "accuracy" else "–"
            span = str(high) if low == high else f"{low} to {high}"
            cells = [at.get(length, "–") for length in every]
            rows.append([*setting.shown.values(), span, words or TOKENS, area, *cells])
    header = [*tested[0].factors, "trained at", "accuracy of", "area", *(f"T = {length}" for length in every)]
    note = (
        f"Area: {COLUMNS['length_area'].meaning}; the median over runs and its interval. T: the accuracy of networks "
        "tested at that length, of scored positions and of whole sequences, all of whose positions must be right; the "
        "median over runs that were tested at all lengths."
    )
    return Table("Accuracy at other lengths", header, rows, note)
