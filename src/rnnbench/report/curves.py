"""Figures of lines: a mean over seeds, and as a band the range from the lowest to the highest run."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from rnnbench.report.drawing import Sketch, band, by_task, legend, mark, panels, plain, styles
from rnnbench.report.lines import Array, Lines
from rnnbench.statistics import survival
from rnnbench.store.settings import Setting, solves

FLOOR = -30  # the power of ten below which nobody asks how small a gradient is
LAGS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)  # of the table


def learning_curves(settings: list[Setting], lines: Lines) -> Sketch | None:
    """Validation loss over training steps and the memoryless baseline; of completed runs, where there are any."""
    groups, style, rows = by_task(settings), styles(settings), []
    figure, axes = panels(len(groups))
    baselines, shown = False, []
    for panel, (task, group) in zip(axes, groups.items(), strict=True):
        for index, setting in group:
            runs = setting.done or setting.runs
            curves = [curve for run in runs if (curve := lines.loss(run["run_id"]))]
            if not curves:
                continue
            steps = sorted(set.union(*map(set, curves)))
            # A solved run stops early and counts on with its last loss: else the mean ended with the fastest run.
            held = [np.interp(steps, list(curve), list(curve.values())) for curve in curves]
            mean = band(panel, index, steps, held, style[index])
            shown.append(index)
            rows.append([task, setting.label, str(len(curves)), *(f"{v:.4g}" for v in (mean[0], mean.min(), mean[-1]))])
            rows[-1].append(str(steps[-1]))
        for baseline in sorted({known for _, setting in group if (known := setting.known("validation_baseline"))}):
            baselines = True
            panel.axhline(baseline, color="black", linestyle="--", linewidth=1)
        panel.set(title=plain(task), xlabel="training step", ylabel="validation loss", yscale="log")
    if not shown:
        return None
    legend(figure, settings, shown, lines=True, baseline=baselines)
    return Sketch(figure, ["task", "setting", "runs", "first loss", "lowest", "last", "at step"], rows)


def gradient_profiles(settings: list[Setting], lines: Lines) -> Sketch | None:
    """log10 of the norm of dL/dh_t over lag."""

    def numbers(mean: Array) -> list[str]:
        high = np.nanmax(mean) if np.isfinite(mean).any() else np.nan
        found = [10 ** (mean[lag] - high) for lag in LAGS if lag < len(mean)]
        return [f"{value:.1e}" if np.isfinite(value) else "not drawn" for value in found]

    sketch = _before_and_after(
        settings, lines.profiles, numbers, "lag (steps before the loss)", "log10 of mean ||dL/dh||"
    )  # fmt: skip
    if sketch is None:
        return None
    for axes in sketch.figure.axes:
        if np.isfinite(axes.dataLim.ymax):
            axes.set_ylim(max(axes.get_ylim()[0], FLOOR), axes.dataLim.ymax + 1)
    width = max(map(len, sketch.rows))
    header = [*sketch.header, *(f"at lag {lag} / largest" for lag in LAGS)][:width]
    return sketch._replace(header=header, rows=[row + ["–"] * (width - len(row)) for row in sketch.rows])


def lyapunov_spectra(settings: list[Setting], lines: Lines) -> Sketch | None:
    """The largest Lyapunov exponents of the last layer's forward direction."""
    sketch = _before_and_after(
        settings, lines.spectra, lambda mean: [f"{mean[0]:.3f}", f"{mean[-1]:.3f}"], "rank",
        "Lyapunov exponent (per step)",
    )  # fmt: skip
    return sketch and sketch._replace(header=[*sketch.header, "largest", "last drawn"])


def _before_and_after(
    settings: list[Setting],
    grid: Callable[[str], tuple[Array, Array] | None],
    numbers: Callable[[Array], list[str]],
    x: str,
    y: str,
) -> Sketch | None:
    """One row a task; left the first probe, right the last; ``grid`` has a run's lines, one a probe."""
    groups, style, rows = by_task(settings), styles(settings), []
    arrays = [[found[1] for run in s.runs if (found := grid(run["run_id"])) is not None] for s in settings]
    if not any(arrays):
        return None
    figure, axes = panels(2 * len(groups))
    for (task, group), left, right in zip(groups.items(), axes[::2], axes[1::2], strict=True):
        for panel, probe, moment in ((left, 0, "before training"), (right, -1, "after training")):
            for index, setting in group:
                lines = [array[probe] for array in arrays[index]]
                if lines:
                    mean = band(panel, index, range(len(lines[0])), lines, style[index])
                    rows.append([task, setting.label, moment, *numbers(mean)])
            panel.set(title=plain(f"{task}, {moment}"), xlabel=x)
        left.set_ylabel(y)
        right.sharey(left)
    legend(figure, settings, [index for index, found in enumerate(arrays) if found], lines=True)
    return Sketch(figure, ["task", "setting", "moment"], rows)


def time_to_solve(settings: list[Setting], lines: Lines) -> Sketch | None:
    """The share of runs that have not yet solved the task; a diverged or failed run never does."""
    groups = {task: group for task, group in by_task(settings).items() if any(s.solved for _, s in group)}
    if not groups:
        return None
    style, rows, shown = styles(settings), [], []
    figure, axes = panels(len(groups))
    for panel, (task, group) in zip(axes, groups.items(), strict=True):
        last = max(setting.longest for _, setting in group)
        for index, setting in group:
            steps, share = survival(setting.times, [solves(run) for run in setting.runs])
            (line,) = panel.plot(
                [*steps, last], [*share, share[-1]], drawstyle="steps-post", linewidth=1.8,
                color=style[index]["color"], linestyle=style[index]["linestyle"],
            )  # fmt: skip
            mark(line, index)
            shown.append(index)
            rows.append([task, setting.label, str(len(setting.runs)), str(len(setting.solved)), f"{share[-1]:.2f}"])
            half = [str(int(step)) for step, left in zip(steps, share, strict=True) if left <= 0.5]
            rows[-1] += [str(min(setting.solved, default="–")), half[0] if half else "–"]
        panel.set(title=plain(task), xlabel="training step", ylabel="share of runs not solved", ylim=(-0.03, 1.03))
    legend(figure, settings, shown, lines=True)
    header = ["task", "setting", "runs", "solved", "share left", "first solved at step", "half solved at step"]
    return Sketch(figure, header, rows)
