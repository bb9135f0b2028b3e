"""Pictures of a single run, for what no panel of W&B draws. Arrays are those of ``rnnbench.training.probe.Probe``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rnnbench.outcomes.layer_directions import DIRECTIONS

Array = np.ndarray[Any, Any]
ZERO, MISSING = "lightgray", "white"


def heat_map(steps: Array, logs: Array, floor: float) -> Figure:
    """Draw the profiles over training step and lag, of each layer and direction, all in the same colors.

    ``logs``: log10 ||dL/ds_t||, [probe, layer, direction, lag]. Gray is zero, or at most ``floor``; white is missing.
    """
    _, layers, directions, lags = logs.shape
    figure = Figure(figsize=(4.2 * directions + 1.2, 2.8 * layers + 0.4), layout="constrained")
    seen = logs[np.isfinite(logs) & (logs > floor)]
    low, high = (seen.min(), seen.max()) if seen.size else (floor, 0)
    colors = mpl.colormaps["viridis"].with_extremes(under=ZERO, bad=MISSING)
    shown = np.ma.masked_invalid(np.where(logs > floor, logs, np.where(np.isnan(logs), np.nan, low - 1)))
    positions, panels = np.arange(len(steps)), _panels(figure, layers, directions)
    for layer, direction, axes in panels:
        image = axes.pcolormesh(
            positions, np.arange(lags), shown[:, layer, direction].T, vmin=low, vmax=max(high, low + 1e-9), cmap=colors
        )
        ticks = positions[:: max(1, len(steps) // 6)]
        axes.set_xticks(ticks, [str(steps[position]) for position in ticks])
        axes.set(xlabel="training step" if layer == layers - 1 else "", ylabel="" if direction else "lag (steps)")
    figure.colorbar(image, ax=figure.axes, label="log10 ||dL/ds||")
    notes = {f"gray: zero, or at most 1e{floor:g}": (logs <= floor).any(), "white: missing": np.isnan(logs).any()}
    figure.suptitle("; ".join(note for note, seen in notes.items() if seen), fontsize=8)
    return figure


def spectra(exponents: Array, singular: Sequence[Array]) -> Figure:
    """Draw the diagnostics of the Jacobians before and after training, a row for each layer and direction.

    Left the Lyapunov ``exponents`` [probe, layer, direction, exponent]; right the largest and the smallest ``singular``
    values of the one-step Jacobians [probe, layer, direction, step], where these were measured.
    """
    _, layers, directions, ranks = exponents.shape
    columns = 2 if singular else 1
    figure = Figure(figsize=(5 * columns, 2.8 * layers * directions + 0.4), layout="constrained")
    rows: Any = figure.subplots(layers * directions, columns, squeeze=False, sharex="col", sharey="col")
    for row, (layer, direction) in zip(rows, np.ndindex(layers, directions), strict=True):
        for probe, moment, color in ((0, "before training", "tab:blue"), (-1, "after training", "tab:orange")):
            place = (probe, layer, direction)
            row[0].plot(np.arange(1, ranks + 1), exponents[place], "o-", color=color, label=moment)
            for which, values, line in zip(("largest", "smallest"), singular, ("-", ":"), strict=False):
                row[1].plot(values[place], color=color, linestyle=line, label=f"{which}, {moment}")
        row[0].axhline(0, color="black", linewidth=0.8)
        row[0].set(ylabel="Lyapunov exponent (per step)", title=_title(layer, direction))
        if singular:
            row[1].set(ylabel="singular values of ds_t/ds_{t-1}", yscale="log", title=_title(layer, direction))
    for axes, label in zip(rows[-1], ("rank", "step"), strict=False):
        axes.set_xlabel(label)
    for axes in rows[0]:
        axes.legend(fontsize=7, framealpha=0.5)
    return figure


def _panels(figure: Figure, layers: int, directions: int) -> Iterator[tuple[int, int, Axes]]:
    """Yield each layer (down) and direction (across) with its axes."""
    panels: Any = figure.subplots(layers, directions, squeeze=False, sharey=True)
    for layer, direction in np.ndindex(layers, directions):
        axes: Axes = panels[layer, direction]
        axes.set_title(_title(layer, direction), fontsize=9)
        yield layer, direction, axes


def _title(layer: int, direction: int) -> str:
    return f"layer {layer + 1}, {DIRECTIONS[direction]}"
