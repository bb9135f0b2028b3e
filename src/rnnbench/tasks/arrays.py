"""Sequences of one's own: an .npz file, or arrays in Python.

    X           [N, T, I] numbers, or [N, T] whole numbers from 0: tokens
    y           [N] whole numbers from 0: a class a sequence             [N, T]: a class a step
                [N] or [N, O] floating point: real targets of a sequence
    lengths     [N], which may be left out: the valid steps of each sequence, the first ones

Whole numbers are learned with cross-entropy, floating point with the mean squared error. ``validation_share`` and
``test_share`` of the sequences are held out, the same for every run; of a class a sequence that share of each class.

The baseline is the loss, on the very set, of the best prediction that training data give without memory: the mean of y;
the frequencies of the classes; with a class a step those that go with the present token, each counted 0.05 times more
than it occurs.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, Self

import numpy as np

from rnnbench.errors import UserError, check_range
from rnnbench.tasks import array_file
from rnnbench.tasks.array_file import MEMORY, Content
from rnnbench.tasks.base import SPLITS, Array, Batch, Split
from rnnbench.tasks.labelled import FiniteTask, divide

UNSEEN = 0.05
"""How many times more than it occurs a class of a step is counted: any may come."""


@dataclass(kw_only=True)
class Arrays(FiniteTask):
    """Sequences of one's own; ``length`` is T, the steps that are used."""

    length: int | None  # type: ignore[assignment]  # None, until the data say it
    data: str
    """The path of an .npz file."""
    validation_share: float
    test_share: float

    title = "sequences of one's own"
    source = "own data"

    def __post_init__(self) -> None:
        for key in ("validation_share", "test_share"):
            check_range(f"task.{key}", getattr(self, key), above=0, below=1)
        check_range("task.validation_share + task.test_share", self.validation_share + self.test_share, below=1)
        if self.length is None:
            self.length = array_file.read(self.data).x.shape[1]
        super().__post_init__()

    @classmethod
    def of(
        cls, X: Any, y: Any, lengths: Any = None, *, length: int | None = None, validation_share: float = 0.15,
        test_share: float = 0.15, batch_size: int = 32, validation_sequences: int = 500, test_sequences: int = 10_000,
    ) -> Self:  # fmt: skip
        """Return the task of arrays or tensors, which are copied where their types differ; writes nothing.

        Raises UserError where they do not fit.
        """
        content = array_file.given({"X": X, "y": y} | ({} if lengths is None else {"lengths": lengths}))
        task = cls(
            name="arrays", data=f"{MEMORY}{content.sha256[:16]}", length=length or content.x.shape[1],
            validation_share=validation_share, test_share=test_share, batch_size=batch_size, test_lengths=[],
            validation_sequences=validation_sequences, test_sequences=test_sequences,
        )  # fmt: skip
        task.content = content
        task.check()
        return task

    def __getstate__(self) -> dict[str, Any]:
        """Return the state without the content of the file: another process reads it itself."""
        kept = self.data.startswith(MEMORY)
        return {key: value for key, value in vars(self).items() if kept or key not in ("content", "parts")}

    def check(self) -> None:
        self._fitting(self.content if self.data.startswith(MEMORY) else array_file.read(self.data))

    def fingerprint(self) -> dict[str, str]:
        return array_file.fingerprint(self.data)

    def provenance(self) -> dict[str, Any]:
        return {"data": self.data, "sha256": self.content.sha256, "sequences": len(self.content.y)}

    @cached_property
    def content(self) -> Content:
        return array_file.read(self.data)

    @cached_property
    def parts(self) -> dict[Split, Array]:
        """The sequences of each split. Raises UserError where one has none."""
        content = self._fitting(self.content)
        strata = content.y if content.classes and not content.every_step else np.zeros(len(content.y), dtype=np.int64)
        shares = (1 - self.validation_share - self.test_share, self.validation_share, self.test_share)
        parts: dict[Split, Array] = dict(zip(SPLITS, divide(strata, shares), strict=True))
        for split, part in parts.items():
            if not len(part):
                raise UserError(
                    f"{array_file.setting(self.data)}: of {len(content.y)} sequences none is left for the {split} "
                    "split; give more, or change task.validation_share and task.test_share"
                )
        return parts

    @property
    def tokens(self) -> bool:
        return bool(self.content.tokens)

    @property
    def every_step(self) -> bool:
        return bool(self.content.every_step)

    @property
    def causal(self) -> bool:  # type: ignore[override]
        """Whether each target is the next token."""
        x, y, *_ = self.content
        return self.every_step and self.tokens and x.shape[1] > 1 and np.array_equal(x[:, 1:], y[:, :-1])

    @property
    def loss(self) -> Literal["mse", "cross_entropy"]:  # type: ignore[override]
        return "cross_entropy" if self.content.classes else "mse"

    @property
    def metric(self) -> Literal["mse", "accuracy"]:  # type: ignore[override]
        return "accuracy" if self.content.classes else "mse"

    @property
    def input_size(self) -> int:
        return int(self.content.x.max()) + 1 if self.tokens else int(self.content.x.shape[2])

    @property
    def output_size(self) -> int:
        return int(self.content.y.max()) + 1 if self.content.classes else int(self.content.y.shape[1])

    def available(self, split: Split) -> int:
        return len(self.parts[split])

    def batch(self, split: Split, seed: int, step: int) -> Batch:
        return self._of(self.parts[split][self.chosen(split, seed, step)])

    def baseline(self, split: Split) -> float:
        if split not in self._means:
            train, here = self._of(self.parts["train"]), self.parts[split]
            evaluated = self._of(here if split == "train" else here[: self.held_out_sequences(split)])
            if self.content.classes:
                extra = UNSEEN if self.every_step else 0.0  # training has every class of a sequence
                self._means[split] = _counted_loss(self._pairs(train), self._pairs(evaluated), self.output_size, extra)
            else:
                mean = train.targets.mean(axis=0, dtype=np.float64)
                self._means[split] = float(np.square(evaluated.targets - mean).mean())
        return self._means[split]

    def _pairs(self, batch: Batch) -> tuple[Array, Array]:
        """Return what a memoryless predictor sees, a token or nothing, and each class that it should predict."""
        targets = batch.targets.ravel()
        seen = batch.inputs.ravel() if self.every_step and self.tokens else np.zeros_like(targets)
        return (seen, targets) if batch.counted is None else (seen[batch.counted], targets[batch.counted])

    def _of(self, chosen: Array) -> Batch:
        """Return the batch of the sequences that are ``chosen``."""
        content = self._fitting(self.content)
        inputs = np.ascontiguousarray(content.x[chosen, : self.length].swapaxes(0, 1))
        if not content.every_step:
            targets, valid = content.y[chosen], None
        else:
            targets = np.ascontiguousarray(content.y[chosen, : self.length].T)
        if content.lengths is None:
            return Batch(inputs, targets)
        lengths = np.minimum(content.lengths[chosen], len(inputs))
        if content.every_step:
            valid = np.flatnonzero(np.arange(len(inputs))[:, None] < lengths)
        return Batch(inputs, targets, scored=valid, counted=valid, lengths=lengths)

    def _fitting(self, content: Content) -> Content:
        """Return the content. Raises UserError where it has fewer steps than requested."""
        steps = content.x.shape[1]
        if self.length is not None and self.length > steps:
            raise UserError(f"task.length={self.length}: X of {array_file.setting(self.data)} has {steps} steps")
        return content


def _counted_loss(train: tuple[Array, Array], evaluated: tuple[Array, Array], classes: int, extra: float) -> float:
    """Return the cross-entropy of the classes ``evaluated``, given what is seen with each, by counts of ``train``."""
    pairs, counts = np.unique(train[0] * classes + train[1], return_counts=True)
    totals = np.bincount(train[0], minlength=int(evaluated[0].max()) + 1)
    wanted = evaluated[0] * classes + evaluated[1]
    place = np.minimum(np.searchsorted(pairs, wanted), len(pairs) - 1)
    count = np.where(pairs[place] == wanted, counts[place], 0)
    return float(-np.log((count + extra) / (totals[evaluated[0]] + extra * classes)).mean())
