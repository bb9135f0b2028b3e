"""The probe: measures how the gradient flows back through time, before, during and after training."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as lightning
import torch

from rnnbench.gradients import Measured, Survey
from rnnbench.tasks import Batch


class Probe(lightning.Callback):
    """Applies ``survey`` (model, batch) to one fixed ``batch`` every ``every`` steps, first before the first step.

    The network is measured as it is at that moment; its engine, its mode and its training are left alone.
    """

    def __init__(self, survey: Callable[[Any, Batch], Survey], batch: Batch, every: int) -> None:
        self.survey, self.batch, self.every = survey, batch, every
        self.steps: list[int] = []
        self.surveys: list[Survey] = []

    def measure(self, learner: Any) -> None:
        """Measure one survey, unless the network has diverged: then there is nothing to measure."""
        batch = learner.transfer_batch_to_device(self.batch, learner.device, 0)
        try:
            found = self.survey(learner.model, batch)
        except FloatingPointError:
            return
        self.steps.append(learner.global_step)
        self.surveys.append(found)
        numbers = {name: value for name, value in found.scalars.items() if isinstance(value, int | float)}
        for logger in learner.loggers:
            logger.log_metrics(numbers, step=learner.global_step)

    def on_train_start(self, trainer: Any, learner: Any) -> None:
        if not self.steps:
            self.measure(learner)

    def on_train_batch_end(self, trainer: Any, learner: Any, *_: Any) -> None:
        if learner.global_step % self.every == 0 and learner.stepped:
            self.measure(learner)

    def on_train_end(self, trainer: Any, learner: Any) -> None:
        if self.steps[-1:] != [learner.global_step]:
            self.measure(learner)

    def state_dict(self) -> dict[str, Any]:
        """Return what was measured so far, as tensors and plain numbers."""
        return {"steps": list(self.steps), "surveys": [_plain(survey) for survey in self.surveys]}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.steps = list(state["steps"])
        self.surveys = [
            Survey({name: Measured(tuple(axes), values.numpy()) for name, (axes, values) in arrays.items()}, scalars)
            for arrays, scalars in state["surveys"]
        ]

    @property
    def arrays(self) -> dict[str, Measured]:
        """Every array over all probes, ``probe`` its first axis; ``step`` and ``lag`` are the coordinates."""
        names = self.surveys[0].arrays
        stacked = {
            name: Measured(("probe", *first.axes), np.stack([survey.arrays[name].values for survey in self.surveys]))
            for name, first in names.items()
        }
        lag = np.arange(names["state"].values.shape[-1])
        return stacked | {"step": Measured(("probe",), np.array(self.steps)), "lag": Measured(("lag",), lag)}

    def of_headlines(self, name: str) -> np.ndarray[Any, Any]:
        """Return an array [probe, ...] of each probe's headline: the layer and direction that reaches furthest."""
        return np.stack([survey.of_headline(name) for survey in self.surveys])

    def summary(self) -> dict[str, dict[str, float | str | None]]:
        """Return the numbers of the first and the last probe, for the record."""
        return {"initial": self.surveys[0].scalars, "final": self.surveys[-1].scalars}

    def save(self, path: Path) -> None:
        """Write an npz file: each array under its name, and the names of its axes under ``<name>.axes``."""
        arrays: dict[str, Any] = {name: measured.values for name, measured in self.arrays.items()}
        axes: dict[str, Any] = {f"{name}.axes": np.array(measured.axes) for name, measured in self.arrays.items()}
        with path.open("wb") as file:  # given a path, NumPy chooses its ending
            np.savez_compressed(file, **arrays, **axes)


def _plain(survey: Survey) -> tuple[dict[str, Any], dict[str, Any]]:
    arrays = {name: (list(m.axes), torch.from_numpy(np.array(m.values))) for name, m in survey.arrays.items()}
    numbers = {k: value.item() if isinstance(value, np.generic) else value for k, value in survey.scalars.items()}
    return arrays, numbers
