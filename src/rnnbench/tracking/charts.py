"""Pictures for the W&B page of a single run."""

from __future__ import annotations

from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure


def profile_picture(steps: list[int], profiles: np.ndarray[Any, Any]) -> Figure:
    """||dL/dh_t|| over lag of each layer and direction, one line a training step, from dark to bright.

    ``profiles``: [probe, layer, direction, lag]; ``steps``: the training step of each probe.
    """
    _, layers, directions, lags = profiles.shape
    figure = Figure(figsize=(5 * directions, 3.2 * layers), layout="constrained")
    panels = figure.subplots(layers, directions, squeeze=False, sharex=True)
    colors = mpl.colormaps["viridis"](np.linspace(0, 0.95, len(steps)))
    for layer in range(layers):
        for direction in range(directions):
            axes = panels[layer, direction]
            for step, profile, color in zip(steps, profiles[:, layer, direction], colors, strict=True):
                axes.plot(np.arange(lags), np.where(profile > 0, profile, np.nan), color=color, label=f"step {step}")
            axes.set(yscale="log", title=f"layer {layer}, {'backward' if direction else 'forward'}")
            axes.set(xlabel="lag (steps before the loss)", ylabel="mean ||dL/dh||")
    panels[0, 0].legend(fontsize=7)
    return figure
