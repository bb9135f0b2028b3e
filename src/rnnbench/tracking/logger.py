"""Lightning's W&B logger for a run that may have begun before."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pytorch_lightning.loggers import WandbLogger


class ContinuedLogger(WandbLogger):
    """Leaves out the first ``known`` rows, which W&B already has: a run that goes on logs the same rows again."""

    def __init__(self, experiment: Any, known: int) -> None:
        super().__init__(experiment=experiment)
        self.known = known

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        if self.known > 0:
            self.known -= 1
        else:
            super().log_metrics(metrics, step)
