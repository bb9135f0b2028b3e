"""Training at a range of lengths, ``task.train_lengths=[low, high]``.

Each training batch is of one length, all lengths from low to high that the task has being equally likely. Which one is
a function of the seed and the number of the batch alone, so a run that is resumed trains on the same. Validation, which
says whether the task is solved, stays at ``task.length``.
"""

from __future__ import annotations

import numpy as np

from rnnbench.errors import UserError
from rnnbench.tasks.base import SPLITS, Split, Task
from rnnbench.tasks.batch import Batch
from rnnbench.tasks.philox import Key

DRAWS = len(SPLITS) << 60
"""Sets the stream of lengths apart from those of all splits."""
MOST = 32
"""Lengths whose tasks are kept."""


def lengths(task: Task) -> range:
    """Return the lengths of a task's training batches."""
    low, high = task.train_lengths or (task.length, task.length)
    return range(low, high + 1, task.spacing)


def drawn(task: Task, seed: int, step: int) -> int:
    """Return the length of the training batch number ``step``."""
    found = lengths(task)
    random = np.random.Generator(np.random.Philox(Key(seed, DRAWS | step)))  # type: ignore[arg-type]
    return found[int(random.integers(len(found)))]


def batch(task: Task, split: Split, seed: int, step: int) -> Batch:
    """Return the batch number ``step`` of a split; a training batch of a range of lengths says its ``length``."""
    if split != "train" or not task.train_lengths:
        return task.batch(split, seed, step)
    length = drawn(task, seed, step)
    return _at(task, length).batch(split, seed, step)._replace(length=length)


def _at(task: Task, length: int) -> Task:
    """Return the task at a length; with what it has drawn ahead, where it was asked for lately."""
    kept = task.of_lengths
    if length not in kept:
        while len(kept) >= MOST:
            del kept[next(iter(kept))]
        kept[length] = task.at_length(length)
    return kept[length]


def check(task: Task) -> None:
    """Raise UserError where one network cannot be trained at all ``train_lengths`` of the task."""
    if not task.train_lengths:
        return
    setting = f"task.train_lengths={task.train_lengths}"
    if task.lengths_by:
        own = f"task.{task.lengths_by}"
        raise UserError(f"{setting}: task={task.name} draws a length for each string; give {own} and task.length")
    if not (task.longer and task.drawn):
        raise UserError(f"{setting}: task={task.name} is trained at one length; leave it empty")
    if len(task.train_lengths) != 2 or task.train_lengths[0] > task.train_lengths[1]:
        raise UserError(f"{setting}: must be [low, high], with low at most high")
    for length in task.train_lengths:
        try:
            task.at_length(length)
        except UserError as error:
            raise UserError(f"{setting}: {str(error).replace('task.test_lengths', 'task.train_lengths')}") from error
