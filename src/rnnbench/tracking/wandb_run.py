"""A W&B run's life: opened under the run's own id, fed, and always finished.

All runs of an experiment share ``<runs_dir>/<name>/wandb``, so that ``wandb leet`` overlays them and ``wandb sync``
uploads them together. The id is the run_id, the group is the experiment, the config is the whole configuration.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
from pytorch_lightning.loggers import WandbLogger

from rnnbench.config import Config
from rnnbench.errors import UserError
from rnnbench.probe import Probe
from rnnbench.records import Record
from rnnbench.tracking import charts

DIRECTIONS = ("forward", "backward")


def open_logger(config: Config, folder: Path) -> WandbLogger | None:
    """Lightning's logger on a fresh W&B run, or None with ``tracking=disabled``.

    Raises UserError where ``tracking=online`` has no key or reaches no server.
    """
    if config.tracking.mode == "disabled":
        return None
    import wandb

    folder.mkdir(parents=True, exist_ok=True)
    if config.tracking.mode == "offline":  # a run that starts anew: `wandb sync` must upload it once
        for old in folder.glob(f"wandb/offline-run-*-{config.run_id}"):
            shutil.rmtree(old)
    try:
        run = wandb.init(
            project=config.tracking.project,
            entity=config.tracking.entity,
            dir=folder,
            id=config.run_id,
            name=config.run_id,
            group=config.name,
            config=config.to_dict(),
            mode="online" if config.tracking.mode == "online" else "offline",
            settings=wandb.Settings(console="off", silent=True, init_timeout=30),
        )
    except wandb.Error as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"tracking=online: {reason}; log in with 'wandb login', or use tracking=offline") from error
    # What Lightning's logger does for a run that it opens itself.
    run.define_metric("trainer/global_step")
    run.define_metric("*", step_metric="trainer/global_step", step_sync=True)
    return WandbLogger(experiment=run)


def log_gradients(run: Any, probe: Probe) -> None:
    """Logs what a whole run's probes saw: curves over lag, and pictures.

    The first and the last profile of each part of the state are metrics ``grad_lag/<initial|final>/...`` with ``lag``
    as their step, so that the web page draws one curve a run and groups them by any key of the configuration.
    """
    import wandb

    arrays = {name: measured.values for name, measured in probe.arrays.items()}
    curves = {name: values for name, values in arrays.items() if name in ("h", "c", "state")}
    run.define_metric("lag", hidden=True)
    run.define_metric("grad_lag/*", step_metric="lag")
    for lag in arrays["lag"]:
        row: dict[str, float] = {"lag": int(lag)}
        for name, norms in curves.items():
            for moment, index in (("initial", 0), ("final", -1)):
                for layer, directions in enumerate(norms[index, :, :, lag]):
                    for direction, norm in zip(DIRECTIONS, directions, strict=False):
                        row[f"grad_lag/{moment}/{name}-layer{layer}-{direction}"] = float(norm)
        run.log(row)
    pictures = {
        "gradient_profile": charts.profiles(arrays["step"], arrays["h"]),
        "gradient_heat_map": charts.heat_map(arrays["step"], arrays["h"]),
    }
    if "lyapunov" in arrays:
        found = (arrays[name] for name in ("lyapunov", "jacobian_largest", "jacobian_smallest"))
        pictures["jacobian_spectrum"] = charts.spectrum(*found)
    run.log({name: wandb.Image(picture) for name, picture in pictures.items()})
    if "time_constant" in arrays:
        for step, constants in zip(arrays["step"], arrays["time_constant"], strict=True):
            # Powers of ten, because time constants span several.
            histogram = wandb.Histogram(np.log10(constants[-1, 0]))
            run.log({"time_constants_log10": histogram, "trainer/global_step": int(step)})


def finish(logger: WandbLogger | None, record: Record, exit_code: int) -> None:
    """Ends a W&B run. Without it the next run of this process would be merged into it."""
    if logger is not None:
        for key in ("status", "score", "solved_at_step", "diverged_at_step", "sample"):
            logger.experiment.summary[key] = getattr(record, key)
        logger.experiment.finish(exit_code=exit_code)
