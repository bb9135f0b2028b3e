"""The gradient of every layer and direction: a panel a setting, a color a layer, a dash a direction."""

from __future__ import annotations

import altair as alt

from rnnbench.outcomes.diagnostic_columns import MOMENTS
from rnnbench.outcomes.layer_directions import DIRECTIONS
from rnnbench.report.charts import gradients, theme
from rnnbench.report.charts.chart import HOVER, Chart, Line, digits, faceted, opacity, parameters, zoom
from rnnbench.report.charts.design import Design


def gradient_of_layers(design: Design, profiles: Chart | None) -> Chart | None:
    """Return the norm of dL/ds_t over lag after training of each layer and direction; None where networks have one.

    The ``profiles`` are those of ``gradients.gradient_profiles``.
    """
    if profiles is None:
        return None
    lines: list[Line] = []
    for line in profiles.data["profiles"]:
        if line["kind"] == "all" and line["moment"] == MOMENTS["final"] and line["part"] == gradients.STATE:
            layer, _, direction = line["place"].partition(", ")
            if direction:
                lines.append(line | {"layer": layer, "direction": direction, "page": False})
    if not lines:
        return None
    panels = list(dict.fromkeys(line["label"] for line in lines))
    layers = sorted({line["layer"] for line in lines}, key=lambda name: int(name.split()[1]))
    directions = [name for name in DIRECTIONS if any(line["direction"] == name for line in lines)]
    numbers = [number for line in lines for number in line["y"] if number] or [1.0]
    bottom = max(min(numbers) / 3, max(numbers) * 10.0**-gradients.DECADES)
    scale = alt.Scale(type="log", domain=[digits(bottom), digits(3 * max(numbers))], nice=False)
    x = alt.X("x:Q").title("lag (steps before the loss)").scale(nice=False).axis(tickCount=5)
    y = alt.Y("y:Q").title("norm of dL/ds").scale(scale).axis(tickCount=5, format=".0e")
    colors = theme.colors(layers, ordered=len(layers) > 1)
    shade = alt.Color("layer:N").scale(domain=layers, range=list(colors.values())).legend(
        title=None, orient="bottom", symbolType="stroke"
    )  # fmt: skip
    dash = alt.StrokeDash("direction:N").scale(domain=directions, range=[[1, 0], [5, 3]][: len(directions)]).legend(
        alt.Legend(title=None, orient="bottom") if len(directions) > 1 else None
    )  # fmt: skip
    every = alt.Chart()
    line_ = every.mark_line(clip=True).encode(x=x, y=y, color=shade, strokeDash=dash, opacity=opacity())
    points = every.mark_point(filled=True, size=130, opacity=0, clip=True).encode(
        x=x, y=y, color=shade,
        tooltip=[alt.Tooltip("label:N", title="setting"), alt.Tooltip("place:N", title="layer and direction"),
                 alt.Tooltip("x:Q", title="lag"), alt.Tooltip("y:Q", title="norm of dL/ds", format=".4~g"),
                 alt.Tooltip("n:Q", title="runs")],
    )  # fmt: skip
    lengths = {design.settings[line["setting"]].problem.length for line in lines}
    spec = faceted(
        [line_.properties(name="line").add_params(zoom()), points.properties(name=HOVER)], "layers", panels,
        parameters(), field="label", independent=["x"] if len(lengths) > 1 else [],
        flat=["x", "y"], height=150,
    )  # fmt: skip
    kept = [
        {key: line[key] for key in ("setting", "label", "place", "layer", "direction", "x", "y", "n")} for line in lines
    ]
    return Chart(spec, {"layers": kept}, [], [], [])
