"""What a task hands to a network: a batch, and the prompt of a text."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

Array = np.ndarray[Any, Any]


class Batch(NamedTuple):
    """One batch, time-major. NumPy arrays from a task, torch tensors in a network."""

    inputs: Any
    """Real [T, B, I] float32, or tokens [T, B] int64."""
    targets: Any
    """One target a sequence, [B, O] float32 or [B] int64; or one a step, [T, B, O] or [T, B]."""
    scored: Any = None
    """Flat positions t*B + b [N] int64 that need memory, for the metric; None: all of them."""
    counted: Any = None
    """Flat positions t*B + b [N] int64 whose loss is trained on, of targets at every step; None: all of them."""
    lengths: Any = None
    """Valid steps of each sequence [B] int64; None: all T."""
    informative: Any = None
    """Flat positions t*B + b [N] int64 of the inputs that the last target depends on; None where that is unknown."""
    fresh: bool = True
    """False where the network's state carries on from the batch before."""
    length: int | None = None
    """The length of the task that drew it, where batches differ in it (``task.train_lengths``); else None."""


class Continuation(NamedTuple):
    """The prompt that a language task gives a trained model: ``tokens`` [T], then ``steps`` more."""

    tokens: Array
    steps: int
    temperature: float
    note: str = ""
    """A remark for people, in one line."""
