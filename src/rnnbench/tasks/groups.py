"""Multiplication tables of finite groups, from permutations; the identity is element 0."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from rnnbench.tasks.base import Array


def cycles(points: int, *moved: tuple[int, ...]) -> tuple[int, ...]:
    """Return the permutation of 0..points-1 with these cycles."""
    found = list(range(points))
    for cycle in moved:
        for here, there in zip(cycle, (*cycle[1:], cycle[0]), strict=True):
            found[here] = there
    return tuple(found)


GENERATORS = {
    "Z60": [cycles(12, (0, 1, 2), (3, 4, 5, 6), (7, 8, 9, 10, 11))],
    "A4xZ5": [cycles(9, (0, 1, 2)), cycles(9, (1, 2, 3)), cycles(9, (4, 5, 6, 7, 8))],
    "A5": [cycles(5, (0, 1, 2)), cycles(5, (0, 1, 2, 3, 4))],
    "S3": [cycles(3, (0, 1)), cycles(3, (0, 1, 2))],
    "S5": [cycles(5, (0, 1)), cycles(5, (0, 1, 2, 3, 4))],
}
"""Permutations that generate each group."""


@lru_cache
def elements(name: str) -> Array:
    """Return the permutations [n, points] of a group, in the order of their images: the identity comes first."""
    identity = tuple(range(len(GENERATORS[name][0])))
    found, new = {identity}, [identity]
    while new:
        products = {tuple(generator[point] for point in each) for each in new for generator in GENERATORS[name]}
        new = list(products - found)
        found.update(new)
    return np.array(sorted(found))


@lru_cache
def table(name: str) -> Array:
    """Return the products [n, n]: of a, then b, applied one after the other."""
    group = elements(name)
    products = group[np.arange(len(group))[None, :, None], group[:, None, :]]  # [a, b, point]: b[a[point]]
    digits = group.shape[1] ** np.arange(group.shape[1])[::-1]
    return np.searchsorted(group @ digits, products @ digits)


def swaps(name: str) -> Array:
    """Return the identity and the elements that exchange two points."""
    group = elements(name)
    moved = (group != np.arange(group.shape[1])).sum(axis=1)
    return np.flatnonzero((moved == 0) | (moved == 2))
