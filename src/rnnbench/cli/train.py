"""``rnnbench train``: one network, or many. Hydra reads its arguments."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import click
import hydra
from omegaconf import DictConfig

from rnnbench.cli.entry import execute, launch
from rnnbench.config import CONF

OWN = Path("conf")
"""Where a user's own groups and experiments lie, below the folder that the command is given in."""


@hydra.main(config_path=str(CONF), config_name="train", version_base="1.3")
def _job(composed: DictConfig) -> float | None:
    return execute(composed)


def train(arguments: Sequence[str]) -> None:
    """Run Hydra on ``arguments``, with the files of ./conf beside those of the package."""
    flags = {word.partition("=")[0] for word in arguments}
    own = OWN.is_dir() and OWN.resolve() != CONF.resolve() and not flags & {"--config-dir", "-cd"}
    sys.argv = ["rnnbench train", *arguments, *(["--config-dir", str(OWN)] if own else [])]
    launch(_job)


@click.command("train")
def command() -> None:
    """Train one network, or sweep over many: rnnbench train -m cell=lstm,gru task=adding seed=0,1.

    Its arguments are Hydra's, which ``rnnbench train --help`` shows.
    """
