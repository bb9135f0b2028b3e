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
        self.measured: list[dict[str, np.ndarray[Any, Any]]] = []

    def measure(self, learner: Any) -> None:
        batch = learner.transfer_batch_to_device(self.batch, learner.device, 0)
        self.steps.append(learner.global_step)
        self.measured.append(gradient_profile(learner.model, batch, self.loss))

    def on_train_start(self, trainer: Any, learner: Any) -> None:
        self.measure(learner)

    def on_train_batch_end(self, trainer: Any, learner: Any, *_: Any) -> None:
        if learner.global_step % self.every == 0:
            self.measure(learner)

    def on_train_end(self, trainer: Any, learner: Any) -> None:
        if self.steps[-1] != learner.global_step:
            self.measure(learner)

    @property
    def profiles(self) -> dict[str, np.ndarray[Any, Any]]:
        """The gradient norm of each part of the state: [probe, layer, direction, lag]."""
        return {part: np.stack([profile[part] for profile in self.measured]) for part in self.measured[0]}

    def summary(self) -> dict[str, Any]:
        """The decay of dL/dh_t in the last layer's forward direction before and after training, for the record."""
        profiles = np.nan_to_num(self.profiles["h"][:, -1, 0])
        return {"initial": fit_decay(profiles[0])._asdict(), "final": fit_decay(profiles[-1])._asdict()}

    def save(self, path: Path) -> None:
        """Writes gradients.npz: each part's profiles, their ``axes``, the ``step`` of each probe and each ``lag``."""
        arrays: dict[str, Any] = self.profiles
        lag = np.arange(arrays["h"].shape[-1])
        np.savez_compressed(path, axes=np.array(AXES), step=np.array(self.steps), lag=lag, **arrays)
