"""The probe: measures how the gradient flows back through time, before, during and after training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as lightning

from rnnbench.gradients import fit_decay, gradient_profile
from rnnbench.tasks import Batch

AXES = ("probe", "layer", "direction", "lag")


class Probe(lightning.Callback):
    """Records the gradient profile of one fixed ``batch`` every ``every`` steps, first before the first step."""

    def __init__(self, batch: Batch, loss: str, every: int) -> None:
        self.batch, self.loss, self.every = batch, loss, every
        self.steps: list[int] = []
        self.profiles: list[np.ndarray[Any, Any]] = []

    def measure(self, learner: Any) -> None:
        batch = learner.transfer_batch_to_device(self.batch, learner.device, 0)
        self.steps.append(learner.global_step)
        self.profiles.append(gradient_profile(learner.model, batch, self.loss))

    def on_train_start(self, trainer: Any, learner: Any) -> None:
        self.measure(learner)

    def on_train_batch_end(self, trainer: Any, learner: Any, *_: Any) -> None:
        if learner.global_step % self.every == 0:
            self.measure(learner)

    def on_train_end(self, trainer: Any, learner: Any) -> None:
        if self.steps[-1] != learner.global_step:
            self.measure(learner)

    def summary(self) -> dict[str, Any]:
        """The decay of the last layer's forward direction before and after training, for the record."""
        return {
            moment: fit_decay(np.nan_to_num(self.profiles[index][-1, 0]))._asdict()
            for moment, index in (("initial", 0), ("final", -1))
        }

    def save(self, path: Path) -> None:
        """Writes gradients.npz: ``h`` with the axes named in ``h_axes``, ``step`` along probe, ``lag`` along lag."""
        profiles = np.stack(self.profiles)
        np.savez_compressed(
            path, h=profiles, h_axes=np.array(AXES), step=np.array(self.steps), lag=np.arange(profiles.shape[-1])
        )
