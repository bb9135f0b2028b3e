"""``rnnbench workspace``: the W&B page of an experiment as code."""

from __future__ import annotations

from pathlib import Path

import click

from rnnbench.cli import options
from rnnbench.config.factors import factors
from rnnbench.errors import UserError
from rnnbench.outcomes.columns import configuration
from rnnbench.outcomes.gather import gather
from rnnbench.outcomes.rows import REPORT
from rnnbench.store import records


@click.command("workspace")
@options.name
@options.runs_dir
@click.option("--save", is_flag=True, help="Save it on the W&B server; needs a login.")
def command(name: str, runs_dir: Path, save: bool) -> None:
    """Build and validate the W&B page of the experiment NAME offline, to RUNS_DIR/NAME/workspace.json."""
    folder = runs_dir / name
    table = gather(folder).rows
    reported = set(table[table["phase"] == REPORT]["run_id"])
    configs = [record.config for record in records.read_all(folder) if record.run_id in reported]
    if not configs:
        raise UserError(f"no runs under {folder}: a page shows what a sweep varied")
    from rnnbench.tracking import workspace  # imports wandb

    sweep = workspace.Sweep(
        name=name,
        project=configs[0]["tracking"]["project"],
        entity=configs[0]["tracking"]["entity"],
        factors=factors([configuration(config) for config in configs]) or ["cell.name"],
        layers=max(config["network"]["depth"] for config in configs),
        bidirectional=any(config["network"]["bidirectional"] for config in configs),
    )
    page = folder / "workspace.json"
    page.write_text(workspace.validate(workspace.build(sweep)), encoding="utf-8")
    print(f"valid: {page}, grouped by {', '.join(sweep.factors)}")
    if save:
        print(f"saved: {workspace.save(sweep)}")
