"""Opens, logs and always finishes the W&B run of a run, under its own id.

All runs of an experiment share ``<runs_dir>/<name>/wandb``, so that ``wandb leet`` overlays them and
``rnnbench sync`` uploads them together. The name is the run_id, the group is the experiment (its tuning runs have one
of their own), the config is the whole configuration. Loads nothing heavy before a run is opened.
"""

from __future__ import annotations

import hashlib
import math
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rnnbench.config.schema import Config
from rnnbench.errors import UserError
from rnnbench.outcomes.columns import row
from rnnbench.outcomes.layer_directions import DIRECTIONS
from rnnbench.store.records import Record
from rnnbench.tracking import wandb_files
from rnnbench.tracking.garbage_collection import without_garbage_collection

if TYPE_CHECKING:
    from pytorch_lightning.loggers import WandbLogger

    from rnnbench.training.probe import Probe

FINISH_TIMEOUT = 300
"""Seconds that the end of a run waits for a server that does not take its data. The client would wait for hours."""


def wandb_id(config: Config) -> str:
    """Return the id within the W&B project: a hash of the run_id and the experiment, which may share a configuration.

    The server takes 64 characters; the readable name of the run is its run_id.
    """
    return f"{config.run_id.rpartition('-')[2]}-{hashlib.sha256(config.name.encode()).hexdigest()[:8]}"


def open_logger(config: Config, folder: Path, goes_on: bool = False) -> WandbLogger | None:
    """Return Lightning's logger on the W&B run below the experiment's ``folder``; None with ``tracking=disabled``.

    A run that ``goes_on`` from a checkpoint must log all its rows up to there again: W&B cannot resume offline, and
    online it may have fewer rows or more, of which none is sent twice. ``check`` comes first. Raises UserError
    where the server fails after it.
    """
    if config.tracking.mode == "disabled":
        return None
    import wandb

    from rnnbench.tracking.logger import ContinuedLogger

    online = config.tracking.mode == "online"
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob(f"wandb/*run-*-{wandb_id(config)}"):  # else rnnbench sync would upload it over the new one
        shutil.rmtree(old)
    try:
        with without_garbage_collection():
            run = wandb.init(
                project=config.tracking.project,
                entity=config.tracking.entity,
                dir=folder,
                id=wandb_id(config),
                name=config.run_id,
                group=config.tracking.group or config.name,
                config=config.to_dict(),
                mode="online" if online else "offline",
                resume="allow" if online and goes_on else None,
                settings=wandb.Settings(
                    console="off",
                    silent=True,
                    init_timeout=30,
                    finish_timeout=FINISH_TIMEOUT,
                    finish_timeout_raises=True,
                ),
            )
    except wandb.Error as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"tracking=online: {reason}; log in with 'wandb login', or use tracking=offline") from error
    # What Lightning's logger does for a run that it opens itself.
    run.define_metric("trainer/global_step")
    run.define_metric("*", step_metric="trainer/global_step", step_sync=True)
    return ContinuedLogger(experiment=run, known=run.starting_step)


def log_gradients(run: Any, probe: Probe) -> None:
    """Log what all probes of a run measured: curves over lag, and pictures.

    The first and the last profile of each part of the state are metrics ``grad_lag_log10/<initial|final>/...`` with
    ``lag`` as their step, so that the web page draws one curve a run and groups them by any key of the configuration.
    They are logarithms, so that the mean of a group is that of the report; where a norm is zero there is no point.
    """
    import numpy as np
    import wandb

    from rnnbench.tracking import charts

    arrays = {name: measured.values for name, measured in probe.arrays.items()}
    curves = {name: values for name, values in arrays.items() if f"{name}_median" in arrays}
    run.define_metric("lag", hidden=True)
    run.define_metric("grad_lag_log10/*", step_metric="lag")
    for lag in arrays["lag"]:
        row: dict[str, float] = {"lag": int(lag)}
        for name, norms in curves.items():
            for moment, index in (("initial", 0), ("final", -1)):
                for layer, directions in enumerate(norms[index, :, :, lag], start=1):
                    for direction, norm in zip(DIRECTIONS, directions, strict=False):
                        if norm > 0:
                            key = f"grad_lag_log10/{moment}/{name}-layer{layer}-{direction}"
                            row[key] = math.log10(norm)
        run.log(row)
    pictures = {
        "gradient_profile": charts.profiles(arrays["step"], arrays["state"]),
        "gradient_heat_map": charts.heat_map(arrays["step"], arrays["state"]),
    }
    if "lyapunov" in arrays:
        found = map(probe.of_headlines, ("lyapunov", "jacobian_largest", "jacobian_smallest"))
        pictures["jacobian_spectrum"] = charts.spectrum(*found)
    run.log({name: wandb.Image(picture) for name, picture in pictures.items()})
    if "time_constant" in arrays:
        for step, constants in zip(arrays["step"], probe.of_headlines("time_constant"), strict=True):
            # Powers of ten, because time constants span several.
            histogram = wandb.Histogram(np.log10(constants))
            run.log({"time_constants_log10": histogram, "trainer/global_step": int(step)})


def finish(logger: WandbLogger | None, record: Record, exit_code: int) -> None:
    """End a W&B run. Without it the next run of this process would be merged into it."""
    if logger is None:
        return
    run = logger.experiment
    folder, offline = Path(run.dir).parent, run.offline
    try:
        run.summary.update(
            {name: value for name, value in row(record).items() if "." not in name and value is not None}
        )
    finally:
        missing = _end(run, exit_code, None if offline else folder / "logs" / "debug-internal.log")
    if missing is not None:
        print(
            f"{record.run_id}: not all of it is in W&B ({missing}); upload it again with: "
            f"rnnbench sync {record.experiment} --runs-dir {record.config['runs_dir']}",
            file=sys.stderr,
            flush=True,
        )
    elif not offline:
        wandb_files.marker(folder).touch()


def _end(run: Any, exit_code: int, log: Path | None) -> str | None:
    """Finish the run; return why the server did not accept all of it, as the client's ``log`` tells online."""
    try:
        run.finish(exit_code=exit_code)
    except TimeoutError:
        return f"the server did not take it within {FINISH_TIMEOUT} s"
    return None if log is None else wandb_files.loss(log)
