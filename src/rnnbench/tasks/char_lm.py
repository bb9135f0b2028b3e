"""Character-level language modelling: predict each next character of a real text.

Protocol: Karpathy 2015, "The unreasonable effectiveness of recurrent neural networks": the text is cut into B parallel
streams that are read T characters at a time; the state carries from one chunk to the next and the gradient does not
(truncated backpropagation through time).

    inputs [T, B], targets [T, B]: the same text, one character later

The text is split without shuffling: 90 % training, 5 % validation, 5 % test. Without memory a network sees one
character, so the baseline is the cross-entropy of the order-1 count model of the training split
(``rnnbench.tasks.count_model``); the test loss of orders 0 to 4 stands in every record.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from rnnbench.errors import UserError, check_range
from rnnbench.tasks import corpus
from rnnbench.tasks.base import SPLITS, Array, Batch, Continuation, Split, Task
from rnnbench.tasks.count_model import count_model_loss

SHARES = {"train": 0.90, "validation": 0.05, "test": 0.05}
ORDERS = range(5)


class Text(NamedTuple):
    """An encoded corpus: its symbols in order, the tokens [N] of each split, and the text's sha256."""

    symbols: str
    splits: dict[Split, Array]
    sha256: str


@dataclass(kw_only=True)
class CharLM(Task):
    """Character-level language modelling; ``length`` is T, the characters in a chunk.

    The order of the text is the order of the batches, so the seed does not change them.
    """

    corpus: str
    """``docs``, a path, or ``hub:NAME``."""
    prompt: str
    """What the trained model is asked to continue."""
    sample_length: int
    """How many characters it continues by; 0: no sample."""
    temperature: float
    """Logits are divided by it before sampling."""

    title = "next character of a text"
    source = "Karpathy 2015"
    tokens = True
    every_step = True
    loss = "cross_entropy"
    metric = "bits_per_character"
    causal = True
    drawn = False
    solvable = False

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range("task.temperature", self.temperature, above=0)
        check_range("task.sample_length", self.sample_length, at_least=0)
        if not self.prompt:
            raise UserError("task.prompt is empty: give at least one character to continue")

    def check(self) -> None:
        corpus.check(self.corpus, self._characters_needed)

    @property
    def input_size(self) -> int:
        return len(self._text.symbols)

    @property
    def output_size(self) -> int:
        return len(self._text.symbols)

    def baseline(self, split: Split) -> float:
        return self._count_model(1, split)

    def _count_model(self, order: int, split: Split) -> float:
        return count_model_loss(self._text.splits["train"], self._text.splits[split], order, self.input_size)

    def batches(self, split: Split) -> int:
        return (len(self._text.splits[split]) - 1) // self.batch_size // self.length

    def batch(self, split: Split, seed: int, step: int) -> Batch:
        tokens, chunks = self._text.splits[split], self.batches(split)
        start = (step % chunks) * self.length
        streams = np.arange(self.batch_size) * (chunks * self.length)
        positions = start + np.arange(self.length)[:, None] + streams
        return Batch(tokens[positions], tokens[positions + 1], fresh=start == 0)

    def provenance(self) -> dict[str, Any]:
        orders = {f"order_{order}_bits": round(self._count_model(order, "test") / math.log(2), 4) for order in ORDERS}
        return {"corpus": self.corpus, "sha256": self._text.sha256, "symbols": self.input_size} | orders

    def continuation(self) -> Continuation | None:
        if self.sample_length == 0:
            return None
        tokens = np.array([self._text.symbols.index(c) for c in self.prompt])
        return Continuation(tokens, self.sample_length, self.temperature)

    def decode(self, tokens: Array) -> str:
        return "".join(self._text.symbols[token] for token in tokens)

    @property
    def _characters_needed(self) -> int:
        return int(np.ceil((self.batch_size * self.length + 1) / min(SHARES.values())))

    @cached_property
    def _text(self) -> Text:
        text, sha256 = corpus.load(self.corpus)
        if len(text) < self._characters_needed:
            raise corpus.too_short(self.corpus, len(text), self._characters_needed)
        codes = np.frombuffer(text.encode("utf-32-le"), dtype=np.uint32)
        symbols, tokens = np.unique(codes, return_inverse=True)
        vocabulary = "".join(map(chr, symbols))
        missing = sorted(set(self.prompt) - set(vocabulary))
        if missing and self.sample_length:
            raise UserError(f"task.prompt: {missing[0]!r} does not occur in task.corpus={self.corpus}")
        cuts = np.cumsum([int(len(tokens) * SHARES[split]) for split in SPLITS[:-1]])
        parts = np.split(tokens.astype(np.int64), cuts)
        return Text(vocabulary, dict(zip(SPLITS, parts, strict=True)), sha256)
