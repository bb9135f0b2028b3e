"""A network that is denied the informative inputs cannot predict: nothing else in a sequence gives the target away."""

from dataclasses import asdict

import numpy as np
import pytest
import torch

from catalogue import TASK_ROWS, make_task
from rnnbench.network.cells import CELLS
from rnnbench.network.layers import Recurrent, Stack
from rnnbench.network.model import Model, last_loss
from rnnbench.tasks import TASKS
from rnnbench.training.data import to_torch

STEPS = 150
INFORMED = [name for name in TASK_ROWS if make_task(name).batch("train", 0, 0).informative is not None]


def denied(task, split, step):
    """A batch whose informative inputs come from another batch: plausible there, but not those of its targets."""
    batch, other = task.batch(split, 0, step), task.batch(split, 1, step)
    width = batch.inputs.shape[2:]
    flat = batch.inputs.reshape(-1, *width).copy()
    flat[batch.informative] = other.inputs.reshape(-1, *width)[batch.informative]
    return to_torch(batch._replace(inputs=flat.reshape(batch.inputs.shape)))


def constant_loss(task):
    """The last target's loss under the best constant prediction."""
    targets = np.concatenate([_last(task.batch("train", 0, step)) for step in range(200)])
    if task.loss == "mse":
        return targets.var(axis=0).mean()
    frequency = np.bincount(targets) / len(targets)
    return -np.sum(frequency[frequency > 0] * np.log(frequency[frequency > 0]))


def _last(batch):
    per_step = batch.targets.shape[:2] == batch.inputs.shape[:2] and batch.targets.dtype == np.int64
    if not per_step:
        return batch.targets
    if batch.lengths is None:
        return batch.targets[-1]
    return batch.targets[batch.lengths - 1, np.arange(len(batch.lengths))]


@pytest.mark.parametrize("name", INFORMED)
def test_without_the_informative_inputs_the_loss_stays_at_the_constant(name):
    options = TASK_ROWS[name].options
    task = TASKS[name](**(asdict(make_task(name)) | {"batch_size": max(32, options["batch_size"])}))
    stack = Stack([Recurrent(CELLS["lstm"](task.input_size, 24))])
    model = Model(stack, task.input_size, task.output_size, tokens=task.tokens, every_step=task.every_step)
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    for step in range(STEPS):
        optimizer.zero_grad()
        last_loss(model, denied(task, "train", step), task.loss).mean().backward()
        optimizer.step()
    with torch.no_grad():
        losses = [last_loss(model, denied(task, "test", step), task.loss).mean().item() for step in range(30)]
    assert np.mean(losses) > 0.93 * constant_loss(task)
