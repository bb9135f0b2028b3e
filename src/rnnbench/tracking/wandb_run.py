"""A W&B run's life: opened under the run's own id, fed, and always finished.

All runs of an experiment share ``<runs_dir>/<name>/wandb``, so that ``wandb leet`` overlays them and ``wandb sync``
uploads them together. The id is the run_id, the group is the experiment, the config is the whole configuration.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from pytorch_lightning.loggers import WandbLogger

from rnnbench.config import Config
from rnnbench.errors import UserError
from rnnbench.probe import Probe
from rnnbench.records import Record
from rnnbench.tracking.charts import profile_picture

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
    """Logs the probe's first and last profile over lag, and all of them as one picture.

    Each is a metric ``grad_lag/<initial|final>/layer<i>-<direction>`` with ``lag`` as its step, so that the web page
    draws one curve a run and groups them by any key of the configuration.
    """
    import wandb

    profiles = probe.profiles["h"]
    run.define_metric("lag", hidden=True)
    run.define_metric("grad_lag/*", step_metric="lag")
    for lag in range(profiles.shape[-1]):
        row: dict[str, float] = {"lag": lag}
        for moment, index in (("initial", 0), ("final", -1)):
            for layer, directions in enumerate(profiles[index, :, :, lag]):
                for direction, norm in zip(DIRECTIONS, directions, strict=False):
                    row[f"grad_lag/{moment}/layer{layer}-{direction}"] = float(norm)
        run.log(row)
    run.log({"gradient_profile": wandb.Image(profile_picture(probe.steps, profiles))})


def finish(logger: WandbLogger | None, record: Record, exit_code: int) -> None:
    """Ends a W&B run. Without it the next run of this process would be merged into it."""
    if logger is not None:
        for key in ("status", "score", "solved_at_step", "diverged_at_step", "sample"):
            logger.experiment.summary[key] = getattr(record, key)
        logger.experiment.finish(exit_code=exit_code)
