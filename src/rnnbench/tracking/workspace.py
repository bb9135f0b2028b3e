"""The W&B page of a sweep as code: its panels, grouped by what the sweep varied.

Building and ``validate`` need no network and no account; ``save`` needs both.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import wandb
import wandb_workspaces.reports.v2 as panels
import wandb_workspaces.workspaces as workspaces

from rnnbench.errors import UserError
from rnnbench.tracking.login import problem

STEP = "trainer/global_step"
CURVES = ("val/loss", "val/score", "train/loss")
NUMBERS = ("horizon", "half_life", "lyapunov_max")
CLIPPING = ("grad_norm_before", "grad_norm_after", "clip_rate")
PICTURES = ("gradient_heat_map", "gradient_profile", "jacobian_spectrum")


class Sweep(NamedTuple):
    """The facts of a sweep for its page."""

    name: str
    """The experiment, which is the group of its runs."""
    project: str
    entity: str | None
    """None: the default entity of the user who saves it."""
    factors: Sequence[str]
    """The dotted configuration keys that vary, at least one; the first besides the task groups the curves."""
    layers: int
    """Of the deepest network."""
    bidirectional: bool
    """Whether any network has a backward direction."""


def build(sweep: Sweep) -> Any:
    """Return the workspace: gradient over lag, pictures, numbers over training, learning curves, comparisons."""
    main = next((factor for factor in sweep.factors if factor != "task.name"), sweep.factors[0])
    directions = ("forward", "backward") if sweep.bidirectional else ("forward",)
    lags = [
        _curve(f"grad_lag_log10/{moment}/state-layer{layer}-{direction}", main, x="lag")
        for moment in ("initial", "final")
        for layer in range(1, sweep.layers + 1)
        for direction in directions
    ]
    media = [panels.MediaBrowser(title=key, media_keys=[key]) for key in PICTURES]
    media.append(panels.MediaBrowser(title="time constants (log10 steps)", media_keys=["time_constants_log10"]))
    bars = [
        panels.BarPlot(
            title=f"{metric} by {factor}", metrics=[metric], groupby=panels.Config(factor), groupby_aggfunc="mean",
            groupby_rangefunc="stderr",
        )
        for metric in ("score", "horizon_final")
        for factor in sweep.factors
    ]  # fmt: skip
    scatter = panels.ScatterPlot(
        title="horizon against score", x=panels.SummaryMetric("horizon_final"), y=panels.SummaryMetric("score")
    )
    sections = {
        "Does the gradient still arrive?": lags,
        "Lag by training step": media,
        "How far it reaches": [_curve(metric, main) for metric in NUMBERS],
        "Does that decide what is learned?": [scatter, *bars],
        "Learning curves": [_curve(metric, main) for metric in CURVES],
        "Clipping": [_curve(metric, main) for metric in CLIPPING],
        "Runs side by side": [panels.RunComparer(diff_only="split")],
    }
    return workspaces.Workspace(
        entity=sweep.entity or "default",
        project=sweep.project,
        name=f"rnnbench: {sweep.name}",
        sections=[workspaces.Section(name=name, panels=each, is_open=True) for name, each in sections.items()],
        settings=workspaces.WorkspaceSettings(x_axis=STEP),
        runset_settings=workspaces.RunsetSettings(
            filters=[workspaces.Metric("Group") == sweep.name],
            groupby=[workspaces.Config(factor) for factor in sweep.factors],
        ),
    )


def validate(workspace: Any) -> str:
    """Return the page in W&B's own format, as JSON. Raises where the client's model refuses it."""
    return workspace._to_model().model_dump_json(by_alias=True, exclude_none=True, indent=2)


def save(sweep: Sweep) -> str:
    """Save the page on the server and return its address. Raises UserError without a login or a connection."""
    reason = problem()
    if reason is not None:
        raise UserError(f"the workspace was not saved: {reason}")
    try:
        entity = sweep.entity or wandb.Api().default_entity
        workspace = build(sweep._replace(entity=entity))
        workspace.save()
    except Exception as error:  # the client raises errors of many kinds; each says why it was not saved
        reason = str(error).splitlines()[0]
        raise UserError(f"the workspace was not saved: {reason}") from error
    return str(workspace.url)


def _curve(metric: str, group: str, x: str = STEP) -> Any:
    return panels.LinePlot(
        title=metric, x=x, y=[metric], groupby=panels.Config(group), groupby_aggfunc="mean",
        groupby_rangefunc="stderr",
    )  # fmt: skip
