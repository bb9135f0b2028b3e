"""From the command line to a run, through Hydra.

Imports nothing heavy, so that ``--help`` and a typo answer at once.
"""

from __future__ import annotations

import gc
import os
import shlex
import sys
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any, cast

from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.types import RunMode
from omegaconf import DictConfig

from rnnbench.errors import exit_on_user_error
from rnnbench.outcomes.reuse import ended_record, published
from rnnbench.store.provenance import COMMAND
from rnnbench.sweep.composed import check_groups, explained, offer_installed, parse
from rnnbench.tracking import set_cache_folders
from rnnbench.tracking.garbage_collection import without_garbage_collection


def execute(composed: DictConfig) -> float | None:
    """Run a composed configuration, one job of Hydra, and return its validation score, None where there is none.

    A single run ends here on a user's mistake. In a sweep the others go on, and ``launch`` reports it at the end.
    """
    single = HydraConfig.get().mode != RunMode.MULTIRUN
    with exit_on_user_error() if single else nullcontext():
        loader = GlobalHydra.instance().config_loader()
        given = OverridesParser.create(config_loader=loader).parse_overrides(list(HydraConfig.get().overrides.task))
        check_groups(loader, given)
        config = parse(composed)
        set_cache_folders(Path(config.runs_dir) / config.name)
        if single:
            old = ended_record(config, retry=True)
            if old is not None:
                return old.objective
            reused = published([config]).get(config.run_id)
            if reused is not None:
                print(f"{config.run_id}: {reused.text}", flush=True)
                return cast(float, reused.row["score"])
            steps = f"{config.trainer.max_steps} training step{'s' if config.trainer.max_steps > 1 else ''}"
            print(f"{config.run_id}: at most {steps}, to {Path(config.runs_dir) / config.name}", flush=True)
        with without_garbage_collection():  # torch, Lightning and W&B, only once the configuration is valid
            if config.tracking.mode != "disabled":
                import wandb.apis.public  # noqa: F401  # before torch: it searches all modules that are loaded by then
            from rnnbench.runner import run

        record = run(config, retry=single or config.retry_failed)
        if single:
            from rnnbench.report.ending import show_run

            show_run(record, Path(config.runs_dir))
        return record.objective


def launch(main: Callable[[], Any]) -> None:
    """Run a Hydra main on the arguments of ``rnnbench train``; a user's mistake becomes one line and exit code 2."""
    os.environ[COMMAND] = shlex.join(["rnnbench", "train", *sys.argv[1:]])
    if os.environ.get("HYDRA_FULL_ERROR") == "1":  # the user asks for tracebacks
        return main()
    os.environ["HYDRA_FULL_ERROR"] = "1"  # else Hydra prints several lines and exits with 1 by itself
    try:
        with exit_on_user_error(), explained():
            offer_installed()
            main()
    finally:
        gc.freeze()  # Python would look through all of torch for garbage as it ends
