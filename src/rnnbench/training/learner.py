"""The one LightningModule: it trains any model on any task and measures its progress.

Nothing here waits for the device between two windows of ``log_every`` steps: sums stay where the model is.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

import pytorch_lightning as lightning
import torch
from pytorch_lightning.trainer.states import TrainerFn
from torch import Tensor
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau

from rnnbench.errors import UserError
from rnnbench.gradients import gradient_norms_by_group, membership
from rnnbench.network.model import Model, per_target_loss
from rnnbench.network.states import detach
from rnnbench.tasks import Batch, Split, Task
from rnnbench.training.meters import GradientMeter, Meter, may_clip


class Learner(lightning.LightningModule):
    """Trains ``model`` on ``task``.

    ``make_optimizer`` makes the optimizer of the model, with ``fused=True`` one that takes a step in one kernel where
    torch has such a kernel; ``make_schedule`` makes the schedule of its learning rate. A step is a step of the
    optimizer, however many batches it accumulates.

    With ``steps_per_execution`` above 1 Lightning hands over lists of so many batches, each for a step. The learner
    then clips itself, at ``clip``: (threshold, ``norm`` or ``value``).
    """

    def __init__(
        self,
        model: Model,
        task: Task,
        make_optimizer: Callable[..., torch.optim.Optimizer],
        make_schedule: Callable[[torch.optim.Optimizer], LRScheduler] | None = None,
        *,
        log_every: int,
        stop_when_solved: bool,
        steps_per_execution: int = 1,
        clip: tuple[float, str] | None = None,
    ) -> None:
        super().__init__()
        self.model = model
        self.task = task
        self.make_optimizer = make_optimizer
        self.make_schedule = make_schedule
        self.log_every = log_every
        self.stop_when_solved = stop_when_solved
        self.automatic_optimization = steps_per_execution == 1
        self.clip = clip
        self.solved_below = task.solved_below
        self.train_meter = self._meter(task, "train")
        self.validation_meter = self._meter(task, "validation")
        self.test_on(task, "test")
        self.gradients = GradientMeter()
        self.carried: dict[str, Any] = {}
        self.between_steps: Callable[[Learner], None] | None = None
        """Called between two training steps, with the last one wholly done and the next not begun."""
        self._window_started = 0.0
        self.window_seconds = 0.0
        """What the current window of ``log_every`` steps took before this session."""
        self._steps = 0
        self._accumulated = 0
        self._lr = math.nan
        self.solved_at: int | None = None
        self.diverged_at: int | None = None
        self.best: dict[str, float] = {}
        self.last: dict[str, float] = {}
        self.earlier_engines: set[str] = set()
        """Those that ran the cells in earlier sessions."""
        self.logged: dict[str, float] = {}
        """The last value of all that was logged."""

    def test_on(self, task: Task, prefix: str, *, whole: bool = False) -> None:
        """Prepare a test on ``task``, which fits the network; its metrics will be called ``prefix/...``.

        With ``whole`` the accuracy of whole sequences is one of them.
        """
        self.test_meter = self._meter(task, "test", whole).to(self.device)
        self.test_prefix = prefix

    @staticmethod
    def _meter(task: Task, split: Split, whole: bool = False) -> Meter:
        return Meter(task, task.baseline(split), task.floor(split), whole=whole)

    def configure_optimizers(self) -> Any:
        mixed = str(self.trainer.precision).endswith("mixed")  # where Lightning refuses to clip for a fused one
        optimizer = self.make_optimizer(self.model, fused=not mixed)
        if self.make_schedule is None:
            return optimizer
        schedule = self.make_schedule(optimizer)
        interval = "epoch" if isinstance(schedule, ReduceLROnPlateau) else "step"
        when = {"interval": interval, "monitor": "val/loss"} if self.automatic_optimization else {}
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, **when}}

    def lr_scheduler_step(self, scheduler: Any, metric: Any) -> None:
        if not isinstance(scheduler, ReduceLROnPlateau):  # which takes its step after each validation
            scheduler.step()

    def _forward(self, batch: Batch, split: str) -> tuple[Tensor, Tensor]:
        """Return the mean loss and the prediction; the state is carried on within the split's own text."""
        if not batch.fresh and split not in self.carried:
            raise UserError(f"task={self.task.name}: goes on from sequences with lengths; it must state carries = True")
        state = None if batch.fresh else self.carried[split]
        known = batch.lengths is None or self.task.carries  # else the states at the ends are not worth their time
        prediction, final = self.model(batch.inputs, batch.lengths, state, final=known)
        if known:
            self.carried[split] = detach(final)
        losses = per_target_loss(self.task.loss, prediction, batch.targets)
        if batch.counted is not None:
            losses = losses.flatten()[batch.counted]
        return losses.mean(), prediction

    def training_step(self, batch: Any, index: int) -> Tensor | None:
        self._accumulated += 1
        if self.automatic_optimization:
            return self._loss(batch)
        for each in batch if isinstance(batch, list) else [batch]:
            self._take_step(each)
        return None

    def _loss(self, batch: Batch) -> Tensor:
        loss, prediction = self._forward(batch, "train")
        self.train_meter.update(loss.detach(), prediction.detach(), batch)
        return loss

    def _take_step(self, batch: Batch) -> None:
        """Do what Lightning does for a batch with automatic optimization, in the same order."""
        optimizer: Any = self.optimizers()
        loss = self._loss(batch)
        self.model.zero_grad()  # takes less time than the optimizer's
        self.manual_backward(loss)
        self.configure_gradient_clipping(optimizer, *(self.clip or ()))
        optimizer.step()
        if self.make_schedule is not None:
            self.lr_scheduler_step(self.lr_schedulers(), None)
        self._constrain()

    def backward(self, loss: Tensor, *args: Any, **kwargs: Any) -> None:
        """As Lightning's, with subnormal numbers as zero: a vanishing gradient ends in them, and they are slow."""
        torch.set_flush_denormal(True)
        try:
            super().backward(loss, *args, **kwargs)
        finally:
            torch.set_flush_denormal(False)

    def configure_gradient_clipping(
        self, optimizer: Any, gradient_clip_val: float | None = None, gradient_clip_algorithm: str | None = None
    ) -> None:
        self._lr = optimizer.param_groups[0]["lr"]
        gradients = [p.grad for p in self.model.parameters() if p.grad is not None]
        before = after = gradient_norms_by_group(gradients, self.groups)
        if gradient_clip_val is not None and may_clip(before[0], gradient_clip_val, gradient_clip_algorithm):
            self.clip_gradients(optimizer, gradient_clip_val, gradient_clip_algorithm)
            after = gradient_norms_by_group(gradients, self.groups)
        self.gradients.update(before, after)

    def on_train_start(self) -> None:
        self.groups = membership(self.model)
        self._window_started = time.perf_counter() - self.window_seconds
        self._steps, self._accumulated = self.global_step, 0

    def on_before_batch_transfer(self, batch: Batch, dataloader_idx: int) -> Batch:
        if self.between_steps is not None and self.trainer.training and self._accumulated == 0:
            self.window_seconds = time.perf_counter() - self._window_started
            self.between_steps(self)
        return batch

    @property
    def engines(self) -> set[str]:
        """The names of the engines that ran the cells in training."""
        return self.earlier_engines.union(*(each.trained_by() for each in self.model.stack.directions()))

    @property
    def stepped(self) -> bool:
        """Whether the optimizer took its step after the last batch; else the gradient waits for the next batches'."""
        return self.global_step != self._steps

    def on_train_batch_end(self, *_: Any) -> None:
        if not self.stepped:
            return
        self._steps, self._accumulated = self.global_step, 0
        if self.automatic_optimization:
            self._constrain()
        if self.global_step % self.log_every == 0:
            values = self.train_meter.flush("train") | self.gradients.flush()
            values["lr"] = self._lr
            values["steps_per_second"] = self.log_every / (time.perf_counter() - self._window_started)
            self._log(values)
            self.log("train/loss", values["train/loss"], logger=False, on_step=True, on_epoch=False)
            self._watch(values["train/loss"])
            self._window_started = time.perf_counter()

    def _constrain(self) -> None:
        for direction in self.model.stack.directions():
            direction.cell.constrain()

    def on_validation_start(self) -> None:
        self._validation_started = time.perf_counter()

    def validation_step(self, batch: Batch, index: int) -> None:
        self.validation_meter.update(*self._forward(batch, "validation"), batch)

    def on_validation_epoch_end(self) -> None:
        values = self.validation_meter.flush("val")
        if self.trainer.sanity_checking:
            return
        self._log(values)
        self.log_dict(values, logger=False)
        self.last |= values
        loss = values["val/loss"]
        self._watch(loss)
        if math.isfinite(loss) and loss < self.best.get("val/loss", math.inf):
            self.best = values | {"step": self.global_step}
        schedule = self.lr_schedulers()
        if isinstance(schedule, ReduceLROnPlateau) and self.trainer.state.fn == TrainerFn.FITTING:
            schedule.step(loss)
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
        self.log_dict(values, logger=False)
        self.last |= values

    def _log(self, values: dict[str, float]) -> None:
        self.logged |= values
        for logger in self.loggers:  # self.log would cost every step what is needed once a window
            logger.log_metrics(values, step=self.global_step)

    def _watch(self, loss: float) -> None:
        if not math.isfinite(loss) and self.diverged_at is None:
            self.diverged_at = self.global_step
            self.trainer.should_stop = True
