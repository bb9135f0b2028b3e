"""What all charts share: rows of data by name, panels that fit the page, and parameters that a page sets.

A chart is one Vega-Lite specification, made with Altair. Its data are *lines*: a row of constants with arrays for the
points, which the specification flattens. A picture holds what is seen at first; a page all, and sets the parameters.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import altair as alt
import numpy as np
import vl_convert

from rnnbench.report.charts import theme
from rnnbench.report.charts.design import Design
from rnnbench.statistics import median_rank

Line = dict[str, Any]
Array = np.ndarray[Any, Any]
HOVER = "hover"
"""Starts the names of layers that only a page needs: they show numbers below the pointer."""
SHOWN = "indexof(hidden, datum.setting) < 0"
SINGLE = "datum.kind !== 'one' || seeds || indexof(focus, datum.setting) >= 0"
"""Single runs are seen where a page asks for them, and of a setting that stands out."""
CHOSEN = "length(focus) == 0 || indexof(focus, datum.setting) >= 0"
NUMBERS = 30_000
"""Numbers of a dataset at most, about: lines are thinned to this."""


class Chart(NamedTuple):
    """A chart, and its numbers as a table."""

    spec: dict[str, Any]
    """Its data are named."""
    data: dict[str, list[Line]]
    """By the name of the dataset; charts may share one."""
    header: list[str]
    rows: list[list[str]]
    of: list[int]
    """The setting of each row."""


def parameters(**own: Any) -> list[alt.Parameter]:
    """Return the parameters of a chart: settings that are not drawn, settings that stand out, single runs or not."""
    return [alt.param(name=name, value=value) for name, value in ({"hidden": [], "focus": []} | own).items()]


def zoom(name: str = "zoom") -> alt.Parameter:
    """Return a selection with which a page moves and zooms panels; the wheel alone scrolls the page."""
    return alt.selection_interval(
        name=name, bind="scales", zoom="wheel![event.ctrlKey || event.metaKey || event.shiftKey]"
    )


def color(design: Design, series: Iterable[str], symbol: str = "stroke") -> alt.Color:
    """Return the color of the settings, with a legend of those in ``series``."""
    used = set(series)
    shown = [name for name in design.colors if name in used]
    return alt.Color("series:N").scale(domain=shown, range=[design.colors[name] for name in shown]).legend(
        title=None, orient="bottom", symbolType=symbol, columns=_columns(shown)
    )  # fmt: skip


def _columns(names: Sequence[str]) -> int:
    """Return how many names fit side by side below the panels."""
    return max(1, min(len(names), 780 // (46 + 7 * max(map(len, names), default=1))))


def opacity(high: float = 1.0, low: float = 0.07) -> Any:
    """Return the opacity of a mark: ``low`` where another setting stands out."""
    return alt.condition(CHOSEN, alt.value(high), alt.value(low))


def faceted(
    layers: Sequence[alt.Chart],
    data: str,
    facets: Sequence[str],
    params: Sequence[alt.Parameter],
    *,
    field: str = "facet",
    independent: Sequence[str] = (),
    filters: Sequence[str] = (),
    flat: Sequence[str] = (),
    height: int = theme.HEIGHT,
) -> dict[str, Any]:
    """Return the specification of layers in one panel a facet; ``independent`` scales differ between panels.

    Only lines that pass the ``filters`` are drawn, their arrays ``flat`` as rows. Layers flatten nothing themselves:
    Vega-Lite 6.4 does not end where two layers of a facet do.
    """
    columns = 2 if len(facets) == 4 else min(theme.COLUMNS, len(facets))
    width = theme.WIDTH if columns > 1 else 420
    inner = alt.layer(*layers).properties(width=width, height=height)
    chart = alt.FacetChart(
        data=alt.NamedData(name=data, format=alt.JsonDataFormat(parse=None)),  # JSON has the types
        spec=inner,
        facet=alt.Facet(f"{field}:N", title=None, sort=list(facets)),
        columns=columns,
        params=[each.param for each in params],  # type: ignore[misc]  # add_params would copy the whole chart
        transform=[*(alt.FilterTransform(filter=each) for each in (SHOWN, *filters)),
                   *([alt.FlattenTransform(flatten=list(flat))] if flat else [])],
    )  # fmt: skip
    spec = chart.to_dict(validate=False)
    spec["params"].sort(key=lambda each: "select" not in each)  # a selection comes first, as add_params has it
    if independent:
        spec["resolve"] = {"scale": dict.fromkeys(independent, "independent")}
    spec.pop("config", None)
    return dict(spec)


def svg(chart: Chart, name: str, text: str) -> str:
    """Return the picture of a chart as it is first seen, in the light theme; its ids begin with ``name``."""
    spec = json.loads(json.dumps(chart.spec))
    field = spec["facet"]["field"]
    shown = {facet: None for rows in chart.data.values() for row in rows if (facet := row.get(field)) is not None}
    first = set(list(shown)[: theme.PANELS])
    layers = spec["spec"].get("layer", [])
    spec["spec"]["layer"] = [layer for layer in layers if not layer.get("name", "").startswith(HOVER)]
    spec["params"] = [each for each in spec["params"] if "select" not in each]
    spec["facet"]["sort"] = [facet for facet in spec["facet"]["sort"] if facet in first]
    spec["datasets"] = {name: [row for row in rows if row.get(field) in first and not row.get("page")]
                        for name, rows in chart.data.items()}  # fmt: skip
    markup = vl_convert.vegalite_to_svg(spec, config=theme.config())
    return _marked(markup, name, text)


def _marked(markup: str, name: str, text: str) -> str:
    """Return an SVG with a text for those who cannot see it, and coordinates of a hundredth of a pixel.

    Its ids are counted anew: Vega counts on from one picture to the next.
    """
    ids: dict[str, str] = {}

    def tag(match: re.Match[str]) -> str:
        found = re.sub(r' (?:role|aria-\w+)="[^"]*"', "", match[0])
        found = re.sub(r'( id="|url\(#)([^")]+)', lambda i: i[1] + ids.setdefault(i[2], f"{name}-{len(ids)}"), found)
        return re.sub(r' (?:d|transform|[xy][12]?)="[^"]*"', _rounded, found)

    short = re.sub(r"<\w[^>]*>", tag, markup)  # text may hold anything, tags only what Vega wrote
    short = short.replace('class="mark-rect', 'shape-rendering="crispEdges" class="mark-rect')
    return short.replace("<svg ", f'<svg role="img" aria-label="{html.escape(text)}" ', 1) + "\n"


def _rounded(match: re.Match[str]) -> str:
    return re.sub(r"\d+\.\d{3,}", lambda number: f"{float(number[0]):.2f}", match[0])


def digits(value: float | None, count: int = 4) -> float | None:
    """Return a number with a few significant digits, for small pages; None for what is no number."""
    return float(f"{value:.{count - 1}e}") if value is not None and np.isfinite(value) else None


def listed(values: Iterable[float]) -> list[float | None]:
    return [digits(float(value)) for value in values]


def thinned(length: int, lines: int, most: int = 60) -> Array:
    """Return which of ``length`` points are kept of each of so many lines: the first, the last, evenly between."""
    points = int(np.clip(NUMBERS / (3 * max(1, lines)), 12, most))
    return np.unique(np.linspace(0, length - 1, min(length, points)).round().astype(int))


def middle(stacked: Array) -> tuple[Array, Array, Array]:
    """Return the median over runs [runs, points] and its interval at each point; nan where no run has a number.

    -inf, the logarithm of zero, is lower than all. The interval is that of ``median_interval``.
    """
    ordered = np.sort(stacked, axis=0)  # nan last
    found = np.full((3, stacked.shape[1]), np.nan)
    for point, n in enumerate((~np.isnan(stacked)).sum(axis=0)):
        if n:
            known, rank = ordered[:n, point], median_rank(int(n))
            low, high = known[(n - 1) // 2], known[n // 2]
            found[:, point] = low if low == -np.inf else (low + high) / 2, known[rank - 1], known[n - rank]
    return found[0], found[1], found[2]
