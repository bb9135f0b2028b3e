"""Streams of batches from a task to a network."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from rnnbench.tasks import Batch, Split, Task
from rnnbench.tasks.base import HELD_OUT_SEED
from rnnbench.tasks.lengths import batch


def to_torch(batch: Batch) -> Batch:
    """Return the same batch as torch tensors, sharing memory with the NumPy arrays."""
    arrays = {name: value for name, value in batch._asdict().items() if isinstance(value, np.ndarray)}
    tensors: dict[str, Any] = {name: torch.from_numpy(array) for name, array in arrays.items()}
    return batch._replace(**tensors)


class Stream:
    """The batches 0 .. steps - 1 of a split, in order; iterating again gives the same batches.

    With ``at_once`` above 1 it hands out lists of so many.

    Its state is the batch that was handed out last: a checkpoint is taken before that one is used.
    """

    def __init__(self, task: Task, split: Split, seed: int, steps: int, at_once: int = 1) -> None:
        self.task, self.split, self.seed, self.steps, self.at_once = task, split, seed, steps, at_once
        self.first = self.current = 0

    def __len__(self) -> int:
        return self.steps // self.at_once

    def __iter__(self) -> Iterator[Any]:
        for step in range(self.first, self.steps, self.at_once):
            self.current = step
            found = [self._batch(each) for each in range(step, step + self.at_once)]
            yield found if self.at_once > 1 else found[0]

    def _batch(self, step: int) -> Batch:
        return to_torch(batch(self.task, self.split, self.seed, step))

    def state_dict(self) -> dict[str, int]:
        return {"batch": self.current}

    def load_state_dict(self, state: dict[str, int]) -> None:
        self.first = state["batch"]


def held_out_stream(task: Task, split: Split) -> Stream:
    """Return the validation or the test set of a task: the same for every run (``Task.held_out``)."""
    wide, count = task.held_out(split)
    return Stream(wide, split, HELD_OUT_SEED, count)


def held_out_batch(task: Task, split: Split, size: int) -> Batch:
    """Return one batch of ``size`` sequences of a held-out split, as torch tensors: the same for every run."""
    return to_torch(task.altered(batch_size=size).batch(split, HELD_OUT_SEED, 0))
