"""Character-level language modelling: predict each next character of a real text.

Protocol: Karpathy 2015, "The unreasonable effectiveness of recurrent neural networks": the text is cut into B parallel
streams that are read T characters at a time; the state carries from one chunk to the next and the gradient does not
(truncated backpropagation through time).

    inputs [T, B], targets [T, B]: the same text, one character later

Texts and their splits are those of ``rnnbench.tasks.corpus``. Without memory a network sees one character, so the
baseline is the cross-entropy of the order-1 count model of the training split (``rnnbench.tasks.count_model``); the
test loss of orders 0 to 4 stands in every record.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

import numpy as np

from rnnbench.errors import UserError, check_range
from rnnbench.tasks import corpus
from rnnbench.tasks.base import SPLITS, Array, Batch, Continuation, Split, Task
from rnnbench.tasks.count_model import count_model_loss

ORDERS = range(5)


class Text(NamedTuple):
    """An encoded corpus: its name, its symbols in order, the tokens [N] of each split, and the text's sha256."""

    name: str
    symbols: str
    splits: dict[Split, Array]
    sha256: str

    @property
    def characters(self) -> int:
        return sum(map(len, self.splits.values()))


@lru_cache(maxsize=2)
def read(name: str) -> Text:
    """The corpus called ``name``, encoded and split; read once a process. Raises UserError where it cannot be read."""
    texts, sha256 = corpus.load(name)
    codes = np.frombuffer("".join(texts[split] for split in SPLITS).encode("utf-32-le"), dtype=np.uint32)
    symbols, tokens = np.unique(codes, return_inverse=True)
    parts = np.split(tokens.astype(np.int64), np.cumsum([len(texts[split]) for split in SPLITS[:-1]]))
    return Text(name, "".join(map(chr, symbols)), dict(zip(SPLITS, parts, strict=True)), sha256)


@lru_cache
def count_loss(name: str, order: int, split: Split) -> float:
    """The loss on a split of the corpus called ``name`` of the order-n count model of its training split, in nats."""
    text = read(name)
    return count_model_loss(text.splits["train"], text.splits[split], order, len(text.symbols))


@dataclass(kw_only=True)
class CharLM(Task):
    """Character-level language modelling; ``length`` is T, the characters in a chunk.

    The order of the text is the order of the batches, so the seed does not change them.
    """

    corpus: str
    """``docs``, another name of ``rnnbench.tasks.corpus``, a path, or ``hub:NAME``."""
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
        check_range("task.temperature", self.temperature, at_least=0.001, at_most=1000)
        check_range("task.sample_length", self.sample_length, at_least=0, at_most=10**6)
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
        return count_loss(self._text.name, 1, split)

    def batches(self, split: Split) -> int:
        return (len(self._text.splits[split]) - 1) // self.batch_size // self.length

    def batch(self, split: Split, seed: int, step: int) -> Batch:
        tokens, chunks = self._text.splits[split], self.batches(split)
        start = (step % chunks) * self.length
        streams = np.arange(self.batch_size) * (chunks * self.length)
        positions = start + np.arange(self.length)[:, None] + streams
        return Batch(tokens[positions], tokens[positions + 1], fresh=start == 0)

    def provenance(self) -> dict[str, Any]:
        text = self._text
        bits = {f"order_{n}_bits": round(count_loss(text.name, n, "test") / math.log(2), 4) for n in ORDERS}
        return {"corpus": text.name, "sha256": text.sha256, "symbols": len(text.symbols)} | bits

    def continuation(self) -> Continuation | None:
        if self.sample_length == 0:
            return None
        tokens = np.array([self._text.symbols.index(c) for c in self.prompt])
        return Continuation(tokens, self.sample_length, self.temperature)

    def decode(self, tokens: Array) -> str:
        return "".join(self._text.symbols[token] for token in tokens)

    @property
    def _characters_needed(self) -> int:
        return int(np.ceil((self.batch_size * self.length + 1) / min(corpus.SHARES.values())))

    @cached_property
    def _text(self) -> Text:
        text = read(self.corpus)
        if min(map(len, text.splits.values())) <= self.batch_size * self.length:
            raise corpus.too_short(self.corpus, text.characters, self._characters_needed)
        missing = sorted(set(self.prompt) - set(text.symbols))
        if missing and self.sample_length:
            raise UserError(f"task.prompt: {missing[0]!r} does not occur in task.corpus={self.corpus}")
        return text
