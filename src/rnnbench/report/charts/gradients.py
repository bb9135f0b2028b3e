"""Charts of the gradient: its norm over lag, that of every layer and direction, and Lyapunov exponents."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import altair as alt
import numpy as np

from rnnbench.outcomes.diagnostic_columns import MOMENTS
from rnnbench.report.charts import theme
from rnnbench.report.charts.chart import (
    HOVER,
    SINGLE,
    Array,
    Chart,
    Line,
    color,
    digits,
    faceted,
    listed,
    middle,
    opacity,
    parameters,
    thinned,
    zoom,
)
from rnnbench.report.charts.design import Design
from rnnbench.report.long_tables import LongTables

DECADES = 12
"""Of the axis: further below the largest norm, a gradient has vanished by any measure. A page can zoom out."""
LAGS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)  # of the table of numbers
FURTHEST = "furthest"
STATE = "state"
CHOICE = "datum.place === place && datum.part === part && (moment === 'both' || datum.moment === moment)"
CROSS = "M-.5,-.5L.5,.5M-.5,.5L.5,-.5"
DASHES = [[4, 4], [1, 0]]  # before training, after it


def gradient_profiles(design: Design, tables: LongTables) -> Chart | None:
    """Return the norm of dL/ds_t over lag before and after training: every layer, direction and part of the state."""
    lines, rows, of = [], [], []
    for place, moment, where, part, runs in _measured(design, tables):
        index = place["setting"]
        logs = np.array([log for _, log in runs])
        value, low, high = middle(logs)
        kept = thinned(logs.shape[1], _count(design, tables))
        shown = place | {"moment": MOMENTS[moment], "place": where, "part": part, "x": kept.tolist(), "n": len(runs),
                         "zeros": [], "page": where != FURTHEST or part != STATE}  # fmt: skip
        norms = [_norms(each[kept]) for each in (value, low, high)]
        zeros = [int(each) for each in kept if np.isneginf(logs[:, each]).any()]
        lines.append(shown | {"kind": "all", "y": norms[0], "low": norms[1], "high": norms[2]})
        if zeros:
            counts = [int(np.isneginf(logs[:, each]).sum()) for each in zeros]
            lines.append(shown | {"kind": "zero", "x": zeros, "y": [], "low": [], "high": [], "zeros": counts})
        if part == STATE and where == FURTHEST:
            lines += [shown | {"kind": "one", "page": True, "seed": seed, "y": _norms(log[kept]), "low": [], "high": []}
                      for seed, log in runs]  # fmt: skip
        if part == STATE:
            with np.errstate(invalid="ignore"):  # of a gradient that is zero at lag 0 too
                ratios = [10 ** (value[lag] - value[0]) for lag in LAGS if lag < len(value)]
            setting = design.settings[index]
            rows.append([setting.problem.title, setting.name, MOMENTS[moment], where, *map(_ratio, ratios)])
            of.append(index)
    if not rows:
        return None
    width = max(map(len, rows))
    header = ["task", "setting", "moment", "layer and direction", *(f"g({lag}) / g(0)" for lag in LAGS)][:width]
    rows = [row + ["–"] * (width - len(row)) for row in rows]
    return Chart(_profile_spec(design, lines), {"profiles": lines}, header, rows, of)


def _count(design: Design, tables: LongTables) -> int:
    """Return about how many lines the profiles have."""
    return sum(2 * (len(setting.runs) + 3 * len(tables.layer_directions(setting.runs[0]["run_id"])))
               for setting in design.settings)  # fmt: skip


def _measured(
    design: Design, tables: LongTables
) -> Iterator[tuple[dict[str, Any], str, str, str, list[tuple[int, Array]]]]:
    """Yield each line's setting, moment, layer and direction, part, and log10 of the norm by lag of each run."""
    parts = [sorted({part for run in setting.runs for part in tables.parts(run["run_id"])}, key=_state_first)
             for setting in design.settings]  # fmt: skip
    parted = any(len(each) > 2 for each in parts)  # where all have one part, that is the whole state
    for index, setting in enumerate(design.settings):
        several = list(dict.fromkeys(name for run in setting.runs for name in tables.layer_directions(run["run_id"])))
        for moment in MOMENTS:
            for where in (None, *(several if len(several) > 1 else ())):
                for part in parts[index] if parted else [STATE]:
                    found = [(run["seed"], log) for run in setting.runs
                             if (log := tables.profile(run["run_id"], moment, where, part)) is not None]  # fmt: skip
                    if found:
                        length = min(len(log) for _, log in found)
                        cut = [(seed, log[:length]) for seed, log in found]
                        yield design.place(index), moment, where or FURTHEST, part, cut


def _state_first(part: str) -> tuple[bool, str]:
    return part != STATE, part


def _norms(logs: Array) -> list[float | None]:
    """Return norms; None for zero, which has a mark of its own on a log scale, and for what is no number."""
    return [digits(10.0**log) if np.isfinite(log) else None for log in logs.tolist()]


def _ratio(value: float) -> str:
    return "–" if np.isnan(value) else f"{value:.1e}" if value > 0 else "0"


def _profile_spec(design: Design, lines: list[Line]) -> dict[str, Any]:
    seen = [line for line in lines if line["kind"] == "all" and line["place"] == FURTHEST and line["part"] == STATE]
    numbers = [number for line in seen for number in line["high"] if number] or [1.0]
    lowest = min([number for line in seen for number in line["y"] if number] or [1.0])
    top, bottom = 3 * max(numbers), max(lowest / 3, max(numbers) * 10.0**-DECADES)
    x = alt.X("x:Q").title("lag (steps before the loss)").scale(nice=False).axis(tickCount=5)
    title = "norm of dL/ds"
    scale = alt.Scale(type="log", domain=[digits(bottom), digits(top)], nice=False)
    y = alt.Y("y:Q").title(title).scale(scale).axis(tickCount=5, format=".0e")
    facets = list(dict.fromkeys(line["facet"] for line in seen))
    layers = _banded(design, lines, x, y, "lag", title)
    zero = (
        alt.Chart().transform_filter("datum.kind === 'zero'")
        .mark_point(shape=CROSS, size=30, strokeWidth=1.4, filled=False)
        .encode(x=x, y=alt.YValue(theme.HEIGHT - 4), color=_shade(design, lines), opacity=opacity(),
                tooltip=[alt.Tooltip("label:N", title="setting"), alt.Tooltip("moment:N", title="moment"),
                         alt.Tooltip("x:Q", title="lag"),
                         alt.Tooltip("zeros:Q", title="runs whose gradient is exactly zero"),
                         alt.Tooltip("n:Q", title="of runs")])
        .properties(name="zero")
    )  # fmt: skip
    return _moments(design, [*layers, zero], "profiles", facets, lines)


def _moments(
    design: Design, layers: list[alt.Chart], data: str, facets: list[str], lines: list[Line]
) -> dict[str, Any]:
    lengths = {design.settings[line["setting"]].problem.length for line in lines}
    own = parameters(seeds=False, place=FURTHEST, part=STATE, moment="both")
    flat = ["x", "y", "low", "high", *(["zeros"] if data == "profiles" else [])]
    return faceted(
        layers, data, facets, own, filters=[CHOICE, SINGLE], flat=flat, independent=["x"] if len(lengths) > 1 else []
    )


def _shade(design: Design, lines: list[Line]) -> alt.Color:
    return color(design, (line["series"] for line in lines))


def _banded(design: Design, lines: list[Line], x: alt.X, y: alt.Y, along: str, title: str) -> list[alt.Chart]:
    """Return layers of bands, lines, single runs, and points for the pointer, before training dashed."""
    shade = _shade(design, lines)
    low = y.copy()
    low.shorthand = "low:Q"
    detail = [alt.Detail("setting:Q"), alt.Detail("moment:N"), alt.Detail("seed:Q")]
    moments = list(MOMENTS.values())
    dash = alt.StrokeDash("moment:N").scale(domain=moments, range=DASHES).legend(
        title=None, orient="bottom", symbolStrokeColor="#8a919b"
    )  # fmt: skip
    every = alt.Chart().transform_filter("datum.kind === 'all'")
    shown = len({line["series"] for line in lines})
    band = every.mark_area(clip=True).encode(
        x=x, y=low, y2="high:Q", color=shade, detail=detail[:2], opacity=opacity(0.14 if shown <= 4 else 0.07, 0.02)
    )
    line = every.mark_line(clip=True).encode(
        x=x, y=y, color=shade, strokeDash=dash, detail=detail[0], opacity=opacity()
    )
    single = (
        alt.Chart().transform_filter("datum.kind === 'one'").mark_line(strokeWidth=0.8, clip=True)
        .encode(x=x, y=y, color=shade, strokeDash=dash, detail=detail, opacity=opacity(0.7, 0))
    )  # fmt: skip
    interval = (
        "(isValid(datum.low) ? format(datum.low, '.4~g') : '0') + ' to ' + "
        "(isValid(datum.high) ? format(datum.high, '.4~g') : '0')"
    )
    points = (
        every.transform_calculate(interval=interval).mark_point(filled=True, size=130, opacity=0, clip=True)
        .encode(x=x, y=y, color=shade,
                tooltip=[alt.Tooltip("label:N", title="setting"), alt.Tooltip("moment:N", title="moment"),
                         alt.Tooltip("place:N", title="layer and direction"), alt.Tooltip("part:N", title="part"),
                         alt.Tooltip("x:Q", title=along), alt.Tooltip("y:Q", title=title, format=".4~g"),
                         alt.Tooltip("interval:N", title="interval"), alt.Tooltip("n:Q", title="runs")])
    )  # fmt: skip
    return [
        band.properties(name="band"), single.properties(name=f"{HOVER}_single"),
        line.properties(name="line").add_params(zoom()), points.properties(name=HOVER),
    ]  # fmt: skip


def lyapunov_spectra(design: Design, tables: LongTables) -> Chart | None:
    """Return the largest Lyapunov exponents of the headline before and after training."""
    lines, rows, of = [], [], []
    for index, setting in enumerate(design.settings):
        for moment, words in MOMENTS.items():
            runs = [(run["seed"], found) for run in setting.runs
                    if (found := tables.spectrum(run["run_id"], moment)) is not None]  # fmt: skip
            if not runs:
                continue
            length = min(len(found) for _, found in runs)
            stacked = np.array([found[:length] for _, found in runs])
            value, low, high = middle(stacked)
            shown = design.place(index) | {"moment": words, "place": FURTHEST, "part": STATE, "n": len(runs),
                                           "x": list(range(1, length + 1))}  # fmt: skip
            lines.append(shown | {"kind": "all", "y": listed(value), "low": listed(low), "high": listed(high)})
            lines += [shown | {"kind": "one", "page": True, "seed": seed, "y": listed(found[:length]), "low": [],
                       "high": []}
                      for seed, found in runs]  # fmt: skip
            rows.append([setting.problem.title, setting.name, words, f"{value[0]:.3f}", f"{value[-1]:.3f}"])
            of.append(index)
    if not rows:
        return None
    x = alt.X("x:Q").title("rank").scale(nice=False).axis(tickCount=5, format="d")
    title = "Lyapunov exponent (per step)"
    layers = _banded(design, lines, x, alt.Y("y:Q").title(title).scale(zero=False), "rank", title)
    facets = list(dict.fromkeys(line["facet"] for line in lines))
    spec = _moments(design, layers, "spectra", facets, lines)
    return Chart(spec, {"spectra": lines}, ["task", "setting", "moment", "largest", "last shown"], rows, of)
