"""How training goes: a live line on a terminal, elsewhere and in the log a line now and then."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Any

import pytorch_lightning as lightning
from pytorch_lightning.trainer.states import TrainerFn
from rich.live import Live
from rich.text import Text

from rnnbench.store.run_log import LOGGER, PROGRESS, duration
from rnnbench.training.learner import Learner

LINES = 10
"""In the log of a whole training, at validations."""
REFRESH = 0.2  # seconds between two looks of the live line


class Progress(lightning.Callback):
    """Shows step, losses, speed and the time left of up to ``max_steps``; a context, within which training is."""

    def __init__(self, max_steps: int) -> None:
        self.max_steps = max_steps
        self.live = Live(auto_refresh=False, transient=True)
        self._first = self._tenth = 0
        self._began = self._drawn = time.monotonic()

    def __enter__(self) -> Progress:
        if self.live.console.is_terminal:
            self.live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.live.stop()

    def on_train_start(self, trainer: lightning.Trainer, learner: lightning.LightningModule) -> None:
        self._first, self._began = trainer.global_step, time.monotonic()
        self._tenth = LINES * self._first // self.max_steps

    def on_train_batch_end(
        self, trainer: lightning.Trainer, learner: lightning.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if self.live.is_started and (now := time.monotonic()) - self._drawn >= REFRESH:
            self._drawn = now
            self.live.update(Text(self._line(trainer.global_step, learner), no_wrap=True), refresh=True)

    def on_validation_end(self, trainer: lightning.Trainer, learner: lightning.LightningModule) -> None:
        tenth = LINES * trainer.global_step // self.max_steps
        if trainer.state.fn == TrainerFn.FITTING and tenth > self._tenth:
            self._tenth = tenth
            LOGGER.log(PROGRESS, self._line(trainer.global_step, learner))

    def _line(self, step: int, learner: lightning.LightningModule) -> str:
        assert isinstance(learner, Learner)
        taken = step - self._first
        parts = [f"step {step} of {self.max_steps}"]
        for key, name, digits in (("train/loss", "loss", ".4g"), ("val/score", "validation score", ".3f")):
            if key in learner.logged:
                parts.append(f"{name} {learner.logged[key]:{digits}}")
        if taken:
            pace = (time.monotonic() - self._began) / taken
            parts.append(f"{1 / pace:.3g} steps/s")
            if step < self.max_steps:
                parts.append(f"at most {duration(pace * (self.max_steps - step))} left")
        return ", ".join(parts)
