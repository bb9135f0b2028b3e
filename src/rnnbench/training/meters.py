"""Measurements over several batches: the loss, the metrics of a task, and the gradient of the parameters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torchmetrics import MeanSquaredError, Metric, MetricCollection, NormalizedRootMeanSquaredError, SumMetric
from torchmetrics.classification import MulticlassAccuracy
from torchmetrics.text import Perplexity

from rnnbench.gradients import GROUPS
from rnnbench.tasks import Batch, Task


class BitsPerCharacter(Perplexity):
    """The base-2 logarithm of the perplexity."""

    def compute(self) -> Tensor:
        return torch.log2(super().compute())


class ReadError(MulticlassAccuracy):
    """The share of answers that are wrong."""

    higher_is_better = False

    def compute(self) -> Tensor:
        return 1 - super().compute()


class SequenceAccuracy(Metric):
    """The share of sequences, among those with a scored position, whose scored positions are all right."""

    higher_is_better = True
    full_state_update = False
    right: Tensor
    total: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.add_state("right", torch.tensor(0), dist_reduce_fx="sum")
        self.add_state("total", torch.tensor(0), dist_reduce_fx="sum")

    def update(self, prediction: Tensor, targets: Tensor, sequences: Tensor, size: int) -> None:
        """Add predictions [N, O] and targets [N] of the ``sequences`` [N], each below ``size``."""
        none = targets.new_zeros(size)
        scored = none.index_add(0, sequences, torch.ones_like(targets))
        errors = none.index_add(0, sequences, (prediction.argmax(dim=-1) != targets).to(targets.dtype))
        self.right += ((scored > 0) & (errors == 0)).sum()
        self.total += (scored > 0).sum()

    def compute(self) -> Tensor:
        return self.right / self.total


def _accuracy(task: Task) -> Metric:
    return MulticlassAccuracy(task.output_size, average="micro", validate_args=False)


METRICS: dict[str, Callable[[Task], dict[str, Metric | MetricCollection]]] = {
    "accuracy": lambda task: {"accuracy": _accuracy(task)},
    "sequence_accuracy": lambda task: {"sequence_accuracy": SequenceAccuracy(), "accuracy": _accuracy(task)},
    "read_error": lambda task: {"read_error": ReadError(task.output_size, average="micro", validate_args=False)},
    "bits_per_character": lambda task: {"bits_per_character": BitsPerCharacter(), "perplexity": Perplexity()},
    "mse": lambda task: {"mse": MeanSquaredError()},
    "nrmse": lambda task: {"nrmse": NormalizedRootMeanSquaredError("std"), "mse": MeanSquaredError()},
}


class Meter(nn.Module):
    """The mean loss, the task's metrics and the score (1 - loss / baseline) over any number of batches.

    ``excess_loss`` is the loss above ``floor``, that of a perfect predictor, where this is above zero. Of batches of
    several lengths, baseline and floor are the means over all their targets. With ``whole`` the accuracy is measured of
    whole sequences too.
    """

    def __init__(self, task: Task, baseline: float, floor: float = 0.0, *, whole: bool = False) -> None:
        super().__init__()
        self.task, self.baseline, self.floor = task, baseline, floor
        self.loss = SumMetric(nan_strategy="disable")  # a loss that is not finite must be seen
        self.targets = 0  # MeanMetric would ignore its weights with this nan_strategy
        self.by_length: dict[int, int] = {}
        """How many of the targets are from batches of each length, where batches say theirs."""
        self.facts: dict[int, tuple[float, float]] = {}
        measured = METRICS[task.metric](task)
        if whole and task.metric in ("accuracy", "read_error"):
            measured["sequence_accuracy"] = SequenceAccuracy()
        self.metrics = MetricCollection(measured)

    def update(self, loss: Tensor, prediction: Tensor, batch: Batch) -> None:
        """Add one batch: its mean ``loss``, by the number of its targets, and its prediction at scored positions."""
        targets = batch.targets
        every_step = prediction.dim() == 3
        count = prediction.shape[:-1].numel() if batch.counted is None else len(batch.counted)
        self.loss.update(loss * count)
        self.targets += count
        if batch.length is not None:
            self.by_length[batch.length] = self.by_length.get(batch.length, 0) + count
        size = prediction.shape[-2]
        sequences = torch.arange(size, device=prediction.device)
        if every_step:
            sequences = sequences.repeat(len(prediction))
            prediction, targets = prediction.flatten(0, 1), targets.flatten(0, 1)
        if batch.scored is not None:
            prediction, targets, sequences = (each[batch.scored] for each in (prediction, targets, sequences))
        if "perplexity" in self.metrics:
            prediction, targets = prediction[None], targets[None]
        self.metrics.update(prediction, targets, sequences=sequences, size=size)

    def flush(self, prefix: str) -> dict[str, float]:
        """Return the values since the last flush, named ``prefix/loss``, ``prefix/score``, ``prefix/<metric>``."""
        loss = float(self.loss.compute()) / self.targets
        baseline, floor = self._facts()
        values = {"loss": loss, "score": 1 - loss / baseline}
        if floor > 0:
            values["excess_loss"] = loss - floor
        values |= {name: float(value) for name, value in self.metrics.compute().items()}
        self.loss.reset()
        self.targets = 0
        self.by_length = {}
        self.metrics.reset()
        return {f"{prefix}/{name}": value for name, value in values.items()}

    def _facts(self) -> tuple[float, float]:
        """Return the baseline and the floor of the training batches since the last flush."""
        if not self.by_length:
            return self.baseline, self.floor
        for length in self.by_length.keys() - self.facts.keys():
            task = self.task.at_length(length)
            self.facts[length] = task.baseline("train"), task.floor("train")
        shares = {length: count / self.targets for length, count in self.by_length.items()}
        baseline = sum(share * self.facts[length][0] for length, share in shares.items())
        return baseline, sum(share * self.facts[length][1] for length, share in shares.items())


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


def may_clip(norm: Tensor, threshold: float, kind: str | None) -> bool:
    """Return whether clipping may change a gradient of this norm: always on a GPU, which is not waited for."""
    # torch takes the norm in the gradients' precision, which is a little off this one.
    return norm.device.type != "cpu" or kind != "norm" or not bool(norm < 0.999 * threshold)
