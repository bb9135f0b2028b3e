"""The embedded Reber grammar: predict each next symbol of a string whose symbol before last repeats the second.

Hochreiter & Schmidhuber 1997, "Long short-term memory", experiment 1, after Smith & Zipser 1989. A string is B, then T
or P, then a string of the Reber grammar, then the same T or P, then E. Both branches of a node are equally likely.

    inputs  [T-1, B]: B, T, P, S, X, V, E are 0..6          targets [T-1, B]: the next symbol

A string of l symbols (9 at least, 12 on average) has l - 1 predictions; steps after them do not count in the loss.
The first 768 different strings that are drawn, shuffled, are 256 each for training, validation and test. As the short
ones are soon used up, these have 19 symbols on average. The grammar's own probabilities have a loss of 7 ln 2 / 11 =
.441 nats on the grammar, 8 ln 2 / 11 = .504 without the second symbol; on these strings .54 and .58, and a network that
learns that they loop more often gets a little below. So nothing reaches a score of 1, and the accuracy is that on the
symbol before last: 50 % without memory, or 100 %.

The strings are the same for every seed; the order in which the training strings come is not. The baseline is the
cross-entropy, on a split, of the predictor that sees the present symbol alone and knows how often each other one
follows it in all 768 strings: it has no closed form.
Chosen here: the validation split, that all strings differ, and that those longer than T are left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from rnnbench.errors import UserError, check_range
from rnnbench.tasks.base import BEYOND, HELD_OUT_SEED, SPLITS, Array, Batch, Split, Task, stream

SYMBOLS = "BTPSXVE"
STRINGS = 256  # in a split

INNER = {
    "0": [("B", "1")],
    "1": [("T", "2"), ("P", "3")],
    "2": [("S", "2"), ("X", "4")],
    "3": [("T", "3"), ("V", "5")],
    "4": [("X", "3"), ("S", "6")],
    "5": [("P", "4"), ("V", "6")],
    "6": [("E", "7")],
}
"""The Reber grammar: for each node the symbol and the next node of its branches."""

GRAMMAR = {"start": [("B", "branch")], "branch": [("T", "T0"), ("P", "P0")]}
"""The embedded grammar: a copy of the inner one for each second symbol."""
for outer in "TP":
    GRAMMAR |= {outer + node: [(symbol, outer + to) for symbol, to in branches] for node, branches in INNER.items()}
    GRAMMAR |= {outer + "7": [(outer, "last")]}
GRAMMAR["last"] = [("E", "end")]


@dataclass(kw_only=True)
class Reber(Task):
    """The embedded Reber grammar; ``length`` is T, the longest string that is kept, at least 30."""

    title = "next symbol of a Reber string"
    source = "Hochreiter & Schmidhuber 1997"
    tokens = True
    every_step = True
    loss = "cross_entropy"
    metric = "accuracy"
    causal = True
    solvable = False
    longer = False
    input_size = len(SYMBOLS)
    output_size = len(SYMBOLS)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range("task.length", self.length, at_least=30)
        if self.test_lengths:
            raise UserError("task.test_lengths: task=reber has strings of random length; leave it empty")

    def baseline(self, split: Split) -> float:
        return order_one_loss(self.length, split)

    def batches(self, split: Split) -> int | None:
        return None if split == "train" else -(-STRINGS // self.batch_size)

    def held_out_sequences(self, split: Split) -> int:
        return min(super().held_out_sequences(split), STRINGS)

    def batch(self, split: Split, seed: int, step: int) -> Batch:
        """Return random training strings; of another split its strings in turn, each once, the last batch the rest."""
        if split == "train":
            chosen = stream(split, seed, step).integers(0, STRINGS, self.batch_size)
        else:
            first = step % -(-STRINGS // self.batch_size) * self.batch_size
            chosen = np.arange(first, min(first + self.batch_size, STRINGS))
        tokens, lengths = encoded(self.length)[split]
        inputs, predictions = tokens[:-1, chosen], lengths[chosen] - 1
        return Batch(
            inputs,
            tokens[1:, chosen],
            scored=(predictions - 2) * len(chosen) + np.arange(len(chosen)),
            counted=np.flatnonzero(np.arange(len(inputs))[:, None] < predictions),
            lengths=predictions,
        )

    def decode(self, tokens: Array) -> str:
        return "".join(SYMBOLS[token] for token in tokens)


def draw(random: np.random.Generator) -> str:
    """Return one string of the embedded grammar."""
    text, node = "", "start"
    while node != "end":
        branches = GRAMMAR[node]
        symbol, node = branches[random.integers(len(branches))]
        text += symbol
    return text


def draw_splits(longest: int, seed: int = HELD_OUT_SEED) -> dict[Split, list[str]]:
    """Return the strings of every split: all different, none longer than ``longest``."""
    random = stream("train", seed, BEYOND)
    strings: dict[str, None] = {}
    while len(strings) < len(SPLITS) * STRINGS:
        text = draw(random)
        if len(text) <= longest:
            strings[text] = None
    order = random.permutation(list(strings)).tolist()
    return {split: order[index * STRINGS : (index + 1) * STRINGS] for index, split in enumerate(SPLITS)}


@lru_cache(maxsize=4)
def encoded(longest: int) -> dict[Split, tuple[Array, Array]]:
    """Return the splits as tokens [longest, STRINGS], zero after a string's end, and the strings' lengths [STRINGS]."""
    parts: dict[Split, tuple[Array, Array]] = {}
    for split, strings in draw_splits(longest).items():
        tokens = np.zeros((longest, STRINGS), dtype=np.int64)
        for column, text in enumerate(strings):
            tokens[: len(text), column] = [SYMBOLS.index(symbol) for symbol in text]
        parts[split] = tokens, np.array([len(text) for text in strings])
    return parts


def order_one_loss(longest: int, split: Split) -> float:
    """Return the cross-entropy on a split of the next symbol given the present one, by frequencies of all splits."""
    pairs = {name: count_pairs(*part) for name, part in encoded(longest).items()}
    everywhere, here = np.sum(list(pairs.values()), axis=0), pairs[split]
    totals = np.broadcast_to(everywhere.sum(axis=1, keepdims=True), here.shape)
    seen = here > 0
    return float(-(here[seen] * np.log(everywhere[seen] / totals[seen])).sum() / here.sum())


def count_pairs(tokens: Array, lengths: Array) -> Array:
    """Return how often each symbol follows each other one: [before, after]."""
    pairs = np.zeros((len(SYMBOLS), len(SYMBOLS)))
    counted = np.arange(1, len(tokens))[:, None] < lengths
    np.add.at(pairs, (tokens[:-1][counted], tokens[1:][counted]), 1)
    return pairs
