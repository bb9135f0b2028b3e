"""The W&B workspace and the W&B report of a sweep as code.

Building a workspace and ``validate`` need no network and no account; ``save`` and ``save_report`` need both. They show
the reported runs of one experiment, whatever else is in the project.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import wandb
import wandb_workspaces.reports.v2 as reports
import wandb_workspaces.workspaces as workspaces

from rnnbench.errors import UserError
from rnnbench.outcomes.columns import REPORT
from rnnbench.tracking.keys import STEP
from rnnbench.tracking.login import problem
from rnnbench.tracking.sections import MOST, Sweep, sections

COLUMNS = ("status", "score", "solved_at_step", "horizon_final", "reason")
"""The columns of runs.csv beside the names of runs."""
WIDTH, HEIGHT = 12, 9
"""Of a panel of a report, of whose 24 columns two panels take all."""


def build(sweep: Sweep) -> Any:
    """Return the workspace."""
    return workspaces.Workspace(
        entity=sweep.entity or "default",
        project=sweep.project,
        name=f"rnnbench: {sweep.name}",
        sections=[
            workspaces.Section(
                name=title, panels=panels, is_open=True, layout_settings=workspaces.SectionLayoutSettings(columns=2)
            )
            for title, panels in sections(sweep).items()
        ],
        settings=workspaces.WorkspaceSettings(x_axis=STEP, max_runs=max(1, min(MOST, sweep.runs))),
        runset_settings=workspaces.RunsetSettings(
            filters=_filters(sweep),
            groupby=[workspaces.Config("setting")],
            pinned_columns=[f"summary:{name}" for name in COLUMNS],
        ),
    )


def validate(workspace: Any) -> str:
    """Return the page in W&B's own format, as JSON. Raises where the client's model refuses it."""
    return workspace._to_model().model_dump_json(by_alias=True, exclude_none=True, indent=2)


def build_report(sweep: Sweep) -> Any:
    """Return the report of a sweep with an entity: findings, panels, the table with intervals, commands."""
    runset = reports.Runset(
        entity=sweep.entity, project=sweep.project, name=sweep.name, filters=_filters(sweep), groupby=["config.setting"]
    )
    blocks: list[Any] = []
    for title, panels in sections(sweep).items():
        drawn = [panel for panel in panels if not isinstance(panel, reports.MarkdownPanel)]
        texts = [panel.markdown for panel in panels if isinstance(panel, reports.MarkdownPanel)]
        blocks += [reports.H2(title), *map(reports.MarkdownBlock, texts)]
        for place, panel in enumerate(drawn):
            row, column = divmod(place, 2)
            panel.layout = reports.Layout(x=column * WIDTH, y=row * HEIGHT, w=WIDTH, h=HEIGHT)
        if drawn:
            blocks.append(reports.PanelGrid(runsets=[runset], panels=drawn))
    blocks += [reports.H2("All settings"), reports.MarkdownBlock(sweep.table)]
    commands = "\n".join(f"    {command}" for command in sweep.commands)  # a block of code: W&B has none for shells
    blocks += [reports.H2("How to make it again"), reports.MarkdownBlock(commands)]
    varied = ", ".join(sweep.factors) or "the seed"
    return reports.Report(
        entity=sweep.entity, project=sweep.project, title=f"rnnbench: {sweep.name}"[:128], blocks=blocks, width="fluid",
        description=f"{sweep.runs} runs that vary {varied}; each setting is all runs that differ in the seed alone",
    )  # fmt: skip


def save(sweep: Sweep) -> str:
    """Save the workspace on the server and return its address. Raises UserError without a login or a connection."""
    return _saved("workspace", build, sweep)


def save_report(sweep: Sweep) -> str:
    """Save the report on the server and return its address. Raises UserError without a login or a connection."""
    return _saved("report", build_report, sweep)


def _saved(what: str, make: Callable[[Sweep], Any], sweep: Sweep) -> str:
    reason = problem()
    if reason is not None:
        raise UserError(f"the {what} was not saved: {reason}")
    try:
        made = make(sweep._replace(entity=sweep.entity or wandb.Api().default_entity))
        made.save()
    except Exception as error:  # the client raises errors of many kinds; each says why it was not saved
        raise UserError(f"the {what} was not saved: {' '.join(str(error).split())}") from error
    return str(made.url)


def _filters(sweep: Sweep) -> list[Any]:
    """Return the runs to show. W&B's server has the value of a key of the configuration one level below it."""
    return [
        workspaces.Config("experiment.value") == sweep.name,
        workspaces.Config("phase.value") == REPORT,
    ]
