"""Charts of points: scores with their intervals, the horizon of every run, and what a score costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean, median
from typing import Any

import altair as alt

from rnnbench.outcomes.settings import Setting
from rnnbench.report.charts import theme
from rnnbench.report.charts.chart import Chart, Line, color, digits, faceted, opacity, parameters, zoom
from rnnbench.report.charts.design import Design
from rnnbench.statistics import Estimate

LOWEST = -1.0
SCORE = "score (0 memoryless, 1 perfect)"


def scores(design: Design) -> Chart:
    """Return the median score of each setting with its interval, and the score of every run."""
    lines, rows, of = [], [], []
    for index, setting in enumerate(design.settings):
        found: Estimate = setting.score
        lines.append(design.place(index) | {
            "kind": "all", "value": digits(found.value), "low": digits(found.low), "high": digits(found.high),
            "n": found.n, "parameters": setting.known("parameters"),
        })  # fmt: skip
        lines += [design.place(index) | {"kind": "one", "seed": run["seed"], "value": digits(run["score"]),
                                         "status": str(run["status"])} for run in setting.runs]  # fmt: skip
        best, worst = max(setting.scores), min(setting.scores)
        rows.append(
            [setting.problem.title, setting.name, str(found.n), f"{found.value:.3f}", f"{worst:.3f}", f"{best:.3f}"]
        )
        of.append(index)
    spec = _dots(design, lines)
    return Chart(spec, {"scores": lines}, ["task", "setting", "runs", "median", "lowest", "highest"], rows, of)


def _dots(design: Design, lines: list[Line]) -> dict[str, Any]:
    facets = list(dict.fromkeys(line["facet"] for line in lines))
    order = [name for name in design.colors if any(line["series"] == name for line in lines)]
    lowest = max(LOWEST, min([0.0, *(line["value"] for line in lines if line["value"] is not None)]))
    x = alt.X("value:Q").title(SCORE).scale(domain=[lowest - 0.03, 1.03], nice=False, zero=False).axis(tickCount=5)
    y = alt.Y("series:N").title(None).sort(order).axis(grid=True, ticks=False, domain=False, labelPadding=8)
    shade = color(design, order).legend(None)
    every, one = (alt.Chart().transform_filter(f"datum.kind === '{kind}'") for kind in ("all", "one"))
    interval = "isValid(datum.low) ? format(datum.low, '.3f') + ' to ' + format(datum.high, '.3f') : 'none'"
    zero = every.transform_calculate(zero="0").mark_rule(strokeDash=[5, 4], color="#8a919b").encode(x="zero:Q")
    seeds = one.mark_point(filled=True, size=22).encode(
        x=x, y=y, color=shade, opacity=opacity(0.45, 0.04),
        tooltip=[alt.Tooltip("label:N", title="setting"), alt.Tooltip("seed:Q", title="seed"),
                 alt.Tooltip("value:Q", title="score", format=".3f"), alt.Tooltip("status:N", title="status")],
    )  # fmt: skip
    bars = every.mark_rule(strokeWidth=2.5).encode(
        x=alt.X("low:Q").title(SCORE), x2="high:Q", y=y, color=shade, opacity=opacity(0.9)
    )
    middles = every.transform_calculate(interval=interval).mark_point(filled=True, size=75).encode(
        x=x, y=y, color=shade, opacity=opacity(),
        tooltip=[alt.Tooltip("label:N", title="setting"), alt.Tooltip("value:Q", title="median score", format=".3f"),
                 alt.Tooltip("interval:N", title="interval"), alt.Tooltip("n:Q", title="runs"),
                 alt.Tooltip("parameters:Q", title="parameters", format=",")],
    )  # fmt: skip
    layers = [
        zero,
        bars.properties(name="interval"),
        seeds.properties(name="single"),
        middles.properties(name="middle"),
    ]
    own = len({frozenset(line["series"] for line in lines if line["facet"] == facet) for facet in facets}) > 1
    height = max(60, 22 * max(len({line["series"] for line in lines if line["facet"] == facet}) for facet in facets))
    return faceted(layers, "scores", facets, parameters(), independent=["y"] if own else [], height=height)


def leaderboard(panels: Mapping[str, Mapping[str, Setting]], cells: Sequence[str]) -> Chart:
    """Return the scores of the settings of each panel by the name of the cell, the cells in a given order."""
    places = [(panel, cell, setting) for panel, group in panels.items() for cell, setting in group.items()]
    facets, series, settings = (list(each) for each in zip(*places, strict=True))
    fixed = theme.cell_colors(setting.cell for setting in settings)
    known = {cell: fixed[setting.cell] for _, cell, setting in places}
    return scores(Design(settings, facets, facets, series, {cell: known[cell] for cell in cells}))


def horizon_and_score(design: Design) -> Chart | None:
    """Return the horizon after training against the score, one point a run; 0 for a dead gradient."""
    lines, rows, of = [], [], []
    for index, setting in enumerate(design.settings):
        runs = [run for run in setting.runs if run.get("headline_final") is not None]
        if not runs:
            continue
        lines += [design.place(index) | {"kind": "one", "seed": run["seed"], "x": run["horizon_final"] or 0,
                                         "y": digits(run["score"]), "decay": run.get("decay_final") or "–"}
                  for run in runs]  # fmt: skip
        x, y = [run["horizon_final"] or 0 for run in runs], [run["score"] for run in runs]
        rows.append([setting.problem.title, setting.name, str(len(runs)), f"{median(x):g}", f"{fmean(y):.3f}"])
        of.append(index)
    if not lines:
        return None
    facets, shade = _facets(lines), color(design, (line["series"] for line in lines), "circle")
    dots = alt.Chart().mark_point(filled=True, size=60).encode(
        x=alt.X("x:Q").title("horizon after training (steps)").axis(tickCount=5),
        y=alt.Y("y:Q").title("score").axis(tickCount=5), color=shade, opacity=opacity(0.8, 0.05),
        tooltip=[alt.Tooltip("label:N", title="setting"), alt.Tooltip("seed:Q", title="seed"),
                 alt.Tooltip("x:Q", title="horizon"), alt.Tooltip("decay:N", title="gradient"),
                 alt.Tooltip("y:Q", title="score", format=".3f")],
    ).properties(name="dots").add_params(zoom())  # fmt: skip
    lengths = {design.settings[line["setting"]].problem.length for line in lines}
    spec = faceted([dots], "horizons", facets, parameters(), independent=["x"] if len(lengths) > 1 else [])
    return Chart(spec, {"horizons": lines}, ["task", "setting", "runs", "median horizon", "mean score"], rows, of)


def cost(design: Design) -> Chart | None:
    """Return what a score costs, one point a setting: mean seconds of training and parameters against median score."""
    lines, rows, of = [], [], []
    for index, setting in enumerate(design.settings):
        seconds, parameters_ = fmean(setting.numbers("seconds")), setting.known("parameters") or 0
        if min(seconds, parameters_) <= 0:
            continue
        place = design.place(index) | {"y": digits(setting.score.value), "n": len(setting.runs)}
        lines += [place | {"facet": f"{setting.problem.title}: {words}", "x": digits(value), "of": words}
                  for words, value in (("seconds of training", seconds), ("parameters", parameters_))]  # fmt: skip
        rows.append(
            [setting.problem.title, setting.name, f"{seconds:.1f}", str(parameters_), f"{setting.score.value:.3f}"]
        )
        of.append(index)
    if not lines:
        return None
    facets, shade = _facets(lines), color(design, (line["series"] for line in lines), "circle")
    dots = alt.Chart().mark_point(filled=True, size=70).encode(
        x=alt.X("x:Q").title(None).scale(type="log", padding=12).axis(tickCount=4, format="~s", grid=False),
        y=alt.Y("y:Q").title("median score").axis(tickCount=5), color=shade, opacity=opacity(0.9, 0.05),
        tooltip=[alt.Tooltip("label:N", title="setting"), alt.Tooltip("of:N", title="cost in"),
                 alt.Tooltip("x:Q", title="cost", format=",.5~g"),
                 alt.Tooltip("y:Q", title="median score", format=".3f"),
                 alt.Tooltip("n:Q", title="runs")],
    ).properties(name="dots").add_params(zoom())  # fmt: skip
    spec = faceted([dots], "cost", facets, parameters(), independent=["x"])
    return Chart(spec, {"cost": lines}, ["task", "setting", "mean seconds", "parameters", "median score"], rows, of)


def _facets(lines: Sequence[Line]) -> list[str]:
    return list(dict.fromkeys(line["facet"] for line in lines))
