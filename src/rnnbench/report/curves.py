"""Figures of lines: a mean over seeds, and as a band the range from the lowest to the highest run."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from rnnbench.outcomes.diagnostic_columns import MOMENTS
from rnnbench.outcomes.settings import Setting, solves
from rnnbench.report.drawing import ReportFigure, band, by_task, legend, mark, panels, plain, styles, thin_line
from rnnbench.report.long_tables import Array, LongTables
from rnnbench.statistics import survival

FLOOR = -30  # the power of ten below which the size of a gradient no longer matters
LAGS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)  # of the table of numbers


def learning_curves(settings: list[Setting], tables: LongTables) -> ReportFigure | None:
    """Draw the validation loss over training steps and the memoryless baseline; of completed runs if there are any."""
    groups, style, rows = by_task(settings), styles(settings), []
    figure, axes = panels(len(groups))
    baselines, shown = False, []
    for panel, (task, group) in zip(axes, groups.items(), strict=True):
        for index, setting in group:
            runs = setting.done or setting.runs
            curves = [curve for run in runs if (curve := tables.loss(run["run_id"]))]
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
    return ReportFigure(figure, ["task", "setting", "runs", "first loss", "lowest", "last", "at step"], rows)


def gradient_profiles(settings: list[Setting], tables: LongTables) -> ReportFigure | None:
    """Draw log10 of the norm of dL/ds_t over lag: the headline with a band, each layer and direction as a thin line."""

    def numbers(mean: Array) -> list[str]:
        found = [10 ** (mean[lag] - mean[0]) for lag in LAGS if lag < len(mean)]
        return [f"{value:.1e}" if np.isfinite(value) else "–" for value in found]

    drawn = _before_and_after(
        settings,
        tables.profile,
        tables.layer_directions,
        numbers,
        "lag (steps before the loss)",
        "log10 of mean ||dL/ds||",
    )
    if drawn is None:
        return None
    for axes in drawn.figure.axes:
        if np.isfinite(axes.dataLim.ymax):
            axes.set_ylim(max(axes.get_ylim()[0], FLOOR), axes.dataLim.ymax + 1)
    width = max(map(len, drawn.rows))
    header = [*drawn.header, *(f"g({lag}) / g(0)" for lag in LAGS)][:width]
    return drawn._replace(header=header, rows=[row + ["–"] * (width - len(row)) for row in drawn.rows])


def lyapunov_spectra(settings: list[Setting], tables: LongTables) -> ReportFigure | None:
    """Draw the largest Lyapunov exponents of the headline."""
    drawn = _before_and_after(
        settings, tables.spectrum, lambda run_id: [], lambda mean: [f"{mean[0]:.3f}", f"{mean[-1]:.3f}"], "rank",
        "Lyapunov exponent (per step)",
    )  # fmt: skip
    return drawn and drawn._replace(header=[*drawn.header, "largest", "last drawn"])


def _before_and_after(
    settings: list[Setting],
    line: Callable[[str, str, str | None], Array | None],
    directions: Callable[[str], list[str]],
    numbers: Callable[[Array], list[str]],
    x: str,
    y: str,
) -> ReportFigure | None:
    """Draw one row of panels a task: left before training, right after.

    ``line`` (run_id, moment, layer and direction) returns the line of a run; for None that of the headline.
    ``directions`` returns the layers and directions of a run, which are drawn too where there are several.
    """
    groups, style, rows, shown = by_task(settings), styles(settings), [], []
    figure, axes = panels(2 * len(groups))
    for (task, group), left, right in zip(groups.items(), axes[::2], axes[1::2], strict=True):
        for panel, moment in ((left, "initial"), (right, "final")):
            for index, setting in group:
                several = list(dict.fromkeys(name for run in setting.runs for name in directions(run["run_id"])))
                for direction in (None, *(several if len(several) > 1 else ())):
                    found = (line(run["run_id"], moment, direction) for run in setting.runs)
                    drawn = [each for each in found if each is not None]
                    if not drawn:
                        continue
                    shown.append(index)
                    draw = band if direction is None else thin_line
                    mean = draw(panel, index, range(len(drawn[0])), drawn, style[index])
                    rows.append([task, setting.label, MOMENTS[moment], direction or "furthest", *numbers(mean)])
            panel.set(title=plain(f"{task}, {MOMENTS[moment]}"), xlabel=x)
        left.set_ylabel(y)
        right.sharey(left)
    if not shown:
        return None
    legend(figure, settings, shown, lines=True)
    return ReportFigure(figure, ["task", "setting", "moment", "layer and direction"], rows)


def time_to_solve(settings: list[Setting], tables: LongTables) -> ReportFigure | None:
    """Draw the share of runs that have not yet solved the task; a diverged or failed run never does."""
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
    return ReportFigure(figure, header, rows)
