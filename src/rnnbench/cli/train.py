"""``rnnbench train``: one network, or many. Hydra reads its arguments."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Sequence
from pathlib import Path

import click
import hydra
from omegaconf import DictConfig

from rnnbench.cli.entry import execute, launch
from rnnbench.config import CONF
from rnnbench.errors import UserError, exit_on_user_error
from rnnbench.sweep.composed import explained
from rnnbench.sweep.mixed import as_choices

OWN = Path("conf")
"""The folder of a user's own groups and experiments, below the current folder."""
OPTUNA, SEARCH = "hydra/sweeper=optuna", "hydra/sweeper=search"
"""The sweeper of the plugin, which minimises and ends with the first failure, and the same with our defaults."""


@hydra.main(config_path=str(CONF), config_name="train", version_base="1.3")
def _job(composed: DictConfig) -> float | None:
    return execute(composed)


def train(arguments: Sequence[str]) -> None:
    """Run Hydra on ``arguments``, with the files of ./conf beside those of the package."""
    with exit_on_user_error(), explained():
        given = [SEARCH if word == OPTUNA else word for word in arguments]
        if SEARCH in given and not importlib.util.find_spec("hydra_plugins.hydra_optuna_sweeper"):
            raise UserError(f"{SEARCH}: needs Hydra's Optuna sweeper; pip install 'rnnbench[sweepers]'")
        overrides = [word for word in given if "=" in word and not word.startswith("-")]
        chosen = dict(zip(overrides, as_choices(overrides), strict=True))
        given = [chosen.get(word, word) for word in given]
    flags = {word.partition("=")[0] for word in given}
    own = OWN.is_dir() and OWN.resolve() != CONF.resolve() and not flags & {"--config-dir", "-cd"}
    sys.argv = ["rnnbench train", *given, *(["--config-dir", str(OWN)] if own else [])]
    launch(_job)


@click.command("train")
def command() -> None:
    """Train one network, or sweep over many: rnnbench train -m cell=lstm,gru task=adding seed=0,1.

    Its arguments are Hydra's, which ``rnnbench train --help`` shows.
    """
