"""Languages that must be counted: random strings, and what is known of each next symbol with and without memory.

A string of l symbols stands between # and #, token 0. A cost is the cross-entropy of a target, in nats.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np

from rnnbench.tasks.base import Array


class Language(ABC):
    """Strings of at most ``longest`` symbols, and facts of the best predictor without memory and of a perfect one."""

    longest: int
    symbols: int
    chance: float
    """The accuracy without memory at scored steps."""
    memoryless_mean: float
    """The mean cost without memory."""
    optimal_mean: float
    """The mean cost of a perfect predictor."""

    @abstractmethod
    def draw(self, random: np.random.Generator, size: int) -> Array:
        """Return strings [longest + 2, size], padded with 0."""

    @abstractmethod
    def scored(self, inputs: Array, targets: Array) -> Array:
        """Return whether each step [T, B] is one that a perfect predictor knows and a memoryless one does not."""

    @abstractmethod
    def memoryless(self, inputs: Array, targets: Array) -> Array:
        """Return the costs [T, B] for who knows the present symbol and the time."""

    @abstractmethod
    def optimal(self, inputs: Array, targets: Array) -> Array:
        """Return the costs [T, B] for who knows all before."""


class Powers(Language):
    """a^n b^n, a^n b^n c^n, ..: the first ``letters``, each n times, with probabilities [N] of the ``counts`` [N]."""

    def __init__(self, counts: Array, probabilities: Array, letters: int, longest: int) -> None:
        self.counts, self.letters, self.longest, self.symbols = counts, letters, longest, 1 + letters
        self.cumulative = np.cumsum(probabilities)
        strings = self.strings(counts)
        weights = np.zeros((longest + 1, self.symbols, self.symbols))
        valid = np.arange(longest + 1)[:, None] <= letters * counts
        steps, columns = np.nonzero(valid)
        np.add.at(weights, (steps, strings[:-1][valid], strings[1:][valid]), probabilities[columns])
        self.costs = -_log(weights / np.maximum(weights.sum(axis=2, keepdims=True), 1e-300))
        self.memoryless_mean = float((weights * self.costs).sum() / weights.sum())
        self.optimal_mean = float((weights * self.costs)[:, :2].sum() / weights.sum())
        later = weights[:, 2:]
        self.chance = float(later.max(axis=2).sum() / later.sum())

    def strings(self, n: Array) -> Array:
        """Return the strings of these n [longest + 2, B]."""
        letter = (np.arange(-1, self.longest + 1)[:, None] // n) + 1
        return np.where(letter <= self.letters, letter, 0)

    def draw(self, random: np.random.Generator, size: int) -> Array:
        chosen = np.searchsorted(self.cumulative, random.random(size) * self.cumulative[-1], side="right")
        return self.strings(self.counts[chosen.clip(max=len(self.counts) - 1)])

    def scored(self, inputs: Array, targets: Array) -> Array:
        return inputs >= 2

    def memoryless(self, inputs: Array, targets: Array) -> Array:
        return np.asarray(self.costs[np.arange(len(inputs))[:, None], inputs, targets])

    def optimal(self, inputs: Array, targets: Array) -> Array:
        return np.where(inputs < 2, self.memoryless(inputs, targets), 0)  # while there are a, the time says all


class Brackets(Language):
    """Balanced brackets: symbols 1.. open, 1 + kinds.. close."""

    def __init__(self, longest: int, shortest: int, probability: float, kinds: int) -> None:
        self.longest, self.kinds, self.symbols = longest, kinds, 1 + 2 * kinds
        steps, depths = np.arange(longest + 1)[:, None], np.arange(longest // 2 + 2)
        self.opens = np.where(steps + depths + 2 <= longest, probability, 0.0)
        self.opens[:shortest, 0] = 1
        """The probability [t, depth] that symbol t + 1 opens a bracket."""
        events = self._events()
        shares = events / np.maximum(events.sum(axis=2, keepdims=True), 1e-300)
        each = np.ones((3, 3)) * [kinds, kinds, 1]  # an event's kinds; after an opening bracket only one can close
        each[1, 1] = 1
        self.costs = -_log(shares / each)
        self.memoryless_mean = float((events * self.costs).sum() / events.sum())
        after_closing = events[:, 2] / each[2]
        right = np.take_along_axis(after_closing * [0, 1, 1], after_closing.argmax(axis=1)[:, None], axis=1)
        self.chance = float(right.sum() / events[:, 2, 1:].sum())

    def _events(self) -> Array:
        """Return the probabilities [t, last, next] of a start (last only, 0), an opening and a closing one, and an end.

        last: 0 start, 1 opening, 2 closing; next: 0 opening, 1 closing, 2 end. Sets the optimal mean on the way.
        """
        events = np.zeros((self.longest + 1, 3, 3))
        state = np.zeros((3, self.opens.shape[1]))
        state[0, 0] = 1
        entropy = 0.0
        for t, opens in enumerate(self.opens):
            opening, other = state * opens, state * (1 - opens)
            events[t] = np.stack([opening.sum(axis=1), other[:, 1:].sum(axis=1), other[:, 0]], axis=1)
            entropy -= float((opening * _log(opens / self.kinds) + other * _log(1 - opens)).sum())
            state = np.zeros_like(state)
            state[1, 1:] = opening.sum(axis=0)[:-1]
            state[2, :-1] = other.sum(axis=0)[1:]
        self.optimal_mean = entropy / float(events.sum())
        return events

    def draw(self, random: np.random.Generator, size: int) -> Array:
        chances, kinds = random.random((self.longest, size)), random.integers(0, self.kinds, (self.longest, size))
        strings = np.zeros((self.longest + 2, size), dtype=np.int64)
        stack = np.zeros((self.longest // 2 + 2, size), dtype=np.int64)
        rows, depth, alive = np.arange(size), np.zeros(size, dtype=np.int64), np.ones(size, dtype=bool)
        for t in range(self.longest):
            opening = alive & (chances[t] < self.opens[t][depth])
            alive &= opening | (depth > 0)
            if not alive.any():
                break
            closing = alive & ~opening
            stack[depth, rows] = np.where(opening, kinds[t], stack[depth, rows])
            closed = stack[depth - closing, rows]
            strings[t + 1] = np.where(opening, 1 + kinds[t], np.where(closing, 1 + self.kinds + closed, 0))
            depth += opening.astype(np.int64) - closing
        return strings

    def _class(self, symbols: Array) -> Array:
        """Return 0 for #, 1 for an opening bracket, 2 for a closing one."""
        return (symbols > 0) + (symbols > self.kinds).astype(np.int64)

    def scored(self, inputs: Array, targets: Array) -> Array:
        return (self._class(inputs) == 2) & (self._class(targets) != 1)

    def memoryless(self, inputs: Array, targets: Array) -> Array:
        event = (self._class(targets) - 1) % 3
        return np.asarray(self.costs[np.arange(len(inputs))[:, None], self._class(inputs), event])

    def optimal(self, inputs: Array, targets: Array) -> Array:
        moves = np.array([0, 1, -1])[self._class(inputs)]
        opens = self.opens[np.arange(len(inputs))[:, None], moves.cumsum(axis=0)]
        return -_log(np.where(self._class(targets) == 1, opens / self.kinds, 1 - opens))


def _log(probabilities: Array) -> Array:
    """Return the logarithm, 0 where there is nothing."""
    return np.log(np.where(probabilities > 0, probabilities, 1))
