"""``rnnbench claims``: what the literature says, and what was found."""

from __future__ import annotations

from pathlib import Path

import click

from rnnbench.claims import outcome
from rnnbench.claims.claim import COMMAND
from rnnbench.claims.outcome import State
from rnnbench.claims.verdict import Verdict
from rnnbench.cli import options
from rnnbench.report.claims import HEADER, LIST, checks, limits, row, verdict
from rnnbench.report.console import print_json, show
from rnnbench.sweep.claims import known

STYLES = {Verdict.CONTRADICTED: "red", Verdict.INCONCLUSIVE: "yellow", Verdict.NOT_RUN: "dim"}
RESULTS = Path("results") / "claims"


@click.command("claims")
@click.option("--cell", help="Only claims about this cell.")
@click.option("--task", help="Only claims about this task.")
@click.option(
    "--verdict", "verdict_", type=click.Choice([each.value for each in Verdict]), help="Only claims with this verdict."
)
@click.option(
    "--results-dir", type=options.FOLDER, default=RESULTS, show_default=True, help="Where they are published."
)
@options.as_json
def command(cell: str | None, task: str | None, verdict_: str | None, results_dir: Path, as_json: bool) -> None:
    """Show the published claims, what was found of each, and the command that tries it."""
    wanted = {"cells": cell, "tasks": task}
    states = [
        state
        for state in (outcome.state(entry, results_dir / entry.id) for entry in known().values())
        if all(value is None or value in getattr(state.entry.claim, key) for key, value in wanted.items())
        and (verdict_ is None or state.verdict == verdict_)
    ]
    if as_json:
        return print_json([facts(state) for state in states])
    show(LIST, [row(state) for state in states], [STYLES.get(state.verdict) for state in states])
    print(f"\n{COMMAND} ID tries one; --publish commits what was found")


def facts(state: State) -> dict[str, object]:
    """Return all that is known of a claim, for JSON."""
    claim = state.entry.claim
    return {
        "claim": state.entry.id, "title": claim.title, "verdict": state.verdict, "stale": state.stale,
        "checks": [
            {
                "says": check.says, "measure": check.measure, "rule": check.rule, "published": check.published,
                "evidence": check.evidence, "where": check.where, "verdict": found.verdict, "why": found.why,
                "found": {arm: each.plain() for arm, each in found.numbers.items()},
            }
            for check, found in zip(claim.checks, state.findings, strict=True)
        ],
        "seeds": claim.seeds, "seconds": state.outcome.seconds if state.outcome else None, "minutes": claim.minutes,
        "tier": claim.tier, "scaled": claim.scaled, "departs": claim.departs, "cells": claim.cells,
        "tasks": claim.tasks, "paper": claim.paper, "link": claim.link, "differences": claim.differences,
        "notes": claim.notes, "command": f"{COMMAND} {state.entry.id}",
    }  # fmt: skip


def show_state(state: State) -> None:
    """Print what was found of one claim: a line a check, and the verdict."""
    claim = state.entry.claim
    show(HEADER, checks(state), [STYLES.get(found.verdict) for found in state.findings])
    print(f"{state.entry.id}: {verdict(state)} ({claim.paper})", flush=True)
    for note in limits(claim) + claim.differences:
        print(f"  {note}")
