"""Figures of a sweep, one panel a task, as SVG that is the same for the same runs."""

from __future__ import annotations

from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rnnbench.records import Record, read_curve
from rnnbench.report.summary import Setting

STYLE = {
    "svg.hashsalt": "rnnbench",
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.3,
}
PALETTE = mpl.colormaps["tab10"].colors  # type: ignore[attr-defined]  # a ListedColormap

Folder = Callable[[Record], Path]
"""Where a record's run lies."""


def learning_curves(settings: list[Setting], folder: Folder) -> str:
    """Validation loss over training steps: each run thin, the mean over seeds thick, the memoryless baseline dashed."""

    def draw(axes: Axes, setting: Setting, color: Any) -> None:
        curves = [curve for r in setting.records if (curve := dict(read_curve(folder(r), "val/loss")))]
        if not curves:
            return
        for curve in curves:
            axes.plot(list(curve), list(curve.values()), color=color, linewidth=0.8, alpha=0.5)
        # A solved run stops early; the mean goes only as far as every run does.
        shared = sorted(set.intersection(*(set(curve) for curve in curves)))
        mean = [np.mean([curve[step] for curve in curves]) for step in shared]
        axes.plot(shared, mean, color=color, linewidth=2.2, label=setting.label)

    groups = _by_task(settings)
    figure = Figure(figsize=(max(7, 5.2 * len(groups)), 3.6), layout="constrained")
    for axes, (task, group, colors) in zip(figure.subplots(1, len(groups), squeeze=False)[0], groups, strict=True):
        for setting, color in zip(group, colors, strict=True):
            draw(axes, setting, color)
        baseline = group[0].records[0].validation_baseline
        if baseline is not None:
            axes.axhline(baseline, color="black", linestyle="--", linewidth=1, label="memoryless")
        axes.set(title=task, xlabel="training step", ylabel="validation loss", yscale="log")
        _legend(axes)
    return _svg(figure)


def gradient_profiles(settings: list[Setting], folder: Folder) -> str:
    """The norm of dL/dh_t over lag, before and after training: each run thin, the geometric mean over seeds thick."""
    groups = _by_task(settings)
    figure = Figure(figsize=(10.4, 3.4 * len(groups)), layout="constrained")
    for row, (task, group, colors) in zip(figure.subplots(len(groups), 2, squeeze=False), groups, strict=True):
        for axes, index, moment in zip(row, (0, -1), ("before training", "after training"), strict=True):
            for setting, color in zip(group, colors, strict=True):
                profiles = [p for r in setting.records if (p := _profile(folder(r), index)) is not None]
                if not profiles:
                    continue
                for profile in profiles:
                    axes.plot(profile, color=color, linewidth=0.8, alpha=0.5)
                mean = np.exp(np.mean(np.log(np.array(profiles)), axis=0))
                axes.plot(mean, color=color, linewidth=2.2, label=setting.label)
            axes.set(title=f"{task}, {moment}", xlabel="lag (steps before the loss)", yscale="log")
            _legend(axes)
        row[0].set_ylabel("mean ||dL/dh||")
        row[1].sharey(row[0])
    return _svg(figure)


def _profile(folder: Path, index: int) -> np.ndarray[Any, Any] | None:
    """||dL/dh|| [lag] of the last layer's forward direction at one probe; a norm of zero is not drawn on a log axis."""
    path = folder / "gradients.npz"
    if not path.exists():
        return None
    with np.load(path, allow_pickle=False) as arrays:
        profile = arrays["h"][index, -1, 0]
    return np.where(profile > 0, profile, np.nan)


def _by_task(settings: list[Setting]) -> list[tuple[str, list[Setting], list[Any]]]:
    """Each task with its settings and their colors; a label has the same color in every panel."""
    labels = list(dict.fromkeys(setting.label for setting in settings))
    color = {label: PALETTE[index % len(PALETTE)] for index, label in enumerate(labels)}
    groups: dict[str, list[Setting]] = {}
    for setting in settings:
        groups.setdefault(setting.task, []).append(setting)
    return [(task, group, [color[setting.label] for setting in group]) for task, group in groups.items()]


def _legend(axes: Axes) -> None:
    if axes.get_legend_handles_labels()[0]:  # where all runs failed there is nothing to name
        axes.legend(fontsize=8)


def _svg(figure: Figure) -> str:
    text = StringIO()
    figure.savefig(text, format="svg", metadata={"Date": None})
    return text.getvalue()


def draw_all(settings: list[Setting], folder: Folder) -> dict[str, str]:
    """The SVG of every figure that the runs have data for, by name."""
    probed = any(setting.probed for setting in settings)
    with mpl.rc_context(STYLE):
        return {name: draw(settings, folder) for name, draw in FIGURES.items() if probed or name not in NEED_PROBES}


NEED_PROBES = ("gradient_profiles",)
FIGURES: dict[str, Callable[[list[Setting], Folder], str]] = {
    "learning_curves": learning_curves,
    "gradient_profiles": gradient_profiles,
}
