"""Checkpoints of interrupted runs: what ``last.ckpt`` holds beside Lightning's data, and how it is written and read.

A run that goes on ends with the numbers of one that was never interrupted, bit for bit: so the checkpoint also holds
the logged rows, the sums of unfinished windows, the carried state, the probe's surveys and torch's random state. It is
taken between two steps, when all work of the last one (its validation too) is done and nothing of the next has begun.
"""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as lightning
import torch
from pytorch_lightning.loggers import CSVLogger
from torchmetrics import Metric

from rnnbench.config import sources
from rnnbench.interruption import StopRequest
from rnnbench.network.states import leaves, rebuild
from rnnbench.store import records
from rnnbench.store.files import replacing
from rnnbench.store.records import Record
from rnnbench.training.learner import Learner
from rnnbench.training.meters import Meter
from rnnbench.training.probe import Probe
from rnnbench.training.trainer import train_on

FILE = "last.ckpt"
BEST = "best.ckpt"
"""The weights of the lowest validation loss, and the configuration; training cannot go on from it."""
OF_BEST = {"epoch", "global_step", "pytorch-lightning_version", "state_dict", "hyper_parameters"}
KEY = "rnnbench"


class History(CSVLogger):
    """metrics.csv, and its rows in memory: a process that dies may leave the file in pieces."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, name="", version="", flush_logs_every_n_steps=1)  # who watches a run reads it
        self.rows: list[tuple[int, dict[str, float]]] = []

    def log_metrics(self, metrics: Any, step: int | None = None) -> None:
        assert step is not None
        plain = {key: value.item() if isinstance(value, np.generic) else value for key, value in metrics.items()}
        self.rows.append((step, plain))
        super().log_metrics(plain, step)

    def means(self, metrics: Iterable[str]) -> dict[str, float]:
        """Return the mean of each metric over the rows that have it; a metric without any is absent."""
        found = {metric: [values[metric] for _, values in self.rows if metric in values] for metric in metrics}
        return {metric: float(np.mean(values)) for metric, values in found.items() if values}

    def has(self, metric: str, step: int) -> bool:
        """Return whether ``metric`` was logged at ``step``."""
        return any(at == step and metric in values for at, values in reversed(self.rows))


class Checkpoint(lightning.Callback):
    """Writes ``folder/last.ckpt`` every ``every`` steps and when the run is asked to ``stop``.

    And ``folder/best.ckpt`` after each validation with the lowest loss so far.
    """

    def __init__(self, folder: Path, record: Record, every: int, stop: StopRequest, history: History) -> None:
        self.path, self.best, self.every = folder / FILE, folder / BEST, every
        self.run_id, self.sources, self.probe = record.run_id, record.sources, record.config["probe"]
        self.patience = record.config["early_stop"].get("patience")
        self.stop, self.history = stop, history
        self.started = records.now()
        """When the first session began."""
        self.resumed = 0
        """How many times the run went on from a checkpoint."""
        self._earlier = 0.0
        self._began = time.perf_counter()
        self._saved_at = 0
        self._saving_best = self._begins = False
        self._random: dict[str, Any] | None = None

    @property
    def seconds(self) -> float:
        """Training so far, over all sessions, less what an interruption lost."""
        return self._earlier + time.perf_counter() - self._began

    def begin_from(self, start: Path) -> Path:
        """Prepare to train on from another run, in the folder ``start``, and return its checkpoint."""
        self._begins = True
        if (start / BEST).exists():
            shutil.copyfile(start / BEST, self.best)
        return start / FILE

    def save(self, trainer: lightning.Trainer) -> None:
        """Replace the checkpoint in one piece."""
        with replacing(self.path) as temporary:
            trainer.save_checkpoint(temporary)
        self._saved_at = trainer.global_step

    def on_validation_end(self, trainer: lightning.Trainer, learner: Any) -> None:
        if not trainer.sanity_checking and learner.best.get("step") == learner.global_step:
            self._saving_best = True
            with replacing(self.best) as temporary:
                trainer.save_checkpoint(temporary)
            self._saving_best = False

    def on_train_start(self, trainer: lightning.Trainer, learner: Any) -> None:
        self.stop.listen()  # Lightning's own handler of SIGTERM would end the run before its checkpoint
        learner.between_steps = self._between_steps
        if self._begins:
            train_on(trainer, self.patience)
        if self._random is not None:
            _set_random_state(learner.device, self._random)

    def on_train_end(self, trainer: lightning.Trainer, learner: Any) -> None:
        learner.between_steps = None

    def _between_steps(self, learner: Learner) -> None:
        due = learner.global_step % self.every == 0 and learner.global_step > self._saved_at
        if due or self.stop.requested:
            self.save(learner.trainer)
        if self.stop.requested:
            raise self.stop.interrupted

    def on_save_checkpoint(self, trainer: lightning.Trainer, learner: Any, checkpoint: dict[str, Any]) -> None:
        if self._saving_best:  # Lightning's own weights_only asks no callback, and one may put its mean of them in
            for key in checkpoint.keys() - OF_BEST:
                del checkpoint[key]
            return
        checkpoint[KEY] = {
            "run_id": self.run_id,
            "sources": self.sources,
            "probe": self.probe,
            "finished": learner.between_steps is None,
            "rows": list(self.history.rows),
            "started": self.started,
            "seconds": self.seconds,
            "resumed": self.resumed,
            "learner": _learner_state(learner),
            "random": _random_state(learner.device),
        }

    def on_load_checkpoint(self, trainer: lightning.Trainer, learner: Any, checkpoint: dict[str, Any]) -> None:
        state = checkpoint[KEY]
        self._earlier, self._saved_at, self._random = state["seconds"], checkpoint["global_step"], state["random"]
        if self._begins:
            if state["probe"] != self.probe:
                checkpoint["callbacks"].pop(Probe.__name__, None)  # its surveys would not fit those to come
            next_batch = {"batch": checkpoint["global_step"] * trainer.accumulate_grad_batches}
            checkpoint["loops"]["fit_loop"]["state_dict"] = {"combined_loader": [next_batch]}
        else:
            self.started, self.resumed = state["started"], state["resumed"] + 1
            trainer.should_stop = state["finished"]  # by a solved task or a loss that is not finite
        _restore_learner(learner, state["learner"])
        for step, values in state["rows"]:
            for logger in trainer.loggers:
                logger.log_metrics(values, step=step)


def read(folder: Path, run_id: str, now: dict[str, str], probe: dict[str, Any]) -> Path | None:
    """Return a resumable checkpoint; None, with a line on standard error, where it is damaged or of another run.

    It is also another's where it was made from other data or source code than ``now`` (``rnnbench.config.sources``), or
    measured by another ``probe``, whose surveys would not fit those to come.
    Nothing in the file is executed: it is read with ``weights_only``.
    """
    path = folder / FILE
    if not path.exists():
        return None
    try:
        state = torch.load(path, weights_only=True, map_location="cpu")[KEY]
        found = state["run_id"]
        reason = f"it belongs to {found}" if found != run_id else sources.changed(state.get("sources", {}), now)
        if not reason and state.get("probe") != probe:
            reason = f"it was measured by another probe, {state.get('probe')}"
    except Exception as error:  # a damaged file can raise anything
        reason = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else 'no reason given'}"
    if not reason:
        return path
    print(f"warning: {path} cannot be used, the run starts over ({reason})", file=sys.stderr, flush=True)
    return None


def _metrics(meter: Meter) -> dict[str, Metric]:
    return {"loss": meter.loss, **dict(meter.metrics.items())}


def _learner_state(learner: Learner) -> dict[str, Any]:
    """Return the learner's state beside its weights, as tensors and plain values."""
    return {
        "targets": learner.train_meter.targets,
        "by_length": dict(learner.train_meter.by_length),
        "meter": {name: dict(metric.metric_state) for name, metric in _metrics(learner.train_meter).items()},
        "gradients": dict(vars(learner.gradients)),
        "carried": {split: leaves(state) for split, state in learner.carried.items()},
        "best": learner.best,
        "last": learner.last,
        "solved_at": learner.solved_at,
        "diverged_at": learner.diverged_at,
        "window_seconds": learner.window_seconds,
        "engines": sorted(learner.engines),
    }


def _restore_learner(learner: Learner, state: dict[str, Any]) -> None:
    def here(value: Any) -> Any:
        return value.to(learner.device) if isinstance(value, torch.Tensor) else value

    for name, metric in _metrics(learner.train_meter).items():
        for key, value in state["meter"][name].items():
            setattr(metric, key, here(value))
    learner.train_meter.targets = state["targets"]
    learner.train_meter.by_length = dict(state.get("by_length", {}))  # older checkpoints have one length
    for key, value in state["gradients"].items():
        setattr(learner.gradients, key, here(value))
    learner.carried = {
        split: rebuild(learner.model.stack.initial_state(1), [here(part) for part in parts])
        for split, parts in state["carried"].items()
    }
    learner.best, learner.last = state["best"], state["last"]
    learner.solved_at, learner.diverged_at = state["solved_at"], state["diverged_at"]
    learner.window_seconds = state["window_seconds"]
    learner.earlier_engines = set(state.get("engines", ()))  # older checkpoints do not know


def _random_state(device: torch.device) -> dict[str, Any]:
    state = {"cpu": torch.get_rng_state()}
    return state | {"cuda": torch.cuda.get_rng_state(device)} if device.type == "cuda" else state


def _set_random_state(device: torch.device, state: dict[str, Any]) -> None:
    torch.set_rng_state(state["cpu"])
    if device.type == "cuda" and "cuda" in state:
        torch.cuda.set_rng_state(state["cuda"], device)
