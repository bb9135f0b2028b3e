"""The charts of a report, in order, each with what it shows in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from rnnbench.outcomes.settings import Setting
from rnnbench.report.charts import theme
from rnnbench.report.long_tables import LongTables

if TYPE_CHECKING:
    from rnnbench.report.charts.chart import Chart
    from rnnbench.report.charts.design import Design

FIGURES = {
    "scores": (
        "Scores",
        "Score of each setting after the last step: the median over runs and its interval, and every run as a dot",
    ),
    "accuracy_over_length": (
        "Accuracy at other lengths",
        "Accuracy after training over the length of the test: the median over runs and its interval, the lengths of "
        "training shaded, the accuracy of the best predictor without memory dashed",
    ),
    "gradient_profiles": (
        "How far back the gradient reaches",
        "Norm of dL/ds over lag before training (dashed) and after, s being the whole state: the median over runs and "
        "its interval, of the layer and direction that reaches furthest; a cross at the bottom marks a lag at which "
        "the gradient of a run is exactly zero",
    ),
    "gradient_of_layers": (
        "The gradient of every layer and direction",
        "Norm of dL/ds over lag after training, the median over runs, a panel a setting",
    ),
    "learning_curves": (
        "Learning curves",
        "Validation loss over training steps against the memoryless baseline (dashed); the median over completed runs "
        "and its interval; a solved run stops early and is held at its last loss",
    ),
    "time_to_solve": (
        "Time to solve",
        "Share of runs that have not solved the task over training steps (Kaplan-Meier)",
    ),
    "horizon_and_score": (
        "Does a far gradient go with a good score?",
        "Horizon of the gradient after training against the score, one point a run",
    ),
    "heat_maps": (
        "The gradient while the network learns",
        "Norm of dL/ds over lag and training step, the first run of each setting, of the layer and direction that "
        "reaches furthest after training; what is exactly zero, and what was not measured, have colors of their own",
    ),
    "lyapunov_spectra": (
        "Lyapunov exponents",
        "The largest exponents before training (dashed) and after; the median over runs and its interval",
    ),
    "cost": (
        "What a score costs",
        "Mean seconds of training, and parameters, against the median score of each setting",
    ),
}
"""The title of each, and what it shows."""
DRAWN_FROM_LINES = (
    "learning_curves", "gradient_profiles", "gradient_of_layers", "heat_maps", "lyapunov_spectra"
)  # fmt: skip
"""The figures that need profiles and curves, not rows alone."""


class Drawn(NamedTuple):
    """A figure as a picture and as a specification with data, with a text and a table for who cannot see it."""

    svg: str
    title: str
    text: str
    header: list[str]
    rows: list[list[str]]
    of: list[int]
    """The setting of each row."""
    spec: dict[str, Any] | None
    """None where it cannot be made again, and the picture is all there is."""
    data: dict[str, list[dict[str, Any]]]


def draw_all(settings: list[Setting], tables: LongTables, kept: dict[str, str]) -> dict[str, Drawn]:
    """Return every figure that the runs have data for, by name; one that is ``kept`` as SVG is not drawn."""
    from altair.utils.schemapi import debug_mode  # Altair takes a second to load

    from rnnbench.report.charts import chart
    from rnnbench.report.charts.design import design

    drawn = {name: Drawn(kept[name], *words, [], [], [], None, {}) for name, words in FIGURES.items() if name in kept}
    with debug_mode(False):  # a chart is validated by Vega-Lite, and by the tests, not at each of its parts
        made = _charts(design(settings), tables, [name for name in FIGURES if name not in kept])
    for name, found in made.items():
        if found is not None:
            title, text = FIGURES[name]
            picture = chart.svg(found, name, f"{title}: {text}")
            drawn[name] = Drawn(picture, title, text, found.header, found.rows, found.of, found.spec, found.data)
    return {name: drawn[name] for name in FIGURES if name in drawn}


def content(drawn: Mapping[str, Drawn]) -> dict[str, Any]:
    """Return what a page needs to draw charts: specifications, the data that they share, and their look."""
    return {
        "specs": {name: figure.spec for name, figure in drawn.items()},
        "data": {name: rows for figure in drawn.values() for name, rows in figure.data.items()},
        "config": theme.config(),
        "panels": theme.PANELS,
    }


def _charts(design: Design, tables: LongTables, names: list[str]) -> dict[str, Chart | None]:
    """Return the charts with these names; None for one that the runs have no data for."""
    from rnnbench.report.charts import gradients, heat_maps, layers, lines, over_length, points

    profiles = gradients.gradient_profiles(design, tables) if "gradient_profiles" in names else None
    makers: dict[str, Callable[[], Chart | None]] = {
        "scores": lambda: points.scores(design),
        "accuracy_over_length": lambda: over_length.accuracy_over_length(design),
        "gradient_profiles": lambda: profiles,
        "gradient_of_layers": lambda: layers.gradient_of_layers(design, profiles),
        "learning_curves": lambda: lines.learning_curves(design, tables),
        "horizon_and_score": lambda: points.horizon_and_score(design),
        "time_to_solve": lambda: lines.time_to_solve(design),
        "heat_maps": lambda: heat_maps.heat_maps(design, tables),
        "lyapunov_spectra": lambda: gradients.lyapunov_spectra(design, tables),
        "cost": lambda: points.cost(design),
    }
    return {name: makers[name]() for name in names}
