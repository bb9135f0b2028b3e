"""Opens the W&B run of a run, under its own id, and always finishes it, with its outcome.

All runs of an experiment share ``<runs_dir>/<name>/wandb``, so that ``wandb leet`` overlays them and
``rnnbench sync`` uploads them together. The group is the setting, the job type tells tuning from reported runs, the
tags are the task, the cell and the experiment. The config is the whole configuration, with what the network costs and
where the code comes from; the summary has the columns of runs.csv. Loads nothing heavy before a run is opened.
"""

from __future__ import annotations

import hashlib
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rnnbench.config.schema import Config
from rnnbench.errors import UserError
from rnnbench.outcomes.columns import COST, REPORT, TUNING, row
from rnnbench.store.records import Record
from rnnbench.store.status import Status
from rnnbench.tracking import names, wandb_files
from rnnbench.tracking.artifacts import log_files
from rnnbench.tracking.garbage_collection import without_garbage_collection

if TYPE_CHECKING:
    from pytorch_lightning.loggers import WandbLogger

FINISH_TIMEOUT = 300
"""Seconds that the end of a run waits for a server that does not take its data. The client would wait for hours."""
PHASES = {"tune": TUNING, "report": REPORT}


def wandb_id(config: Config) -> str:
    """Return the id within the W&B project: a hash of the run_id and the experiment, which may share a configuration.

    The server takes 64 characters; the readable name of the run is made of what its sweep varies.
    """
    return f"{config.run_id.rpartition('-')[2]}-{hashlib.sha256(config.name.encode()).hexdigest()[:8]}"


def open_logger(config: Config, folder: Path, record: Record, goes_on: bool = False) -> WandbLogger | None:
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
                dir=folder.resolve(),  # the service may be that of another process, in another folder
                id=wandb_id(config),
                name=names.display_name(config),
                group=config.tracking.group or names.group(config),
                job_type=config.tracking.job_type,
                tags=names.tags(config),
                notes=record.command or None,
                config=facts(config, record),
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
    if online:
        print(f"{config.run_id}: {run.url}", flush=True)
    return ContinuedLogger(experiment=run, known=run.starting_step)


def facts(config: Config, record: Record) -> dict[str, Any]:
    """Return W&B's config of a run: its configuration, and what is known of it before it starts."""
    known: Any = {
        "experiment": config.name,
        "setting": names.setting(config),
        "phase": PHASES[config.tracking.job_type],
        "run_id": config.run_id,
        "commit": record.commit,
        "versions": record.versions,
    }
    return config.to_dict() | known | {each.name: each.value(record) for each in COST}


def finish(logger: WandbLogger | None, record: Record, exit_code: int) -> None:
    """End a W&B run. Without it the next run of this process would be merged into it."""
    if logger is None:
        return
    run = logger.experiment
    folder, offline = Path(run.dir).parent, run.offline
    try:
        run.summary.update(summary(record))
        if record.status != Status.INTERRUPTED:  # else it goes on
            log_files(run, record)
            if not offline and record.reason is not None:
                run.alert(title=f"{run.name}: {record.status}", text=record.reason, level="ERROR")
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


def summary(record: Record) -> dict[str, Any]:
    """Return the columns of runs.csv that have a value, and of a run that failed its whole error.

    The entry of provenance.json is known only to a result; that a tuning run is unused, too.
    """
    columns = {name: value for name, value in row(record).items() if "." not in name and value is not None}
    columns["phase"] = PHASES[record.config["tracking"]["job_type"]]
    texts = {"error": record.error, "warnings": "\n".join(record.warnings)}
    return columns | {name: text for name, text in texts.items() if text}


def _end(run: Any, exit_code: int, log: Path | None) -> str | None:
    """Finish the run; return why the server did not accept all of it, as the client's ``log`` tells online."""
    try:
        run.finish(exit_code=exit_code)
    except TimeoutError:
        return f"the server did not take it within {FINISH_TIMEOUT} s"
    return None if log is None else wandb_files.loss(log)
