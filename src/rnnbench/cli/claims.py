"""``rnnbench claims``: what the literature says, and what was found."""

from __future__ import annotations

import math
from pathlib import Path

import click

from rnnbench.claims import outcome
from rnnbench.claims.outcome import State
from rnnbench.claims.verdict import Number, Verdict
from rnnbench.cli import options
from rnnbench.report.console import print_json, show
from rnnbench.sweep.claims import COMMAND, known

HEADER = ("claim", "verdict", "published", "found", "seeds", "seconds", "tier", "cells", "tasks", "what it says")
STYLES = {Verdict.CONTRADICTED: "red", Verdict.INCONCLUSIVE: "yellow", Verdict.NOT_RUN: "dim"}
RESULTS = Path("results") / "claims"


@click.command("claims")
@click.option("--cell", help="Only claims about this cell.")
@click.option("--task", help="Only claims about this task.")
@click.option("--verdict", type=click.Choice(list(Verdict)), help="Only claims with this verdict.")
@click.option(
    "--results-dir", type=options.FOLDER, default=RESULTS, show_default=True, help="Where they are published."
)
@options.as_json
def command(cell: str | None, task: str | None, verdict: str | None, results_dir: Path, as_json: bool) -> None:
    """Show the published claims, what was found of each, and the command that tries it."""
    wanted = {"cells": cell, "tasks": task}
    states = [
        state
        for state in (outcome.state(entry, results_dir) for entry in known().values())
        if all(value is None or value in getattr(state.entry.claim, key) for key, value in wanted.items())
        and (verdict is None or state.verdict == verdict)
    ]
    if as_json:
        return print_json([facts(state) for state in states])
    show(HEADER, [_row(state) for state in states], [STYLES.get(state.verdict) for state in states])
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
                "found": {arm: _plain(each) for arm, each in found.numbers.items()},
            }
            for check, found in zip(claim.checks, state.findings, strict=True)
        ],
        "seeds": claim.seeds, "seconds": state.outcome.seconds if state.outcome else None, "minutes": claim.minutes,
        "tier": claim.tier, "scaled": claim.scaled, "cells": claim.cells, "tasks": claim.tasks, "paper": claim.paper,
        "link": claim.link, "differences": claim.differences, "notes": claim.notes,
        "command": f"{COMMAND} {state.entry.id}",
    }  # fmt: skip


def _plain(number: Number) -> dict[str, float | None]:
    return {key: value if math.isfinite(value) else None for key, value in number._asdict().items()}


def _row(state: State) -> list[str]:
    claim = state.entry.claim
    published = [f"{check.published:g}" for check in claim.checks if check.published is not None]
    numbers = [shown(each) for found in state.findings for each in found.numbers.values()]
    cost = f"about {60 * claim.minutes:.0f}" if claim.minutes else ""
    verdict = f"{state.verdict} (stale: {state.stale})" if state.stale else state.verdict
    return [
        state.entry.id, verdict, ", ".join(dict.fromkeys(published)), ", ".join(dict.fromkeys(numbers)),
        str(len(claim.seeds)), f"{state.outcome.seconds:.0f}" if state.outcome else cost, claim.tier,
        ", ".join(claim.cells), ", ".join(claim.tasks), claim.title,
    ]  # fmt: skip


def shown(number: Number) -> str:
    """Return a number with its interval in a few characters."""
    value, low, high = ("never" if math.isinf(each) else f"{each:.3g}" for each in number[:3])
    return value if low == high == value else f"{value} [{low}, {high}]"


def show_state(state: State) -> None:
    """Print what was found of one claim: a line a check, and the verdict."""
    claim = state.entry.claim
    header = ("what is said", "published", "found", "verdict", "why")
    lines = [
        (
            check.says, "" if check.published is None else f"{check.published:g} ({check.evidence}, {check.where})",
            ", ".join(f"{arm} {shown(each)}".strip() for arm, each in found.numbers.items()), found.verdict, found.why,
        )
        for check, found in zip(claim.checks, state.findings, strict=True)
    ]  # fmt: skip
    show(header, lines, [STYLES.get(found.verdict) for found in state.findings])
    print(f"{state.entry.id}: {state.verdict} ({claim.paper})", flush=True)
    for note in ([f"smaller than published: {claim.scaled}"] if claim.scaled else []) + claim.differences:
        print(f"  {note}")
