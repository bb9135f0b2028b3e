"""Scatter plots of horizons and costs against scores."""

from __future__ import annotations

from statistics import fmean, median

from rnnbench.outcomes.settings import Setting
from rnnbench.report.drawing import ReportFigure, by_task, legend, mark, panels, plain, styles
from rnnbench.report.long_tables import LongTables


def horizon_and_score(settings: list[Setting], tables: LongTables) -> ReportFigure | None:
    """Draw the horizon after training against the score, one point a run; 0 for a dead gradient."""
    points = [
        [(run["horizon_final"] or 0, run["score"]) for run in setting.runs if run.get("headline_final") is not None]
        for setting in settings
    ]
    if not any(points):
        return None
    groups, style, rows = by_task(settings), styles(settings), []
    figure, axes = panels(len(groups))
    for panel, (task, group) in zip(axes, groups.items(), strict=True):
        for index, setting in group:
            if points[index]:
                x, y = zip(*points[index], strict=True)
                dots = panel.scatter(x, y, color=style[index]["color"], marker=style[index]["marker"], alpha=0.8)
                mark(dots, index)
                rows.append([task, setting.label, str(len(x)), f"{median(x):g}", f"{fmean(y):.3f}"])
        panel.set(title=plain(task), xlabel="horizon after training (steps)", ylabel="score")
    legend(figure, settings, [index for index, found in enumerate(points) if found], lines=False)
    return ReportFigure(figure, ["task", "setting", "runs", "median horizon", "mean score"], rows)


def cost(settings: list[Setting], tables: LongTables) -> ReportFigure | None:
    """Draw what a score costs, one point a setting: mean seconds of training and parameters against median score."""
    spent = [(fmean(setting.numbers("seconds")), setting.known("parameters") or 0) for setting in settings]
    shown = [index for index, known in enumerate(spent) if min(known) > 0]
    if not shown:
        return None
    groups, style, rows = by_task([settings[index] for index in shown]), styles(settings), []
    figure, axes = panels(2 * len(groups))
    for (task, group), left, right in zip(groups.items(), axes[::2], axes[1::2], strict=True):
        for position, setting in group:
            index, score = shown[position], setting.score.value
            seconds, parameters = spent[index]
            for panel, x in ((left, seconds), (right, parameters)):
                mark(panel.scatter([x], [score], color=style[index]["color"], marker=style[index]["marker"]), index)
            rows.append([task, setting.label, f"{seconds:.1f}", str(parameters), f"{score:.3f}"])
        left.set(title=plain(f"{task}, time"), xlabel="seconds of training (mean)", ylabel="median score", xscale="log")
        right.set(title=plain(f"{task}, size"), xlabel="parameters", xscale="log")
        right.sharey(left)
    legend(figure, settings, shown, lines=False)
    return ReportFigure(figure, ["task", "setting", "mean seconds", "parameters", "median score"], rows)
