"""``rnnbench workspace``: the W&B page of an experiment as code."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rnnbench.cli import options
from rnnbench.errors import UserError
from rnnbench.outcomes.columns import REPORT
from rnnbench.outcomes.gather import gather
from rnnbench.outcomes.result import Result
from rnnbench.outcomes.settings import Setting, by_problem, reported
from rnnbench.report import answers, tables
from rnnbench.report.markdown import escape
from rnnbench.report.templates import template
from rnnbench.store import records
from rnnbench.store.status import Status

if TYPE_CHECKING:
    from rnnbench.tracking.sections import Sweep


@click.command("workspace")
@options.name
@options.runs_dir
@click.option("--save", is_flag=True, help="Save it on the W&B server; needs a login.")
@click.option("--report", is_flag=True, help="Save a W&B report on the server; needs a login.")
def command(name: str, runs_dir: Path, save: bool, report: bool) -> None:
    """Build and validate the W&B page of the experiment NAME offline, to RUNS_DIR/NAME/workspace.json.

    It has the answers, the gradient over lag, how the runs learn, the parameters' gradients and clipping, and what
    failed, grouped by all that the sweep varies. --report makes a page of text and pictures with the same panels, the
    findings and the table of all settings.
    """
    folder = runs_dir / name
    sweep = _sweep(gather(folder), folder)
    from rnnbench.tracking import workspace  # imports wandb

    page = folder / "workspace.json"
    page.write_text(workspace.validate(workspace.build(sweep)), encoding="utf-8")
    print(f"valid: {page}, grouped by {', '.join(sweep.factors)}")
    if save:
        print(f"saved: {workspace.save(sweep)}")
    if report:
        print(f"saved: {workspace.save_report(sweep)}")


def _sweep(result: Result, folder: Path) -> Sweep:
    """Return what the page says of a result. Raises UserError where no run is reported."""
    from rnnbench.tracking.sections import Sweep

    groups = reported(result)
    ended = {run["run_id"] for run in result.runs if run["phase"] == REPORT}
    configs = [record.config for record in records.read_all(folder) if record.run_id in ended]
    if not configs:
        raise UserError(f"no runs under {folder}: a page shows what a sweep varied")
    profiles = result.tables["profiles"]
    measured = {(layer, direction == "backward", direction) for layer, direction in
                zip(profiles["layer"], profiles["direction"], strict=True)}  # fmt: skip
    lost = {run["run_id"]: run["reason"] for run in result.runs if run["status"] != Status.DONE}
    return Sweep(
        name=folder.name,
        project=configs[0]["tracking"]["project"],
        entity=configs[0]["tracking"]["entity"],
        factors=list(groups[0].factors) or ["cell"],
        runs=len(ended),
        columns={name for name in result.rows if result.rows[name].notna().any()},
        layer_directions=[f"layer{layer}_{direction}" for layer, _, direction in sorted(measured)],
        answers=[escape(answers.answer(*each)) for each in by_problem(groups).items()],
        failures=[f"{run}: {escape(why)}" for run, why in (lost | result.damaged | result.missing).items()],
        table=_table(groups),
        commands=result.commands,
    )  # fmt: skip


def _table(groups: list[Setting]) -> str:
    """Return the table of settings with their intervals and its legend, as Markdown."""
    table: Any = template("table.md").module
    return f"{table.markdown(tables.header(groups), tables.rows(groups))}\n{escape(tables.legend(groups))}"
