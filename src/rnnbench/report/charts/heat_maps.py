"""Heat maps: how the gradient's reach changes while a network learns."""

from __future__ import annotations

from typing import Any

import altair as alt
import numpy as np

from rnnbench.report.charts import theme
from rnnbench.report.charts.chart import Array, Chart, Line, digits, faceted, opacity, parameters
from rnnbench.report.charts.design import Design
from rnnbench.report.charts.gradients import DECADES, FURTHEST
from rnnbench.report.long_tables import LongTables

LAGS, PROBES = 24, 12  # rows and columns of a map at most
CELLS = 24_000  # of all maps, about
KINDS = {"exactly zero": theme.ZERO, "not measured or not finite": theme.MISSING}
ZERO, MISSING = KINDS


def heat_maps(design: Design, tables: LongTables) -> Chart | None:
    """Return the norm of dL/ds_t over training step and lag: each setting's first run with profiles, on one scale."""
    found: list[tuple[int, str, Array, Array]] = []
    for index, setting in enumerate(design.settings):
        run_id = next((run["run_id"] for run in setting.runs if tables.history(run["run_id"]) is not None), None)
        if run_id is None:
            continue
        several = tables.layer_directions(run_id)
        for where in (None, *(several if len(several) > 1 else ())):
            grid = tables.history(run_id, where)
            if grid is not None:
                found.append((index, where or FURTHEST, *grid))
    finite = [logs[np.isfinite(logs)] for *_, logs in found if np.isfinite(logs).any()]
    if not finite:
        return None
    high = max(float(values.max()) for values in finite)
    low = max(high - DECADES, min(float(values.min()) for values in finite))
    lags = int(np.clip(CELLS / (PROBES * len(found)), 6, LAGS))
    lines, rows, of = [], [], []
    for index, where, steps, logs in found:
        lines += [design.place(index) | {"place": where, "page": where != FURTHEST} | each
                  for each in _columns(steps, logs, lags)]  # fmt: skip
        setting = design.settings[index]
        ends = [_text(logs[probe, lag]) for probe in (0, -1) for lag in (0, -1)]
        rows.append([setting.problem.title, setting.name, where, str(logs.shape[1] - 1), *ends])
        of.append(index)
    moments = [f"{where}, {when}" for when in ("first probe", "last probe") for where in ("at lag 0", "at last lag")]
    header = ["task", "setting", "layer and direction", "last lag", *moments]
    return Chart(_specification(design, lines, low, high), {"maps": lines}, header, rows, of)


def _text(log: float) -> str:
    return "–" if np.isnan(log) else f"{10.0**log:.1e}" if np.isfinite(log) else "0"


def _columns(steps: Array, logs: Array, most: int) -> list[Line]:
    """Return the columns of a map [probe, lag]: the middle lag of each row."""
    edges = np.unique(np.linspace(0, logs.shape[1], min(logs.shape[1], most) + 1).round().astype(int))
    probes = np.unique(np.linspace(0, len(steps) - 1, min(len(steps), PROBES)).round().astype(int))
    centers = (edges[:-1] + edges[1:] - 1) // 2
    return [
        {"step": int(steps[probe]), "low": (edges[:-1] - 0.5).tolist(), "high": (edges[1:] - 0.5).tolist(),
         "lag": centers.tolist(), **_values(logs[probe, centers])}
        for probe in probes
    ]  # fmt: skip


def _values(logs: Array) -> dict[str, list[Any]]:
    """Return norms where they are positive, and the kind of each that is not; a kind is "" else."""
    kinds = [ZERO if np.isneginf(log) else MISSING if np.isnan(log) else "" for log in logs]
    return {"norm": [digits(10.0**log, 3) if np.isfinite(log) else None for log in logs.tolist()], "kind": kinds}


def _specification(design: Design, lines: list[Line], low: float, high: float) -> dict[str, Any]:
    panels = list(dict.fromkeys(line["label"] for line in lines))
    x = alt.X("step:O").title("training step").scale(paddingInner=0, paddingOuter=0).axis(
        labelAngle=0, format="~s", labelOverlap="parity", ticks=False, domain=False
    )  # fmt: skip
    y = alt.Y("low:Q").title("lag").scale(nice=False, zero=False).axis(tickCount=4, grid=False, format="d")
    tooltip = [
        alt.Tooltip("label:N", title="setting"), alt.Tooltip("place:N", title="layer and direction"),
        alt.Tooltip("step:O", title="step"), alt.Tooltip("lag:Q", title="lag"),
        alt.Tooltip("shown:N", title="norm of dL/ds"),
    ]  # fmt: skip
    cells = alt.Chart().transform_calculate(
        shown="datum.kind !== '' ? datum.kind : format(datum.norm, '.3~g')"
    )  # fmt: skip
    place = {"x": x, "y": y, "y2": "high:Q", "tooltip": tooltip, "opacity": opacity(1, 0.12)}
    scale = alt.Scale(type="log", scheme="viridis", domain=[digits(10.0**low), digits(10.0**high)], clamp=True)
    norms = (
        cells.transform_filter("datum.kind === ''").mark_rect(aria=False)
        .encode(**place, color=alt.Color("norm:Q").scale(scale).legend(
            title="norm of dL/ds", orient="bottom", direction="horizontal", format=".0e", tickCount=4,
            gradientLength=220))
    )  # fmt: skip
    used = [kind for kind in KINDS if any(kind in line["kind"] for line in lines)]
    layers = [norms.properties(name="norms")]
    if used:
        others = cells.transform_filter("datum.kind !== ''").mark_rect(aria=False).encode(
            **place, fill=alt.Fill("kind:N").scale(domain=used, range=[KINDS[kind] for kind in used]).legend(
                title=None, orient="bottom", symbolType="square")
        )  # fmt: skip
        layers.append(others.properties(name="others"))
    lengths = {design.settings[line["setting"]].problem.length for line in lines}
    return faceted(
        layers, "maps", panels, parameters(place=FURTHEST), field="label", filters=["datum.place === place"],
        flat=["low", "high", "lag", "norm", "kind"],
        independent=["x", "y"] if len(lengths) > 1 else ["x"], height=150,
    )  # fmt: skip
