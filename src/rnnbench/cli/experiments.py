"""``rnnbench experiments``: the sweeps that are ready to launch."""

from __future__ import annotations

import re
from pathlib import Path

import click

from rnnbench.cli import options
from rnnbench.cli.train import OWN
from rnnbench.config import CONF
from rnnbench.report.console import show_or_json

HEADER = ("experiment", "what it asks", "file")


@click.command("experiments")
@options.as_json
def command(as_json: bool) -> None:
    """Show the sweeps that are ready to launch, those of ./conf too: rnnbench train experiment=NAME."""
    show_or_json(HEADER, rows(), as_json)


def rows() -> list[list[str]]:
    """Return the name, the first sentence and the file of each experiment, in the order of HEADER."""
    folders = dict.fromkeys(folder.resolve() for folder in (CONF, OWN))
    files = [file for folder in folders for file in sorted(folder.glob("experiment/*.yaml"))]
    return [[file.stem, _first_sentence(file), str(file)] for file in files]


def _first_sentence(file: Path) -> str:
    """Return the first sentence of the comment that opens a file."""
    lines = [line[1:].strip() for line in file.read_text(encoding="utf-8").splitlines() if line.startswith("#")]
    text = " ".join(line for line in lines if not line.startswith("@package"))
    return re.split(r"(?<=[.?])\s", text, maxsplit=1)[0]
