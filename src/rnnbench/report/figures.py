"""The figures of a sweep. Each takes the settings and says None where their runs have no data for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from rnnbench.records import read_curve
from rnnbench.report.drawing import HEIGHT, STYLE, WIDTH, Array, Folder, by_task, legend, load, styles, svg
from rnnbench.report.summary import Setting


def learning_curves(settings: list[Setting], folder: Folder) -> Figure:
    """Validation loss over training steps: each run thin, the mean over seeds thick, the memoryless baseline dashed."""
    groups, style = by_task(settings), styles(settings)
    figure = Figure(figsize=(max(7, WIDTH * len(groups)), HEIGHT), layout="constrained")
    for axes, (task, group) in zip(figure.subplots(1, len(groups), squeeze=False)[0], groups.items(), strict=True):
        for setting in group:
            curves = [curve for r in setting.records if (curve := dict(read_curve(folder(r), "val/loss")))]
            for curve in curves:
                axes.plot(list(curve), list(curve.values()), **style[setting.label], linewidth=0.8, alpha=0.4)
            if curves:
                # A solved run stops early; the mean goes only as far as every run does.
                shared = sorted(set.intersection(*map(set, curves)))
                mean = [np.mean([curve[step] for curve in curves]) for step in shared]
                axes.plot(shared, mean, **style[setting.label], linewidth=2, label=setting.label)
        baseline = group[0].records[0].validation_baseline
        if baseline is not None:
            axes.axhline(baseline, color="black", linestyle="--", linewidth=1, label="memoryless")
        axes.set(title=task, xlabel="training step", ylabel="validation loss", yscale="log")
        legend(axes)
    return figure


def gradient_profiles(settings: list[Setting], folder: Folder) -> Figure | None:
    """log10 of the norm of dL/dh_t over lag, before and after training: each run thin, the mean over seeds thick."""
    figure = _before_and_after(
        settings, folder, "h", lambda norms, index: _log(norms[index, -1, 0]), "lag (steps before the loss)",
        "log10 of mean ||dL/dh||",
    )  # fmt: skip
    for axes in figure.axes if figure else ():
        axes.set_ylim(bottom=max(axes.get_ylim()[0], FLOOR))
    return figure


def lyapunov_spectra(settings: list[Setting], folder: Folder) -> Figure | None:
    """The largest Lyapunov exponents of the last layer's forward direction, before and after training."""
    return _before_and_after(
        settings, folder, "lyapunov", lambda values, index: values[index, -1, 0], "rank", "Lyapunov exponent (per step)"
    )


def _before_and_after(
    settings: list[Setting], folder: Folder, name: str, line: Callable[[Array, int], Array], x: str, y: str
) -> Figure | None:
    """One row a task; left the first probe, right the last; ``line`` reads one run's curve from its array."""
    groups, style = by_task(settings), styles(settings)
    arrays = {
        setting.label + setting.task: [a for r in setting.records if (a := load(folder(r), name)) is not None]
        for setting in settings
    }
    if not any(arrays.values()):
        return None
    figure = Figure(figsize=(2 * WIDTH, HEIGHT * len(groups)), layout="constrained")
    for row, (task, group) in zip(figure.subplots(len(groups), 2, squeeze=False), groups.items(), strict=True):
        for axes, index, moment in zip(row, (0, -1), ("before training", "after training"), strict=True):
            for setting in group:
                lines = [line(array, index) for array in arrays[setting.label + setting.task]]
                for each in lines:
                    axes.plot(each, **style[setting.label], linewidth=0.8, alpha=0.4)
                if lines:
                    axes.plot(np.mean(lines, axis=0), **style[setting.label], linewidth=2, label=setting.label)
            axes.set(title=f"{task}, {moment}", xlabel=x)
            legend(axes)
        row[0].set_ylabel(y)
        row[1].sharey(row[0])
    return figure


def heat_maps(settings: list[Setting], folder: Folder) -> Figure | None:
    """log10 of the norm of dL/dh_t over training step and lag: the first run of each setting, on one color scale."""
    maps = []
    for setting in settings:
        for record in setting.records:
            norms, steps = load(folder(record), "h"), load(folder(record), "step")
            if norms is not None and steps is not None:
                maps.append((f"{setting.task}, {setting.label}", steps, _log(norms[:, -1, 0])))
                break
    if not maps or not any(np.isfinite(logs).any() for _, _, logs in maps):
        return None
    high = max(np.nanmax(logs) for _, _, logs in maps if np.isfinite(logs).any())
    low = max(high - DECADES, min(np.nanmin(logs) for _, _, logs in maps if np.isfinite(logs).any()))
    columns = min(3, len(maps))
    rows = -(-len(maps) // columns)
    figure = Figure(figsize=(3.6 * columns, 2.6 * rows), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes, (title, steps, logs) in zip(panels, maps, strict=False):
        positions = np.arange(len(steps))
        image = axes.pcolormesh(
            positions, np.arange(logs.shape[1]), logs.T, vmin=low, vmax=high, shading="nearest", rasterized=True
        )
        shown = positions[:: max(1, len(steps) // 4)]
        axes.set_xticks(shown, [str(steps[position]) for position in shown])
        axes.set_title(title, fontsize=9)
        axes.set(xlabel="training step", ylabel="lag")
    for axes in panels[len(maps) :]:
        axes.remove()
    figure.colorbar(image, ax=panels[: len(maps)], label="log10 of mean ||dL/dh||", extend="min")
    return figure


def horizon_and_score(settings: list[Setting], folder: Folder) -> Figure | None:
    """The horizon after training against the score, one point a run: does a gradient that arrives decide?"""
    groups, style = by_task(settings), styles(settings)
    if not any(setting.probed for setting in settings):
        return None
    figure = Figure(figsize=(max(7, WIDTH * len(groups)), HEIGHT), layout="constrained")
    for axes, (task, group) in zip(figure.subplots(1, len(groups), squeeze=False)[0], groups.items(), strict=True):
        others = list(dict.fromkeys(str(style[setting.label]["linestyle"]) for setting in group))
        for setting in group:
            points = [(r.gradients["final"]["horizon"], r.score) for r in setting.done if r.gradients]
            marker = MARKERS[others.index(str(style[setting.label]["linestyle"])) % len(MARKERS)]
            color = style[setting.label]["color"]
            axes.scatter(*np.array(points).reshape(-1, 2).T, color=color, marker=marker, label=setting.label, alpha=0.8)
        axes.set(title=task, xlabel="horizon after training (steps)", ylabel="score")
        legend(axes)
    return figure


def _log(norms: Array) -> Array:
    """log10, and nothing to draw where a norm is zero."""
    return np.log10(np.where(norms > 0, norms, np.nan))


class Drawn(NamedTuple):
    """A figure and the text that stands for it where it cannot be seen."""

    svg: str
    text: str


FLOOR = -30  # the power of ten below which nobody asks how small a gradient is
DECADES = 12  # of a heat map's colors: below, a gradient has vanished by any measure
MARKERS = "os^Dv*XP"
FIGURES: dict[str, tuple[Callable[[list[Setting], Folder], Figure | None], str]] = {
    "learning_curves": (
        learning_curves,
        "Validation loss over training steps against the memoryless baseline; thin single runs, thick their mean",
    ),
    "gradient_profiles": (
        gradient_profiles,
        "Norm of dL/dh over lag before and after training; thin single runs, thick their mean",
    ),
    "horizon_and_score": (
        horizon_and_score,
        "Horizon of the gradient after training against the score, one point a run",
    ),
    "heat_maps": (heat_maps, "Norm of the gradient over lag and training step, the first run of each setting"),
    "lyapunov_spectra": (
        lyapunov_spectra,
        "The largest Lyapunov exponents before and after training",
    ),
}


def draw_all(settings: list[Setting], folder: Folder) -> dict[str, Drawn]:
    """Every figure that the runs have data for, by name."""
    drawn = {}
    with mpl.rc_context(STYLE):
        for name, (draw, text) in FIGURES.items():
            figure = draw(settings, folder)
            if figure is not None:
                drawn[name] = Drawn(svg(figure), text)
    return drawn
