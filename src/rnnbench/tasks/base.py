"""The contract of a task: a pure generator of batches, and the facts that make a number comparable.

A task is also its own configuration: a dataclass whose fields are the keys of ``conf/task/<name>.yaml``, which states
the defaults. Tasks know NumPy and nothing of torch, so a configuration is checked without loading a network.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, ClassVar, Literal, Self

import numpy as np

from rnnbench.errors import UserError, check_range
from rnnbench.tasks.batch import Array as Array
from rnnbench.tasks.batch import Batch as Batch
from rnnbench.tasks.batch import Continuation as Continuation
from rnnbench.tasks.philox import Key

Split = Literal["train", "validation", "test"]
Capability = Literal["gradient reach", "recall", "state tracking", "counting", "text", "series"]
SPLITS: tuple[Split, ...] = ("train", "validation", "test")

LONGEST = 10**7
"""Steps. Above it no batch fits into memory."""
HELD_OUT_SEED = 0
"""The seed of the validation and the test set of every task, for all seeds of runs."""
HELD_OUT_BATCH = 200
"""Sequences: wider than a training batch, because nothing is learned from one and wide products are faster."""
BEYOND = 1 << 59
"""A step that no batch has: of what is drawn once for a task."""
SOLVED_SHARE = 0.05
"""A task counts as solved when the loss on held-out data is below this share of the way from floor to baseline."""


@dataclass(kw_only=True)
class Task(ABC):
    """A long-dependency task: ``batch`` generates it; class attributes and properties state its facts."""

    name: str
    """The key in TASKS."""
    length: int
    """The paper's T; what it counts is in each task's docstring."""
    batch_size: int
    """Sequences in a batch, B."""
    test_lengths: list[int]
    """Other lengths at which the trained network is tested too; empty for none."""
    validation_sequences: int
    """Sequences of the validation set, at least; a finite set has no more than it has."""
    test_sequences: int
    """The same of the test set."""
    train_lengths: list[int] = field(default_factory=list)  # neutral in configurations from before this key
    """[low, high]: each training batch is of one length between them (``rnnbench.tasks.lengths``); empty for none."""

    title: ClassVar[str]
    """One line for tables."""
    loss: ClassVar[Literal["mse", "cross_entropy"]]
    """Mean over all targets of a batch; cross-entropy in nats."""
    metric: ClassVar[Literal["mse", "nrmse", "accuracy", "sequence_accuracy", "read_error", "bits_per_character"]]
    """The primary metric, from torchmetrics, on the positions that need memory."""
    capability: ClassVar[Capability] = "gradient reach"
    """What a network must be able to do that learns it."""
    longer: ClassVar[bool] = True
    """Whether a trained network can be tested at greater lengths than it was trained at."""
    spacing: ClassVar[int] = 1
    """Steps from one length to the next: 2 where lengths must be even."""
    carries: ClassVar[bool] = False
    """Whether batches go on from the states at the ends of those before (``Batch.fresh``), which must be known then."""
    lengths_by: ClassVar[str] = ""
    """The option that gives the strings of one batch several lengths; empty where they have one."""
    repeats: ClassVar[bool] = False
    """Whether sequences are so few, or the shortest so short, that the same one comes in several splits."""
    variants: ClassVar[tuple[str, ...]] = ()
    """The choices of the option ``variant``, of tasks that have it."""
    drawn: ClassVar[bool] = True
    """Whether batches are drawn by a rule, and not read from data that may differ from one machine to the next."""
    solvable: ClassVar[bool] = True
    """Whether ``solved_below`` is meaningful: not where the loss has no known floor, or one far above zero."""

    def __post_init__(self) -> None:
        check_range("task.length", self.length, at_least=1, at_most=LONGEST)
        check_range("task.batch_size", self.batch_size, at_least=1, at_most=10**6)
        for key in ("validation_sequences", "test_sequences"):
            check_range(f"task.{key}", getattr(self, key), at_least=1, at_most=10**7)
        for key in ("test_lengths", "train_lengths"):
            for length in getattr(self, key):
                check_range(f"task.{key}", length, at_least=1, at_most=LONGEST)

    @property
    @abstractmethod
    def source(self) -> str:
        """The paper whose definition it follows; like the five below a class attribute where no option changes it."""

    @property
    @abstractmethod
    def tokens(self) -> bool:
        """Whether inputs are symbols [T, B] rather than real vectors [T, B, I]."""

    @property
    @abstractmethod
    def every_step(self) -> bool:
        """Whether there is one target a step rather than one a sequence."""

    @property
    @abstractmethod
    def causal(self) -> bool:
        """Whether a network must not see later inputs: then a bidirectional one is an error."""

    @property
    @abstractmethod
    def input_size(self) -> int:
        """I for real inputs, the number of symbols D for tokens."""

    @property
    @abstractmethod
    def output_size(self) -> int:
        """The width of a prediction."""

    @abstractmethod
    def baseline(self, split: Split) -> float:
        """Return the loss of the best memoryless predictor of the data; it may know the time.

        On the validation and the test set that on this very set; of training batches, which have no end, its mean.
        """

    def floor(self, split: Split) -> float:
        """Return the loss of a perfect predictor of the same data: above zero where targets are partly random."""
        return 0.0

    @property
    def chance(self) -> float | None:
        """The accuracy at scored positions of the predictor of ``baseline``; None where none is known, or sensible."""
        return None

    @abstractmethod
    def batch(self, split: Split, seed: int, step: int) -> Batch:
        """Return the batch number ``step`` >= 0 of a split: the same on every machine and after every resume."""

    @cached_property
    def content(self) -> Any:
        """The data of the task, read once; None where batches are drawn. Raises UserError where it is unusable."""
        return None

    def altered(self, **options: Any) -> Self:
        """Return the same task with other options, on the data that it has read, even if its file has changed since."""
        other = replace(self, **options)
        other.content = self.content
        return other

    def at_length(self, length: int) -> Task:
        """Return the same task at another length.

        Raises UserError where a network trained on this one does not fit it.
        """
        other = self.altered(length=length, test_lengths=[], train_lengths=[])
        if (other.input_size, other.output_size) != (self.input_size, self.output_size):
            raise UserError(
                f"task.test_lengths={length}: task={self.name} has other inputs or outputs at this length than at "
                f"task.length={self.length}, so one network cannot do both"
            )
        return other

    @property
    def solved_below(self) -> float | None:
        """The validation loss below which the task counts as solved, or None where no such loss is known."""
        floor = self.floor("validation")
        return floor + SOLVED_SHARE * (self.baseline("validation") - floor) if self.solvable else None

    def batches(self, split: Split) -> int | None:
        """Return how many different batches a split has; None for an endless stream."""
        return None

    def held_out(self, split: Split) -> tuple[Task, int]:
        """Return the validation or test set: the batches 0, 1, .. of the task, with HELD_OUT_SEED, and their number.

        It does not depend on the batch size and the seed of a run.
        """
        most = self.validation_sequences if split == "validation" else self.test_sequences
        count = -(-most // HELD_OUT_BATCH)
        wide = self.altered(batch_size=-(-most // count))
        available = wide.batches(split)
        return wide, count if available is None else min(count, available)

    def held_out_sequences(self, split: Split) -> int:
        """Return how many sequences the validation or the test set has."""
        task, count = self.held_out(split)
        return count * task.batch_size

    def held_out_mean(self, split: Split, losses: Callable[[Batch], Array], of: str = "") -> float:
        """Return the mean over a held-out set of the ``losses`` of each batch, computed once for a set and ``of``."""
        key = of + split
        if key not in self._means:
            task, count = self.held_out(split)
            found = (losses(task.batch(split, HELD_OUT_SEED, step)) for step in range(count))
            self._means[key] = float(np.mean(np.concatenate([each.ravel() for each in found]), dtype=np.float64))
        return self._means[key]

    @cached_property
    def _means(self) -> dict[str, float]:
        return {}

    @cached_property
    def of_lengths(self) -> dict[int, Task]:
        """The same task at the lengths that ``rnnbench.tasks.lengths`` keeps."""
        return {}

    def check(self) -> None:  # noqa: B027  # most tasks have no data to check
        """Raise UserError where the data that the configuration names cannot be used. Cheap: loads nothing."""

    def fingerprint(self) -> dict[str, str]:
        """Return the sha256 of the local data as they are now, by the setting that names them; empty without any."""
        return {}

    def provenance(self) -> dict[str, Any]:
        """Return what identifies the data beyond the configuration, for the record."""
        return {}

    def continuation(self) -> Continuation | None:
        """Return the prompt that a trained model continues, for a language task."""
        return None

    def decode(self, tokens: Array) -> str:
        """Return tokens as text, for a language task."""
        return " ".join(map(str, tokens))


def stream(split: Split, seed: int, step: int) -> np.random.Generator:
    """Return the random numbers of one batch: a counter-based generator whose key is (seed, split, step).

    Different keys give disjoint streams (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3"), so
    training, validation and test data never overlap, and any batch can be made without those before it.
    """
    key = Key(seed, (SPLITS.index(split) << 60) | step)
    return np.random.Generator(np.random.Philox(key))  # type: ignore[arg-type]  # the stubs forget ISeedSequence
