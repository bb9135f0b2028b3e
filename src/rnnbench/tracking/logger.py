"""Lightning's W&B logger, for a run that may have begun before, with an exact definition of every key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pytorch_lightning.loggers import WandbLogger

from rnnbench.tracking.keys import STEP


class ContinuedLogger(WandbLogger):
    """Leaves out the first ``known`` rows, which W&B already has: a run that goes on logs the same rows again.

    It defines each key when it comes first. One pattern for all would not do: where several match a key, such as that
    of a curve over lag, the client takes any.
    """

    def __init__(self, experiment: Any, known: int) -> None:
        super().__init__(experiment=experiment)
        self.known = known
        self.defined: set[str] = set()
        experiment.define_metric(STEP)

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        for key in metrics.keys() - self.defined:
            self.experiment.define_metric(key, step_metric=STEP)
            self.defined.add(key)
        if self.known > 0:
            self.known -= 1
        else:
            super().log_metrics(metrics, step)
