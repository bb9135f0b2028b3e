"""The adding problem: two numbers are marked in a sequence; their sum is asked for at the end.

``half``     Arjovsky, Shah & Bengio 2016 (arXiv:1511.06464): values U[0, 1], one marker in each half; x1 + x2
``pair``     Bai, Kolter & Koltun 2018 (arXiv:1803.01271): as half, but any two steps are marked
``hs97``     Hochreiter & Schmidhuber 1997: values U[-1, 1], length l uniform in T..1.1 T; one of the first 10 steps is
             marked, then one of the first T/2 - 1 unmarked ones; first and last step have marker -1; .5 + (x1 + x2)/4
``pascanu``  Pascanu, Mikolov & Bengio 2013 (arXiv:1211.5063), authors' code: values U[0, 1], l uniform in [T, 1.1 T);
             one marker among the first .1 l steps, one among the next .4 l, all rounded down; (x1 + x2)/2

    inputs [L, B, 2]: values, markers in {-1, 0, 1}; zero after a sequence's end          targets [B, 1]

L is T, or the longest length that can be drawn. Without memory the best prediction is the mean; its error is the
variance of the target: 1/6 for half and pair (".1767" in print is a typo), 1/24 for hs97 and pascanu.
Differs from hs97, where a marked first step has marker -1 and value 0: here it has marker 1 and keeps its value, so
that the baseline is exact; T/2 rounds down. Differs from pascanu, where a whole batch has one l.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rnnbench.errors import check_choice, check_range
from rnnbench.tasks.base import Array, Batch, Split, Task, stream

SOURCES = {
    "half": "Arjovsky et al. 2016",
    "pair": "Bai et al. 2018",
    "hs97": "Hochreiter & Schmidhuber 1997",
    "pascanu": "Pascanu et al. 2013",
}
SHORTEST = {"half": 2, "pair": 2, "hs97": 10, "pascanu": 10}  # below, a range is empty


@dataclass(kw_only=True)
class Adding(Task):
    """The adding problem; ``length`` is T, the least number of steps of a sequence."""

    variant: str
    """``half``, ``pair``, ``hs97`` or ``pascanu``: values, markers, lengths and target as above."""

    title = "sum of two marked numbers"
    variants = tuple(SOURCES)
    tokens = False
    every_step = False
    loss = "mse"
    metric = "mse"
    causal = False
    input_size = 2
    output_size = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice("task.variant", self.variant, self.variants)
        check_range("task.length", self.length, at_least=SHORTEST[self.variant])

    @property
    def source(self) -> str:
        return SOURCES[self.variant]

    def baseline(self, split: Split) -> float:
        if split == "train":
            return 1 / 6 if self.variant in ("half", "pair") else 1 / 24
        return self.held_out_mean(split, lambda batch: np.square(batch.targets - self.mean))

    @property
    def mean(self) -> float:
        """Of the targets: what is best to predict without memory."""
        return {"half": 1.0, "pair": 1.0}.get(self.variant, 0.5)

    def batch(self, split: Split, seed: int, step: int) -> Batch:
        random = stream(split, seed, step)
        length, size = self.length, self.batch_size
        if self.variant == "hs97":
            batch = marked_hs97(random, length, size, low=-1)
        elif self.variant == "pascanu":
            longest = length + length // 10 - 1
            values = random.random((longest, size), dtype=np.float32)
            lengths = random.integers(length, longest, size, endpoint=True)
            tenth, following = lengths // 10, lengths * 4 // 10
            batch = marked(values, random.integers(0, tenth), random.integers(tenth, tenth + following), lengths)
        else:
            values = random.random((length, size), dtype=np.float32)
            if self.variant == "half":
                first, second = random.integers(0, length // 2, size), random.integers(length // 2, length, size)
            else:
                first = random.integers(0, length, size)
                second = among_others(random, length - 1, first)
            batch = marked(values, first, second)
        total = batch.targets.sum(axis=1, keepdims=True)
        scaled = {"hs97": 0.5 + total / 4, "pascanu": total / 2}
        return batch._replace(targets=scaled.get(self.variant, total))


def marked(values: Array, first: Array, second: Array, lengths: Array | None = None, ends: float = 0) -> Batch:
    """Return a batch of ``values`` [T, B] with two marked steps, whose values [B, 2] are the targets.

    Unmarked first and last steps have the marker ``ends``; steps after a sequence's end are zero.
    """
    steps, size = values.shape
    rows, marks = np.arange(size), np.array([first, second])
    inputs = np.zeros((steps, size, 2), dtype=values.dtype)
    inputs[..., 0] = values
    last = steps - 1 if lengths is None else lengths - 1
    inputs[0, :, 1] = inputs[last, rows, 1] = ends
    inputs[marks, rows, 1] = 1
    if lengths is not None:
        inputs[np.arange(steps)[:, None] > last] = 0
    targets = np.ascontiguousarray(values[marks, rows].T)
    return Batch(inputs, targets, lengths=lengths, informative=(marks * size + rows).ravel())


def marked_hs97(random: np.random.Generator, length: int, size: int, low: float) -> Batch:
    """Return the sequences of Hochreiter & Schmidhuber 1997, values U[``low``, 1]; targets are the marked values."""
    longest = 11 * length // 10
    values = low + (1 - low) * random.random((longest, size), dtype=np.float32)
    lengths = random.integers(length, longest, size, endpoint=True)
    first = random.integers(0, 10, size)
    return marked(values, first, among_others(random, length // 2 - 1, first), lengths, ends=-1)


def among_others(random: np.random.Generator, count: int, taken: Array) -> Array:
    """Return for each step in ``taken`` one of the first ``count`` other steps."""
    step = random.integers(0, count, len(taken))
    return step + (step >= taken)
