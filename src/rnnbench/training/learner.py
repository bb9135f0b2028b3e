"""The one LightningModule: it trains any model on any task and measures what happens on the way.

Nothing here waits for the device between two windows of ``log_every`` steps: sums stay where the model is.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

import pytorch_lightning as lightning
import torch
from torch import Tensor, nn
from torchmetrics import MeanSquaredError, Metric, MetricCollection, SumMetric
from torchmetrics.classification import MulticlassAccuracy
from torchmetrics.text import Perplexity

from rnnbench.gradients import GROUPS, gradient_norms_by_group, membership
from rnnbench.network.model import Model, per_target_loss
from rnnbench.network.states import detach
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
        """Adds one batch: its mean ``loss``, by the number of its targets, and its prediction at scored positions."""
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
        """The values since the last flush, named ``prefix/loss``, ``prefix/score``, ``prefix/<metric>``."""
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
        """Adds one step: its norms [1 + GROUPS] before and after clipping."""
        clipped = after[0] < before[0]
        self.steps += 1
        self.before = self.before + before
        self.after = self.after + after
        self.clipped = self.clipped + clipped
        self.scale = self.scale + torch.where(clipped, after[0] / before[0], 0)

    def flush(self) -> dict[str, float]:
        """Means over the steps since the last flush; ``clip_scale``, over the clipped ones, is absent without any."""
        values = {"clip_rate": float(self.clipped) / self.steps}
        if values["clip_rate"] > 0:
            values["clip_scale"] = float(self.scale) / float(self.clipped)
        for name, norms in (("grad_norm_before", self.before), ("grad_norm_after", self.after)):
            whole, *groups = (norms / self.steps).tolist()
            values[name] = whole
            values |= {f"{name}/{group}": norm for group, norm in zip(GROUPS, groups, strict=True)}
        self.reset()
        return values


class Learner(lightning.LightningModule):
    """Trains ``model`` on ``task`` with an optimizer made by ``make_optimizer`` from the parameters."""

    def __init__(
        self,
        model: Model,
        task: Task,
        make_optimizer: Callable[[Any], torch.optim.Optimizer],
        *,
        log_every: int,
        stop_when_solved: bool,
    ) -> None:
        super().__init__()
        self.model = model
        self.task = task
        self.make_optimizer = make_optimizer
        self.log_every = log_every
        self.stop_when_solved = stop_when_solved
        self.solved_below = task.solved_below
        self.train_meter = Meter(task, task.baseline("train"))
        self.validation_meter = Meter(task, task.baseline("validation"))
        self.test_on(task, "test")
        self.gradients = GradientMeter()
        self.carried: dict[str, Any] = {}
        self.between_steps: Callable[[Learner], None] | None = None
        """Called between two training steps, with the last one wholly done and the next not begun."""
        self._window_started = 0.0
        self.window_seconds = 0.0
        """What the current window of ``log_every`` steps took before this session."""
        self.solved_at: int | None = None
        self.diverged_at: int | None = None
        self.best: dict[str, float] = {}
        self.last: dict[str, float] = {}

    def test_on(self, task: Task, prefix: str) -> None:
        """Prepares a test on ``task``, which fits the network; its metrics will be called ``prefix/...``."""
        self.test_meter = Meter(task, task.baseline("test")).to(self.device)
        self.test_prefix = prefix

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return self.make_optimizer(self.model.parameters())

    def _forward(self, batch: Batch, split: str) -> tuple[Tensor, Tensor]:
        """The mean loss and the prediction, the state carried on within the split's own text."""
        state = None if batch.fresh else self.carried[split]
        prediction, final = self.model(batch.inputs, batch.lengths, state)
        self.carried[split] = detach(final)
        losses = per_target_loss(self.task.loss, prediction, batch.targets)
        if batch.counted is not None:
            losses = losses.flatten()[batch.counted]
        return losses.mean(), prediction

    def training_step(self, batch: Batch, index: int) -> Tensor:
        loss, prediction = self._forward(batch, "train")
        self.train_meter.update(loss.detach(), prediction.detach(), batch)
        return loss

    def configure_gradient_clipping(
        self,
        optimizer: Any,
        gradient_clip_val: float | None = None,
        gradient_clip_algorithm: str | None = None,
    ) -> None:
        gradients = [p.grad for p in self.model.parameters() if p.grad is not None]
        before = after = gradient_norms_by_group(gradients, self.groups)
        if gradient_clip_val is not None:
            self.clip_gradients(optimizer, gradient_clip_val, gradient_clip_algorithm)
            after = gradient_norms_by_group(gradients, self.groups)
        self.gradients.update(before, after)

    def on_train_start(self) -> None:
        self.groups = membership(self.model)
        self._window_started = time.perf_counter() - self.window_seconds

    def on_before_batch_transfer(self, batch: Batch, dataloader_idx: int) -> Batch:
        if self.between_steps is not None and self.trainer.training:
            self.window_seconds = time.perf_counter() - self._window_started
            self.between_steps(self)
        return batch

    def on_train_batch_end(self, *_: Any) -> None:
        for layer in self.model.stack.ways():
            for direction in layer:
                direction.cell.constrain()
        if self.global_step % self.log_every == 0:
            values = self.train_meter.flush("train") | self.gradients.flush()
            values["steps_per_second"] = self.log_every / (time.perf_counter() - self._window_started)
            self._log(values)
            self._watch(values["train/loss"])
            self._window_started = time.perf_counter()

    def on_validation_start(self) -> None:
        self._validation_started = time.perf_counter()

    def validation_step(self, batch: Batch, index: int) -> None:
        self.validation_meter.update(*self._forward(batch, "validation"), batch)

    def on_validation_epoch_end(self) -> None:
        values = self.validation_meter.flush("val")
        self._log(values)
        self.last |= values
        loss = values["val/loss"]
        self._watch(loss)
        if math.isfinite(loss) and loss < self.best.get("val/loss", math.inf):
            self.best = values | {"step": self.global_step}
        if self.solved_below is not None and loss < self.solved_below and self.solved_at is None:
            self.solved_at = self.global_step
            self.trainer.should_stop |= self.stop_when_solved

    def on_validation_end(self) -> None:
        self._window_started += time.perf_counter() - self._validation_started

    def test_step(self, batch: Batch, index: int) -> None:
        self.test_meter.update(*self._forward(batch, "test"), batch)

    def on_test_epoch_end(self) -> None:
        values = self.test_meter.flush(self.test_prefix)
        self._log(values)
        self.last |= values

    def _log(self, values: dict[str, float]) -> None:
        for logger in self.loggers:  # self.log would cost every step what is needed once a window
            logger.log_metrics(values, step=self.global_step)

    def _watch(self, loss: float) -> None:
        if not math.isfinite(loss) and self.diverged_at is None:
            self.diverged_at = self.global_step
            self.trainer.should_stop = True
