"""Random arithmetic expressions modulo m, many at once, their values, and how the values are distributed.

Tokens are digits 0..m-1, then m + PLUS, MINUS, TIMES, OPEN, CLOSE, EQUALS.
"""

from __future__ import annotations

import numpy as np

from rnnbench.tasks.base import Array

PLUS, MINUS, TIMES, OPEN, CLOSE, EQUALS = range(6)
SIGNS = 6


def applied(operator: Array, a: Array, b: Array, modulus: int) -> Array:
    """Return a o b modulo m for each of many operators."""
    return np.where(operator == TIMES, a * b, np.where(operator == MINUS, a - b, a + b)) % modulus


def plain(
    random: np.random.Generator, lengths: Array, longest: int, modulus: int, operators: int
) -> tuple[Array, Array]:
    """Return expressions [longest, B] of these odd lengths without brackets, and their values [B]."""
    numbers, size = (longest + 1) // 2, len(lengths)
    digits = random.integers(0, modulus, (numbers, size))
    signs = random.integers(0, operators, (numbers, size))  # the sign after each digit
    tokens = np.stack([digits, modulus + signs], axis=1).reshape(2 * numbers, size)[:longest]
    total, term = np.zeros(size, dtype=np.int64), digits[0]
    values = np.empty_like(digits)
    values[0] = term
    for k in range(1, numbers):
        times = signs[k - 1] == TIMES
        total = np.where(times, total, total + term)
        term = np.where(times, term * digits[k], np.where(signs[k - 1] == MINUS, -digits[k], digits[k])) % modulus
        values[k] = total + term
    return tokens, values[lengths // 2, np.arange(size)] % modulus


def plain_values(longest: int, modulus: int, operators: int) -> Array:
    """Return the probabilities [longest + 1, m] of the values of expressions of each odd length without brackets."""
    found = np.zeros((longest + 1, modulus))
    state = np.zeros((modulus, modulus))  # of (sum of the finished terms, the last term)
    state[0] = 1 / modulus
    sums = np.add.outer(np.arange(modulus), np.arange(modulus)) % modulus
    products = np.multiply.outer(np.arange(modulus), np.arange(modulus)) % modulus
    for length in range(1, longest + 1, 2):
        found[length] = np.bincount(sums.ravel(), state.ravel(), modulus)
        new = np.zeros_like(state)
        new += 2 / operators * found[length][:, None] / modulus  # + and -: the term is finished, a new one begins
        if operators > TIMES:
            for digit in range(modulus):
                for term in range(modulus):
                    new[:, products[term, digit]] += state[:, term] / modulus / operators
        state = new
    return found


def bracketed(
    random: np.random.Generator, lengths: Array, longest: int, modulus: int, operators: int
) -> tuple[Array, Array]:
    """Return expressions [longest, B] of these lengths with brackets, and their values [B].

    From the outermost brackets to the innermost ones, all expressions at once; then values from inside to outside.
    """
    size = len(lengths)
    tokens = np.zeros((longest, size), dtype=np.int64)
    starts, sequences, sizes = np.zeros(size, dtype=np.int64), np.arange(size), lengths
    levels = []
    while len(sizes):
        leaf = sizes <= 4
        digits = random.integers(0, modulus, int(leaf.sum()))
        values = np.empty(len(sizes), dtype=np.int64)
        values[leaf] = _leaves(tokens, starts[leaf], sequences[leaf], sizes[leaf], digits, modulus)
        begin, column, wide = starts[~leaf], sequences[~leaf], sizes[~leaf]
        left = 1 + (random.random(len(wide)) * (wide - 4)).astype(np.int64)
        operator = random.integers(0, operators, len(wide))
        tokens[begin, column] = modulus + OPEN
        tokens[begin + 1 + left, column] = modulus + operator
        tokens[begin + wide - 1, column] = modulus + CLOSE
        levels.append((values, leaf, operator))
        starts = np.concatenate([begin + 1, begin + 2 + left])
        sequences, sizes = np.tile(column, 2), np.concatenate([left, wide - 3 - left])
    inner = np.zeros(0, dtype=np.int64)
    for values, leaf, operator in reversed(levels):
        a, b = inner.reshape(2, -1)
        values[~leaf] = applied(operator, a, b, modulus)
        inner = values
    return tokens, inner


def _leaves(tokens: Array, starts: Array, columns: Array, sizes: Array, digits: Array, modulus: int) -> Array:
    """Write d, -d, (d) and (-d), by size, into ``tokens``; return their values."""
    bracket, negative = sizes >= 3, sizes % 2 == 0
    place = starts + bracket
    tokens[starts[bracket], columns[bracket]] = modulus + OPEN
    tokens[place[negative], columns[negative]] = modulus + MINUS
    tokens[place + negative, columns] = digits
    tokens[(starts + sizes - 1)[bracket], columns[bracket]] = modulus + CLOSE
    return np.where(negative, -digits, digits) % modulus


def bracket_values(longest: int, modulus: int, operators: int) -> Array:
    """Return the probabilities [longest + 1, m] of the values of expressions of each length with brackets."""
    found = np.zeros((longest + 1, modulus))
    found[1:5] = 1 / modulus
    a, b = np.meshgrid(np.arange(modulus), np.arange(modulus), indexing="ij")
    results = [applied(np.array(operator), a, b, modulus).ravel() for operator in range(operators)]
    for length in range(5, longest + 1):
        left = found[1 : length - 3]
        joint = np.einsum("la,lb->ab", left, found[length - 4 : 0 : -1]) / len(left)
        for result in results:
            found[length] += np.bincount(result, joint.ravel(), modulus) / operators
    return found
