"""Measurements over several batches: the loss, the metrics of a task, and the gradient of the parameters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torchmetrics import MeanSquaredError, Metric, MetricCollection, SumMetric
from torchmetrics.classification import MulticlassAccuracy
from torchmetrics.text import Perplexity

from rnnbench.gradients import GROUPS
from rnnbench.tasks import Batch, Task


class BitsPerCharacter(Perplexity):
    """The base-2 logarithm of the perplexity."""

    def compute(self) -> Tensor:
        return torch.log2(super().compute())


METRICS: dict[str, Callable[[Task], dict[str, Metric | MetricCollection]]] = {
    "accuracy": lambda task: {"accuracy": MulticlassAccuracy(task.output_size, average="micro", validate_args=False)},
    "bits_per_character": lambda task: {"bits_per_character": BitsPerCharacter(), "perplexity": Perplexity()},
    "mse": lambda task: {"mse": MeanSquaredError()},
}


class Meter(nn.Module):
    """The mean loss, the task's metrics and the score (1 - loss / baseline) over any number of batches."""

    def __init__(self, task: Task, baseline: float) -> None:
        super().__init__()
        self.baseline = baseline
        self.loss = SumMetric(nan_strategy="disable")  # a loss that is not finite must be seen
        self.targets = 0  # MeanMetric would ignore its weights with this nan_strategy
        self.metrics = MetricCollection(METRICS[task.metric](task))

    def update(self, loss: Tensor, prediction: Tensor, batch: Batch) -> None:
        """Add one batch: its mean ``loss``, by the number of its targets, and its prediction at scored positions."""
        targets = batch.targets
        count = len(targets) if targets.is_floating_point() else targets.numel()
        count = count if batch.counted is None else len(batch.counted)
        self.loss.update(loss * count)
        self.targets += count
        if not targets.is_floating_point():
            prediction, targets = prediction.flatten(0, -2), targets.flatten()
            if batch.scored is not None:
                prediction, targets = prediction[batch.scored], targets[batch.scored]
            if "perplexity" in self.metrics:
                prediction, targets = prediction[None], targets[None]
        self.metrics.update(prediction, targets)

    def flush(self, prefix: str) -> dict[str, float]:
        """Return the values since the last flush, named ``prefix/loss``, ``prefix/score``, ``prefix/<metric>``."""
        loss = float(self.loss.compute()) / self.targets
        values = {"loss": loss, "score": 1 - loss / self.baseline}
        values |= {name: float(value) for name, value in self.metrics.compute().items()}
        self.loss.reset()
        self.targets = 0
        self.metrics.reset()
        return {f"{prefix}/{name}": value for name, value in values.items()}


class GradientMeter:
    """Norms of the parameter gradient before and after clipping, and how often and how far clipping changed it.

    All sums are tensors on the model's device; the first entry of a norm is the whole, the others are GROUPS.
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.steps = 0
        self.before: Any = 0
        self.after: Any = 0
        self.clipped: Any = 0
        self.scale: Any = 0

    def update(self, before: Tensor, after: Tensor) -> None:
        """Add one step: its norms [1 + GROUPS] before and after clipping."""
        clipped = after[0] < before[0]
        self.steps += 1
        self.before = self.before + before
        self.after = self.after + after
        self.clipped = self.clipped + clipped
        self.scale = self.scale + torch.where(clipped, after[0] / before[0], 0)

    def flush(self) -> dict[str, float]:
        """Return means over the steps since the last flush; ``clip_scale``, over clipped steps, is absent without."""
        values = {"clip_rate": float(self.clipped) / self.steps}
        if values["clip_rate"] > 0:
            values["clip_scale"] = float(self.scale) / float(self.clipped)
        for name, norms in (("grad_norm_before", self.before), ("grad_norm_after", self.after)):
            whole, *groups = (norms / self.steps).tolist()
            values[name] = whole
            values |= {f"{name}/{group}": norm for group, norm in zip(GROUPS, groups, strict=True)}
        self.reset()
        return values
