"""Heat maps: how the gradient's reach changes while a network learns."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes

from rnnbench.outcomes.settings import Setting
from rnnbench.report.drawing import ReportFigure, panels, plain
from rnnbench.report.long_tables import Array, LongTables

DECADES = 12  # of the colors: below, a gradient has vanished by any measure
SHOWN = 12  # panels of the common figure


def heat_maps(settings: list[Setting], tables: LongTables) -> ReportFigure | None:
    """Draw log10 of the headline's norm of dL/ds over training step and lag: each setting's first run, on one scale."""
    maps: dict[int, tuple[Array, Array]] = {}
    for index, setting in enumerate(settings):
        found = [grid for run in setting.runs if (grid := tables.history(run["run_id"])) is not None]
        if found:
            maps[index] = found[0]
    finite = [logs[np.isfinite(logs)] for _, logs in maps.values() if np.isfinite(logs).any()]
    if not finite:
        return None
    high = max(values.max() for values in finite)
    low = max(high - DECADES, min(values.min() for values in finite))
    first = list(maps.items())[:SHOWN]
    figure, axes = panels(len(first), 3, 3.6, 2.6)
    for panel, (index, (steps, logs)) in zip(axes, first, strict=True):
        image = _panel(panel, settings[index], steps, logs, low, high)
    figure.colorbar(image, ax=axes, label="log10 of mean ||dL/ds||", extend="min")
    if len(maps) > SHOWN:
        figure.suptitle(f"the first {SHOWN} of {len(maps)} settings", fontsize=9)
    single, rows = {}, []
    for index, (steps, logs) in maps.items():
        single[index], (panel,) = panels(1, width=3.6, height=2.6)
        single[index].colorbar(_panel(panel, settings[index], steps, logs, low, high), ax=panel, extend="min")
        ends = [
            f"{logs[probe, lag]:.1f}" if np.isfinite(logs[probe, lag]) else "–" for probe in (0, -1) for lag in (0, -1)
        ]
        rows.append([settings[index].task, settings[index].label, str(logs.shape[1] - 1), *ends])
    moments = [
        f"{where}, {when}" for when in ("first probe", "last probe") for where in ("log10 at lag 0", "at last lag")
    ]
    return ReportFigure(figure, ["task", "setting", "last lag", *moments], rows, single)


def _panel(axes: Axes, setting: Setting, steps: Array, logs: Array, low: float, high: float) -> Any:
    """Draw one map and return the image, for a color bar."""
    positions = np.arange(len(steps))
    image = axes.pcolormesh(
        positions, np.arange(logs.shape[1]), logs.T, vmin=low, vmax=high, shading="nearest", rasterized=True
    )
    shown = positions[:: max(1, len(steps) // 4)]
    axes.set_xticks(shown, [str(steps[position]) for position in shown])
    axes.set_title(plain(f"{setting.task}, {setting.label}"), fontsize=9)
    axes.set(xlabel="training step", ylabel="lag")
    axes.grid(False)
    return image
