"""The chart of accuracy over the length of the test: a line a setting, what was trained on shaded, chance dashed."""

from __future__ import annotations

from typing import Any

import altair as alt
import numpy as np

from rnnbench.outcomes.lengths import trained
from rnnbench.outcomes.settings import Setting
from rnnbench.report import over_length
from rnnbench.report.charts.chart import (
    HOVER,
    SINGLE,
    Chart,
    Line,
    color,
    faceted,
    listed,
    middle,
    opacity,
    parameters,
    zoom,
)
from rnnbench.report.charts.design import Design

CHANCE, TRAINED = "chance", "trained"


def accuracy_over_length(design: Design) -> Chart | None:
    """Return the accuracy of runs over length, and where targets are many, that of whole sequences in panels beside."""
    lines: list[Line] = []
    rows, of = [], []
    seen: set[str] = set()
    shown = over_length.measures(design.settings)
    for index, setting in enumerate(design.settings):
        curves = over_length.curves(setting)
        if not curves:
            continue
        for measure, title in shown[setting.problem].items():
            seeds = [(seed, [getattr(point, measure) for point in points]) for seed, points in curves]
            stacked = np.array([values for _, values in seeds], dtype=float)
            at = [point.length for point in curves[0][1]]
            value, low, high = middle(stacked)
            place = design.place(index)
            place["facet"] = ", ".join(filter(None, (place["facet"], title)))
            common = place | {"x": at, "n": len(seeds)}
            lines.append(common | {"kind": "all", "y": listed(value), "low": listed(low), "high": listed(high)})
            lines += [common | {"kind": "one", "page": True, "seed": seed, "y": listed(values), "low": [], "high": []}
                      for seed, values in zip((seed for seed, _ in seeds), stacked, strict=True)]  # fmt: skip
            if place["facet"] not in seen:
                seen.add(place["facet"])
                lines += _context(place, setting, at, [point.chance for point in curves[0][1]], measure)
            rows.append([setting.problem.title, setting.name, title or over_length.TOKENS, str(len(seeds)),
                         ", ".join(f"{length}: {one:.3f}" for length, one in zip(at, value, strict=True))])  # fmt: skip
            of.append(index)
    if not rows:
        return None
    header = ["task", "setting", "accuracy of", "runs", "length: accuracy"]
    return Chart(_spec(design, lines), {"lengths": lines}, header, rows, of)


def _context(
    place: dict[str, Any], setting: Setting, at: list[int], chance: list[float | None], measure: str
) -> list[Line]:
    """Return the lengths of training, and the chance level at each length, of a panel."""
    low, high = trained(setting.runs[0])
    found = [place | {"kind": TRAINED, "x": [low], "y": [high], "low": [], "high": []}]
    known = [(length, level) for length, level in zip(at, chance, strict=True) if level is not None]
    if measure == "accuracy" and known:
        found.append(place | {"kind": CHANCE, "x": [length for length, _ in known],
                              "y": listed(level for _, level in known), "low": [], "high": []})  # fmt: skip
    return found


def _spec(design: Design, lines: list[Line]) -> dict[str, Any]:
    shown = [line for line in lines if line["kind"] == "all"]
    facets = list(dict.fromkeys(line["facet"] for line in shown))
    ticks = sorted({length for line in shown for length in line["x"]})
    lowest = max(min(line["x"][0] for line in lines), ticks[0] / 2)  # shorter training takes no room
    scale = alt.Scale(type="log", domain=[lowest, ticks[-1]], nice=False, padding=4)
    x = alt.X("x:Q").title("length of the test (log scale)").scale(scale).axis(values=ticks, format="d")
    y = alt.Y("y:Q").title("accuracy").scale(alt.Scale(domain=[0, 1.02], nice=False)).axis(tickCount=5, format=".1f")
    shade = color(design, (line["series"] for line in shown))
    detail = [alt.Detail("setting:Q"), alt.Detail("seed:Q")]
    every, one, level, span = (
        alt.Chart().transform_filter(f"datum.kind === '{kind}'") for kind in ("all", "one", CHANCE, TRAINED)
    )
    low = y.copy()
    low.shorthand = "low:Q"
    interval = "isValid(datum.low) ? format(datum.low, '.3~f') + ' to ' + format(datum.high, '.3~f') : 'none'"
    tooltip = [
        alt.Tooltip("label:N", title="setting"), alt.Tooltip("x:Q", title="length"),
        alt.Tooltip("y:Q", title="accuracy", format=".4~f"), alt.Tooltip("interval:N", title="interval"),
        alt.Tooltip("n:Q", title="runs"),
    ]  # fmt: skip
    layers = [
        span.mark_rect(color="#8a919b", opacity=0.16, clip=True).encode(x=x, x2="y:Q").properties(name="trained"),
        level.mark_line(strokeDash=[5, 4], strokeWidth=1.2, color="#8a919b", clip=True)
        .encode(x=x, y=y).properties(name="chance"),
        every.mark_area(clip=True).encode(x=x, y=low, y2="high:Q", color=shade, detail=detail[0],
                                          opacity=opacity(0.14, 0.02)).properties(name="band"),
        one.mark_line(strokeWidth=0.8, clip=True)
        .encode(x=x, y=y, color=shade, detail=detail, opacity=opacity(0.7, 0)).properties(name=f"{HOVER}_single"),
        every.mark_line(clip=True, point=alt.OverlayMarkDef(size=26, filled=True))
        .encode(x=x, y=y, color=shade, detail=detail[0], opacity=opacity()).properties(name="line").add_params(zoom()),
        every.transform_calculate(interval=interval).mark_point(filled=True, size=130, opacity=0, clip=True)
        .encode(x=x, y=y, color=shade, tooltip=tooltip).properties(name=HOVER),
    ]  # fmt: skip
    tasks = {design.settings[line["setting"]].problem for line in shown}
    return faceted(
        layers, "lengths", facets, parameters(seeds=False), filters=[SINGLE], flat=["x", "y", "low", "high"],
        independent=["x"] if len(tasks) > 1 else [],
    )  # fmt: skip
