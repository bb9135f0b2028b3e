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
from typing import Any

import numpy as np

from rnnbench.errors import UserError, check_range
from rnnbench.tasks import corpus
from rnnbench.tasks.base import SPLITS, Array, Batch, Continuation, Split, Task
from rnnbench.tasks.corpus import Corpus
from rnnbench.tasks.count_model import count_model_loss, order_one_loss

ORDERS = range(5)


@dataclass(frozen=True, eq=False)
class Text:
    """An encoded corpus: its symbols in order, the tokens [N] of each split, and the text's sha256."""

    symbols: str
    splits: dict[Split, Array]
    sha256: str

    @property
    def characters(self) -> int:
        return sum(map(len, self.splits.values()))


@lru_cache(maxsize=2)
def encode(found: Corpus) -> Text:
    """Return the corpus as tokens: the place of each character among those that occur."""
    texts = found.splits
    codes = np.frombuffer("".join(texts[split] for split in SPLITS).encode("utf-32-le"), dtype=np.uint32)
    symbols, tokens = np.unique(codes, return_inverse=True)
    parts = np.split(tokens.astype(np.int64), np.cumsum([len(texts[split]) for split in SPLITS[:-1]]))
    return Text("".join(map(chr, symbols)), dict(zip(SPLITS, parts, strict=True)), found.sha256)


@lru_cache
def count_loss(text: Text, order: int, split: Split) -> float:
    """Return the loss on a split of ``text`` of the order-n count model of its training split, in nats."""
    return count_model_loss(text.splits["train"], text.splits[split], order, len(text.symbols))


@dataclass(kw_only=True)
class CharLM(Task):
    """Character-level language modelling; ``length`` is T, the characters in a chunk.

    The order of the text is the order of the batches, so the seed does not change them.
    """

    corpus: str
    """``docs``, another name of ``rnnbench.tasks.corpus``, a path, or ``hub:NAME``."""
    prompt: str
    """The prompt of the trained model; the beginning of the text, if the text lacks one of its characters."""
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
    capability = "text"
    causal = True
    carries = True
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

    def fingerprint(self) -> dict[str, str]:
        return corpus.fingerprint(self.corpus)

    @cached_property
    def content(self) -> Text:
        return encode(corpus.load(self.corpus))

    @property
    def input_size(self) -> int:
        return len(self._text.symbols)

    @property
    def output_size(self) -> int:
        return len(self._text.symbols)

    def baseline(self, split: Split) -> float:
        count = self.batches(split) if split == "train" else self.held_out(split)[1]
        if count == self.batches(split):
            return count_loss(self._text, 1, split)
        if split not in self._means:
            self._means[split] = self._order_one(split, count)
        return self._means[split]

    def _order_one(self, split: Split, count: int) -> float:
        """Return the loss of the order-1 count model on the first ``count`` batches of a split."""
        read = [self.batch(split, 0, step) for step in range(count)]
        before, after = (
            np.concatenate([part.ravel() for part in parts]) for parts in zip(*(b[:2] for b in read), strict=True)
        )
        return order_one_loss(self._text.splits["train"], before, after, len(self._text.symbols))

    def held_out(self, split: Split) -> tuple[Task, int]:
        """Return the chunks of the split, in as many streams as in training; the state carries on within a stream."""
        most = self.validation_sequences if split == "validation" else self.test_sequences
        return self, min(self.batches(split), -(-most // self.batch_size))

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
        bits = {f"order_{n}_bits": round(count_loss(text, n, "test") / math.log(2), 4) for n in ORDERS}
        return {"corpus": self.corpus, "sha256": text.sha256, "symbols": len(text.symbols)} | bits

    def continuation(self) -> Continuation | None:
        if self.sample_length == 0:
            return None
        prompt, symbols, note = self.prompt, self._text.symbols, ""
        missing = sorted(set(prompt) - set(symbols))
        if missing:
            prompt = self.decode(self._text.splits["train"][: len(prompt)])
            note = (
                f"task.prompt={self.prompt!r}: {missing[0]!r} does not occur in {corpus.setting(self.corpus)}; the "
                f"sample goes on from the beginning of the text, {prompt!r}"
            )
        return Continuation(np.array([symbols.index(c) for c in prompt]), self.sample_length, self.temperature, note)

    def decode(self, tokens: Array) -> str:
        return "".join(self._text.symbols[token] for token in tokens)

    @property
    def _needed(self) -> int:
        """The characters that each split must have: one chunk and what follows it, one context of the count models."""
        return max(self.batch_size * self.length, *ORDERS) + 1

    @property
    def _characters_needed(self) -> int:
        return int(np.ceil(self._needed / min(corpus.SHARES.values())))

    @cached_property
    def _text(self) -> Text:
        text = self.content
        if min(map(len, text.splits.values())) < self._needed:
            raise corpus.too_short(self.corpus, text.characters, self._characters_needed)
        if len(text.symbols) < 2:
            raise UserError(
                f"{corpus.setting(self.corpus)}: holds no character but {text.symbols!r}, so there is nothing to "
                "predict; use another text"
            )
        return text
