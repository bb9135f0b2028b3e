"""Pictures for the W&B page of a single run. Arrays are those of ``rnnbench.training.probe.Probe.arrays``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

Array = np.ndarray[Any, Any]


def profiles(steps: Array, norms: Array) -> Figure:
    """Draw ||dL/ds_t|| over lag of each layer and direction, one line a training step, from dark to bright.

    ``norms``: [probe, layer, direction, lag]; ``steps``: the training step of each probe.
    """
    colors = mpl.colormaps["viridis"](np.linspace(0, 0.95, len(steps)))

    def draw(axes: Axes, panel: Array) -> None:
        for step, profile, color in zip(steps, panel, colors, strict=True):
            axes.plot(np.where(profile > 0, profile, np.nan), color=color, label=f"step {step}")
        axes.set(yscale="log", xlabel="lag (steps before the loss)", ylabel="mean ||dL/ds||")

    figure = _by_direction(norms, draw)
    figure.axes[0].legend(fontsize=7)
    return figure


def heat_map(steps: Array, norms: Array) -> Figure:
    """Draw log10 ||dL/ds_t|| over training step and lag, of each layer and direction; white where it is zero."""
    logs = np.log10(np.where(norms > 0, norms, np.nan))
    low, high = (np.nanmin(logs), np.nanmax(logs)) if np.isfinite(logs).any() else (-1, 0)

    def draw(axes: Axes, panel: Array) -> None:
        positions = np.arange(len(steps))
        image = axes.pcolormesh(positions, np.arange(panel.shape[1]), panel.T, vmin=low, vmax=high, shading="nearest")
        shown = positions[:: max(1, len(steps) // 6)]
        axes.set_xticks(shown, [str(steps[position]) for position in shown])
        axes.set(xlabel="training step", ylabel="lag (steps before the loss)")
        axes.figure.colorbar(image, ax=axes, label="log10 ||dL/ds||")

    return _by_direction(logs, draw)


def spectrum(exponents: Array, largest: Array, smallest: Array) -> Figure:
    """Draw the diagnostics of the Jacobians before and after training, in the direction that reaches furthest.

    Left the Lyapunov ``exponents`` [probe, exponent], right the ``largest`` and ``smallest`` singular values of the
    one-step Jacobians [probe, step].
    """
    figure = Figure(figsize=(10, 3.4), layout="constrained")
    left, right = figure.subplots(1, 2)
    for index, moment, color in ((0, "before training", "tab:blue"), (-1, "after training", "tab:orange")):
        left.plot(np.arange(1, exponents.shape[-1] + 1), exponents[index], "o-", color=color, label=moment)
        right.plot(largest[index], color=color, label=f"largest, {moment}")
        right.plot(smallest[index], color=color, linestyle=":", label=f"smallest, {moment}")
    left.axhline(0, color="black", linewidth=0.8)
    left.set(xlabel="rank", ylabel="Lyapunov exponent (per step)")
    right.set(xlabel="step", ylabel="singular values of ds_t/ds_{t-1}", yscale="log")
    for axes in (left, right):
        axes.legend(fontsize=7)
    return figure


def _by_direction(values: Array, draw: Callable[[Axes, Array], None]) -> Figure:
    """Draw one panel for each layer (down) and direction (across); ``draw`` gets the rest of ``values``, by probe."""
    _, layers, directions, _ = values.shape
    figure = Figure(figsize=(5 * directions, 3.2 * layers), layout="constrained")
    panels = figure.subplots(layers, directions, squeeze=False)
    for layer in range(layers):
        for direction in range(directions):
            draw(panels[layer, direction], values[:, layer, direction])
            panels[layer, direction].set_title(
                f"layer {layer + 1}, {'backward' if direction else 'forward'}", fontsize=9
            )
    return figure
