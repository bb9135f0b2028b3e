"""Count models of text: the loss of a predictor that knows the last n symbols and the frequencies of the training text.

    p(next | context) = (count(context, next) + .05) / (count(context) + .05 D)

with D symbols and add-.05 smoothing. They make a language model's loss mean something: order 1 is the best that a
network without memory can do, orders 2 to 4 say how much a short memory is worth.
"""

from __future__ import annotations

import numpy as np

from rnnbench.tasks.base import Array

SMOOTHING = 0.05


def count_model_loss(train: Array, held: Array, order: int, symbols: int) -> float:
    """Return the cross-entropy, in nats a symbol, of the ``order``-n model of ``train`` on ``held``: tokens [N] int64.

    The first ``order`` symbols of ``held`` have no whole context and do not count.
    """
    contexts = _contexts(np.concatenate([train, held]), order, symbols)
    seen = contexts[len(train) :]  # entry i is the context of token i + order
    contexts = contexts[: len(train) - order]
    together = _counts(contexts * symbols + train[order:], seen * symbols + held[order:])
    alone = _counts(contexts, seen)
    return float(-np.mean(np.log((together + SMOOTHING) / (alone + SMOOTHING * symbols))))


def order_one_loss(train: Array, before: Array, after: Array, symbols: int) -> float:
    """Return the cross-entropy of the order-1 model of ``train`` on pairs of neighbours; all are tokens [N] int64."""
    together = _counts(train[:-1] * symbols + train[1:], before * symbols + after)
    alone = _counts(train[:-1], before)
    return float(-np.mean(np.log((together + SMOOTHING) / (alone + SMOOTHING * symbols))))


def _contexts(tokens: Array, order: int, symbols: int) -> Array:
    """Return a number for the ``order`` symbols before each position from ``order`` on, equal for equal contexts."""
    codes = np.zeros(len(tokens) - order, dtype=np.int64)
    for back in range(order):
        # Renumbered at every step, because a power of a large alphabet would overflow.
        codes = np.unique(codes * symbols + tokens[back : back - order], return_inverse=True)[1]
    return codes


def _counts(population: Array, wanted: Array) -> Array:
    """Return how often each of ``wanted`` occurs in ``population``."""
    values, counts = np.unique(population, return_counts=True)
    positions = np.searchsorted(values, wanted).clip(max=len(values) - 1)
    return np.where(values[positions] == wanted, counts[positions], 0)
