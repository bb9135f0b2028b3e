"""``rnnbench diagnostics``: what can be measured."""

from __future__ import annotations

import sys

import click

from rnnbench.cli import options
from rnnbench.extensions import described
from rnnbench.report.console import show_or_json

HEADER = ("diagnostic", "what it says", "formula", "cost", "source")


@click.command("diagnostics")
@options.as_json
def command(as_json: bool) -> None:
    """Show what can be measured, by probe.diagnostics=[...] while training and by rnnbench probe after it."""
    from rnnbench.gradients.registry import DIAGNOSTICS, named  # loads torch

    offered, broken = described("diagnostic", DIAGNOSTICS, named)
    found = [*DIAGNOSTICS.values(), *offered]
    show_or_json(HEADER, [(each.name, each.title, each.formula, each.cost, each.source) for each in found], as_json)
    print("".join(f"{line}\n" for line in broken), end="", file=sys.stderr)
