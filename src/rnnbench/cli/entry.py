"""From the command line to a run, through Hydra.

Imports nothing heavy, so that ``--help`` and a typo answer at once.
"""

from __future__ import annotations

import gc
import os
import re
import shlex
import sys
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any, cast

import yaml
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from rnnbench.config.schema import Config
from rnnbench.errors import UserError, exit_on_user_error
from rnnbench.results.reuse import ended, published
from rnnbench.store.provenance import COMMAND
from rnnbench.sweep.composed import check_groups, explained, offer_installed, parse
from rnnbench.tracking import lend_folders
from rnnbench.tracking.loading import loading


def execute(composed: DictConfig) -> float | None:
    """Run a composed configuration, one job of Hydra, and return its score, None where there is none.

    A single run ends here on a user's mistake. In a sweep the others go on, and ``launch`` reports it at the end.
    """
    single = HydraConfig.get().mode != RunMode.MULTIRUN
    with exit_on_user_error() if single else nullcontext():
        loader = GlobalHydra.instance().config_loader()
        given = OverridesParser.create(config_loader=loader).parse_overrides(list(HydraConfig.get().overrides.task))
        check_groups(loader, given)
        config = parse(composed)
        lend_folders(Path(config.runs_dir) / config.name)
        if single:
            old = ended(config, retry=True)
            if old is not None:
                return old.score
            reused = published([config]).get(config.run_id)
            if reused is not None:
                print(f"{config.run_id}: {reused.text}", flush=True)
                return cast(float, reused.row["score"])
            steps = f"{config.trainer.max_steps} training step{'s' if config.trainer.max_steps > 1 else ''}"
            print(f"{config.run_id}: at most {steps}, to {Path(config.runs_dir) / config.name}", flush=True)
        with loading():  # torch, Lightning and W&B, only once the configuration is valid
            if config.tracking.mode != "disabled":
                import wandb.apis.public  # noqa: F401  # before torch: it searches all modules that are loaded by then
            from rnnbench.run import run

        return run(config, retry=single or config.retry_failed).score


def launch(main: Callable[[], Any], conf: Path) -> None:
    """Runs a script's Hydra main on the folder ``conf``; a user's mistake becomes one line and exit code 2."""
    os.environ[COMMAND] = shlex.join(["python", f"scripts/{Path(sys.argv[0]).name}", *sys.argv[1:]])
    if os.environ.get("HYDRA_FULL_ERROR") == "1":  # the user asks for tracebacks
        return main()
    os.environ["HYDRA_FULL_ERROR"] = "1"  # else Hydra prints several lines and exits with 1 by itself
    try:
        with exit_on_user_error(), explained():
            offer_installed(conf)
            main()
    finally:
        gc.freeze()  # Python would look through all of torch for garbage as it ends


def configure(conf: Path, *overrides: str) -> Config:
    """The Config that ``overrides`` of the defaults in the folder ``conf`` make, without running anything.

    Raises UserError where they are not valid.
    """
    offer_installed(conf)
    with explained(), initialize_config_dir(str(conf.resolve()), version_base="1.3"):
        loader = GlobalHydra.instance().config_loader()
        check_groups(loader, OverridesParser.create(config_loader=loader).parse_overrides(list(overrides)))
        return parse(compose("train", list(overrides)))


def read(path: Path) -> Config:
    """The Config of the run that left ``path``, its config.yaml. Raises UserError where it is not one."""
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise UserError(f"{path}: cannot be read ({' '.join(str(error).split())})") from error
    if not isinstance(found, dict):
        raise UserError(f"{path}: is no configuration")
    with explained():
        return parse(OmegaConf.create(_literal(found)))


def _literal(value: Any) -> Any:
    """``value`` for OmegaConf, which takes ``${`` for an interpolation, and a backslash before it for an escape."""
    if isinstance(value, dict):
        return {key: _literal(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_literal(each) for each in value]
    return re.sub(r"(\\*)\$\{", r"\1\1\\${", value) if isinstance(value, str) else value
