"""The chart of a claim: our numbers with their intervals, beside what was published."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence

import altair as alt

from rnnbench.claims.claim import Check, Claim
from rnnbench.claims.verdict import Finding, Number, agreeing
from rnnbench.report.charts import theme
from rnnbench.report.charts.chart import Chart, Line, digits, faceted, parameters

LETTERS = 34
"""Of a line above a panel."""
DECADES = 30
"""Numbers that differ by more than this factor are shown on a logarithmic axis."""


def claim(stated: Claim, findings: Sequence[Finding]) -> Chart | None:
    """Return a panel for each check that has numbers; None where none has."""
    lines: list[Line] = []
    panels: list[tuple[str, Check, Finding]] = []
    for check, found in zip(stated.checks, findings, strict=True):
        if found.numbers:
            facet = "\n".join(textwrap.wrap(f"{len(panels) + 1}. {check.says}", LETTERS))
            panels.append((facet, check, found))
            lines += _lines(facet, check, found)
    if not panels:
        return None
    logarithmic = _wide([line[key] for line in lines for key in ("low", "high")])
    x = alt.X("value:Q").title(None).scale(type="log" if logarithmic else "linear", zero=False).axis(tickCount=4)
    y = alt.Y("arm:N").title(None).sort(None).axis(grid=True, ticks=False, domain=False, labelPadding=8)
    ours, published = (alt.Chart().transform_filter(f"datum.kind === '{kind}'") for kind in ("ours", "published"))
    ink = theme.CATEGORIES[0]
    layers = [
        published.mark_rule(strokeWidth=9, opacity=0.28, color=theme.CATEGORIES[4]).encode(
            x=alt.X("low:Q", title=None), x2="high:Q", y=y
        ),
        published.mark_tick(thickness=3, size=22, color=theme.CATEGORIES[1]).encode(x=x, y=y),
        ours.mark_rule(strokeWidth=2.5, color=ink).encode(x=alt.X("low:Q", title=None), x2="high:Q", y=y),
        ours.mark_point(filled=True, size=75, color=ink).encode(x=x, y=y),
    ]
    height = max(44, 26 * max(len(found.numbers) for _, _, found in panels))
    facets = [facet for facet, _, _ in panels]
    spec = faceted(layers, "claim", facets, parameters(), independent=["x", "y"], height=height)
    spec["facet"]["header"] = {"labelExpr": "split(datum.label, '\\n')"}
    rows = [
        [check.says, arm, check.measure, _text(number)]
        for _, check, found in panels
        for arm, number in found.numbers.items()
    ]
    return Chart(spec, {"claim": lines}, ["statement", "arm", "measure", "median and interval"], rows, [0] * len(rows))


def _lines(facet: str, check: Check, found: Finding) -> list[Line]:
    lines: list[Line] = []
    seen = [each for number in found.numbers.values() for each in number[:3] if math.isfinite(each)]
    seen += [] if check.published is None else [check.published]
    edge = 1.15 * max(seen, default=1.0)
    for arm, number in found.numbers.items():
        value, low, high = (digits(each if math.isfinite(each) else edge) for each in number[:3])
        place = {"facet": facet, "setting": 0, "arm": arm if math.isfinite(number.value) else f"{arm} (never)"}
        lines.append(place | {"kind": "ours", "value": value, "low": low, "high": high})
        if check.published is not None:
            least, most = agreeing(check)  # an open side ends where the panel does
            ends = {
                "low": min(seen) if math.isinf(least) else least,
                "high": max(edge, *seen) if math.isinf(most) else most,
            }
            lines.append(place | {"kind": "published", "value": check.published} | ends)
    return lines


def _wide(numbers: Sequence[float]) -> bool:
    return min(numbers) > 0 and max(numbers) > DECADES * min(numbers)


def _text(number: Number) -> str:
    return f"{number.value:.4g} [{number.low:.4g}, {number.high:.4g}], {number.n} seeds"
