"""The figures of a sweep. Each takes the settings and returns None where their runs have no data for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import matplotlib as mpl

from rnnbench.outcomes.settings import Setting
from rnnbench.report import curves, heat_maps, scatter
from rnnbench.report.drawing import STYLE, ReportFigure, svg
from rnnbench.report.long_tables import LongTables


class Drawn(NamedTuple):
    """A figure, with a text and a table of numbers for readers who cannot see it."""

    svg: str
    text: str
    header: list[str]
    rows: list[list[str]]
    single: dict[int, str]
    """One picture a setting, by its index, where the page shows these in place of the common figure."""


FIGURES: dict[str, tuple[Callable[[list[Setting], LongTables], ReportFigure | None], str]] = {
    "learning_curves": (
        curves.learning_curves,
        "Validation loss over training steps against the memoryless baseline; mean and range over completed runs; "
        "a solved run stops early and is held at its last loss",
    ),
    "gradient_profiles": (
        curves.gradient_profiles,
        "Norm of dL/ds over lag before and after training, s being the whole state: the geometric mean "
        "(the mean of the logarithm) and the range over runs, of the layer and direction that reaches furthest; where "
        "there are several, thin lines are the geometric mean of each",
    ),
    "horizon_and_score": (
        scatter.horizon_and_score,
        "Horizon of the gradient after training against the score, one point a run",
    ),
    "time_to_solve": (
        curves.time_to_solve,
        "Share of runs that have not solved the task over training steps (Kaplan-Meier)",
    ),
    "heat_maps": (
        heat_maps.heat_maps,
        "Norm of dL/ds over lag and training step, the first run of each setting, the layer and direction that reaches "
        "furthest after training; white where it is zero or not finite",
    ),
    "lyapunov_spectra": (
        curves.lyapunov_spectra,
        "The largest Lyapunov exponents before and after training; mean and range over runs",
    ),
    "cost": (scatter.cost, "Mean seconds of training, and parameters, against the median score of each setting"),
}


DRAWN_FROM_LINES = ("learning_curves", "gradient_profiles", "heat_maps", "lyapunov_spectra")
"""The figures that need profiles and curves, not rows alone."""


def draw_all(settings: list[Setting], tables: LongTables, kept: dict[str, str]) -> dict[str, Drawn]:
    """Return every figure that the runs have data for, by name; one that is ``kept`` as SVG is not drawn."""
    drawn = {}
    with mpl.rc_context(STYLE):
        for name, (draw, text) in FIGURES.items():
            if name in kept:
                drawn[name] = Drawn(kept[name], text, [], [], {})
                continue
            found = draw(settings, tables)
            if found is not None:
                single = {
                    index: svg(figure, f"{name}-{index}", f"{text}: {settings[index].task}, {settings[index].label}")
                    for index, figure in found.single.items()
                }
                drawn[name] = Drawn(svg(found.figure, name, text), text, found.header, found.rows, single)
    return drawn
