"""Charts of lines over training steps: the loss, and the share of runs that have not solved the task."""

from __future__ import annotations

import altair as alt
import numpy as np

from rnnbench.outcomes.settings import solves
from rnnbench.report.charts.chart import (
    HOVER,
    SINGLE,
    Chart,
    Line,
    color,
    faceted,
    listed,
    middle,
    opacity,
    parameters,
    thinned,
    zoom,
)
from rnnbench.report.charts.design import Design
from rnnbench.report.long_tables import LongTables
from rnnbench.statistics import survival

BASELINE = "memoryless"


def learning_curves(design: Design, tables: LongTables) -> Chart | None:
    """Return the validation loss over training steps and the memoryless baseline; of completed runs, if any."""
    lines: list[Line] = []
    rows, of = [], []
    for index, setting in enumerate(design.settings):
        runs = [(run["seed"], curve) for run in setting.done or setting.runs if (curve := tables.loss(run["run_id"]))]
        if not runs:
            continue
        steps = sorted(set.union(*(set(curve) for _, curve in runs)))
        # A solved run stops early and counts on with its last loss: else the median ended with the fastest run.
        held = np.array([np.interp(steps, list(curve), list(curve.values())) for _, curve in runs])
        held[~np.isfinite(held)] = np.nan
        kept = thinned(len(steps), len(design.settings) + sum(len(each.runs) for each in design.settings))
        at, value, low, high = np.array(steps)[kept], *(each[kept] for each in middle(held))
        place = design.place(index)
        common = place | {"x": at.tolist(), "n": len(runs)}
        lines.append(common | {"kind": "all", "y": listed(value), "low": listed(low), "high": listed(high)})
        lines += [common | {"kind": "one", "page": True, "seed": seed, "y": listed(each[kept]), "low": [], "high": []}
                  for (seed, _), each in zip(runs, held, strict=True)]  # fmt: skip
        baseline = setting.known("validation_baseline")
        if baseline:
            lines.append(place | {"kind": BASELINE, "x": [0, steps[-1]], "y": [baseline, baseline],
                                  "low": [], "high": []})  # fmt: skip
        median = middle(held)[0]
        numbers = (median[0], np.nanmin(median, initial=np.inf), median[-1])
        rows.append(
            [setting.problem.title, setting.name, str(len(runs)), *(f"{v:.4g}" for v in numbers), str(steps[-1])]
        )
        of.append(index)
    if not rows:
        return None
    reached = [line for line in lines if line["kind"] == "all"]
    spec = _over_steps(design, reached, "curves", "validation loss", alt.Scale(type="log"), baseline=True)
    header = ["task", "setting", "runs", "first loss", "lowest", "last", "at step"]
    return Chart(spec, {"curves": lines}, header, rows, of)


def time_to_solve(design: Design) -> Chart | None:
    """Return the share of runs that have not yet solved the task; a diverged or failed run never does."""
    solved = {setting.problem for setting in design.settings if setting.solved}
    lines: list[Line] = []
    rows, of = [], []
    for index, setting in enumerate(design.settings):
        if setting.problem not in solved:
            continue
        steps, share = survival(setting.times, [solves(run) for run in setting.runs])
        x, y = [*map(float, steps), float(setting.longest)], [*map(float, share), float(share[-1])]
        lines.append(design.place(index) | {"kind": "all", "n": len(setting.runs), "x": x, "y": listed(y)})
        half = [str(int(step)) for step, left in zip(steps, share, strict=True) if left <= 0.5]
        rows.append([setting.problem.title, setting.name, str(len(setting.runs)), str(len(setting.solved)),
                     f"{share[-1]:.2f}", str(min(setting.solved, default="–")), half[0] if half else "–"])  # fmt: skip
        of.append(index)
    if not rows:
        return None
    scale = alt.Scale(domain=[-0.02, 1.02], nice=False)
    spec = _over_steps(design, lines, "survival", "share of runs not solved", scale, interpolate="step-after")
    header = ["task", "setting", "runs", "solved", "share left", "first solved at step", "half solved at step"]
    return Chart(spec, {"survival": lines}, header, rows, of)


def _over_steps(
    design: Design, lines: list[Line], data: str, title: str, scale: alt.Scale, *, baseline: bool = False,
    interpolate: str = "linear",
) -> dict[str, object]:  # fmt: skip
    """Return the specification of lines with bands over training steps."""
    facets = list(dict.fromkeys(line["facet"] for line in lines))
    problems = {design.settings[line["setting"]].problem for line in lines}
    x = alt.X("x:Q").title("training step").scale(nice=False).axis(tickCount=4, format=",d")
    y = alt.Y("y:Q").title(title).scale(scale)
    if scale.to_dict().get("type") == "log":
        ten = "abs(log(datum.value) / LN10 - round(log(datum.value) / LN10)) < 1e-6"
        faint = {"condition": {"test": ten, "value": 1}, "value": 0.3}
        y = y.axis(tickCount=4, format="~g", gridOpacity=faint)
    detail = [alt.Detail("setting:Q"), alt.Detail("seed:Q")]
    shade = color(design, (line["series"] for line in lines))
    # A loss that came below zero or is no number has no place on a log scale: the line is broken there.
    every, one, level = (alt.Chart().transform_filter(f"datum.kind === '{kind}'") for kind in ("all", "one", BASELINE))
    layers = []
    if baseline:
        layers.append(
            every.mark_area(opacity=0.16, clip=True)
            .encode(x=x, y=alt.Y("low:Q").title(title).scale(scale), y2="high:Q", color=shade, detail=detail[0],
                    opacity=opacity(0.16, 0.02))
            .properties(name="band")
        )  # fmt: skip
        layers.append(
            level.mark_line(strokeDash=[5, 4], strokeWidth=1.2, color="#8a919b", clip=True)
            .encode(x=x, y=y, detail=alt.Detail("y:Q")).properties(name="baseline")
        )  # fmt: skip
        layers.append(
            one.mark_line(strokeWidth=0.8, clip=True)
            .encode(x=x, y=y, color=shade, detail=detail, opacity=opacity(0.7, 0)).properties(name="hover_single")
        )  # fmt: skip
    layers.append(
        every.mark_line(interpolate=interpolate, clip=True)  # type: ignore[arg-type]
        .encode(x=x, y=y, color=shade, detail=detail[0], opacity=opacity()).properties(name="line").add_params(zoom())
    )  # fmt: skip
    interval = "isValid(datum.low) ? format(datum.low, '.4~g') + ' to ' + format(datum.high, '.4~g') : 'none'"
    tooltip = [
        alt.Tooltip("label:N", title="setting"), alt.Tooltip("x:Q", title="step", format=","),
        alt.Tooltip("y:Q", title=title, format=".4~g"), alt.Tooltip("n:Q", title="runs"),
    ]  # fmt: skip
    if baseline:
        tooltip.insert(3, alt.Tooltip("interval:N", title="interval"))
    layers.append(
        every.transform_calculate(interval=interval).mark_point(filled=True, size=130, opacity=0, clip=True)
        .encode(x=x, y=y, color=shade, tooltip=tooltip).properties(name=HOVER)
    )  # fmt: skip
    independent = ["x"] if len(problems) > 1 else []
    if baseline and len({problem.task for problem in problems}) > 1:
        independent.append("y")
    flat = ["x", "y", "low", "high"] if baseline else ["x", "y"]
    params, filters = (parameters(seeds=False), [SINGLE]) if baseline else (parameters(), [])
    return faceted(layers, data, facets, params, independent=independent, filters=filters, flat=flat)
