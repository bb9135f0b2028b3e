"""Places in an array as functions of counters of loops.

An ``Index`` is start + sum of coefficient * counter: the place of a number in the row-major order of a whole shape,
axis of the batch included. A ``Box`` is a nest of loops. An operation that moves numbers takes an index apart into
places along axes (``split``); where one counter runs through several of them, it raises Change, and the box is made
again with two counters in its place, or as two boxes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import prod
from typing import NamedTuple

from rnnbench.network.engines.compiled.record import Unsupported

BATCH = -1
"""The counter of sequences."""
UNROLLED = 16
"""How far a counter may count that is cut into single places."""


class Index(NamedTuple):
    """``start`` plus each coefficient times its counter; ``terms`` are (counter, coefficient), by counter."""

    start: int = 0
    terms: tuple[tuple[int, int], ...] = ()

    def plus(self, other: Index) -> Index:
        found = dict(self.terms)
        for counter, coefficient in other.terms:
            found[counter] = found.get(counter, 0) + coefficient
        return Index(self.start + other.start, tuple(sorted(found.items())))

    def times(self, factor: int) -> Index:
        return Index(self.start * factor, tuple((counter, each * factor) for counter, each in self.terms))

    def of(self, counter: int) -> int:
        """The coefficient of a counter."""
        return dict(self.terms).get(counter, 0)

    def without(self, counter: int) -> Index:
        return Index(self.start, tuple(each for each in self.terms if each[0] != counter))


@dataclass
class Change(Exception):
    """A box must be made again: ``counter`` is cut at ``at``, or becomes two, the second of which counts to ``at``."""

    counter: int
    at: int
    cut: bool

    def __call__(self, box: Box, indices: Iterable[Index]) -> list[tuple[Box, list[Index]]]:
        """The boxes in place of ``box``, each with what the indices are in it."""
        indices = list(indices)
        before, extent, after = box.around(self.counter)
        if not self.cut:
            halved = [Index(each.start, tuple(_factored(each, self.counter, self.at))) for each in indices]
            return [(Box(box.batch, (*before, extent // self.at, self.at, *after)), halved)]
        moved = [each.plus(Index(each.of(self.counter) * self.at)) for each in indices]
        parts = ((self.at, indices), (extent - self.at, moved))
        return [_fewer(Box(box.batch, (*before, size, *after)), self.counter, each) for size, each in parts]


def _factored(index: Index, counter: int, size: int) -> Iterable[tuple[int, int]]:
    for each, coefficient in index.terms:
        if each == counter:
            yield each, coefficient * size
        yield (each if each < counter else each + 1), coefficient


def _fewer(box: Box, counter: int, indices: list[Index]) -> tuple[Box, list[Index]]:
    """Without a counter that counts to one."""
    before, extent, after = box.around(counter)
    if extent > 1:
        return box, indices
    left = [Index(index.start, tuple((each if each < counter else each - 1, coefficient)
                                     for each, coefficient in index.terms if each != counter))
            for index in indices]  # fmt: skip
    return Box(box.batch, (*before, *after)), left


@dataclass(frozen=True)
class Box:
    """Loops in one another for each sequence: how far their counters count, from the outermost to the innermost."""

    batch: int
    extents: tuple[int, ...]

    @property
    def size(self) -> int:
        return prod(self.extents)

    def around(self, counter: int) -> tuple[tuple[int, ...], int, tuple[int, ...]]:
        return self.extents[:counter], self.extents[counter], self.extents[counter + 1 :]

    def extent(self, counter: int) -> int:
        return self.batch if counter == BATCH else self.extents[counter]

    def most(self, terms: Iterable[tuple[int, int]]) -> int:
        return sum(coefficient * (self.extent(counter) - 1) for counter, coefficient in terms)

    def split(self, index: Index, size: int) -> tuple[Index, Index]:
        """``index`` // ``size`` and ``index`` % ``size``. Raises Change where these are no such functions."""
        whole = tuple((counter, each // size) for counter, each in index.terms if each % size == 0)
        rest = tuple(each for each in index.terms if each[1] % size)
        quotient, start = divmod(index.start, size)
        if start + self.most(rest) < size:
            return Index(quotient, whole), Index(start, rest)
        raise self._change(start, rest, size)

    def _change(self, start: int, rest: tuple[tuple[int, int], ...], size: int) -> Change:
        counter, step = max(rest, key=lambda each: each[1])
        below = start % step + self.most(each for each in rest if each[0] != counter)
        if counter == BATCH:
            raise Unsupported("another operation for some sequences")
        if size % step or below >= step:  # no shape has such axes: place by place
            if self.extents[counter] > UNROLLED:
                raise Unsupported("axes that are moved and taken apart again")
            return Change(counter, 1, cut=True)
        extent, whole = self.extents[counter], size // step
        if start >= step:
            return Change(counter, whole - start // step, cut=True)
        if extent % whole:
            return Change(counter, extent // whole * whole, cut=True)
        return Change(counter, whole, cut=False)

    def below(self, index: Index, limit: int) -> bool:
        """Whether ``index`` is always below ``limit``; raises Change where it is only sometimes."""
        if index.start + self.most(index.terms) < limit:
            return True
        if index.start >= limit:
            return False
        counter, step = max(index.terms, key=lambda each: each[1])
        if counter == BATCH:
            raise Unsupported("another operation for some sequences")
        raise Change(counter, min(max(1, (limit - index.start) // step), self.extents[counter] - 1), cut=True)

    def narrowed(self, index: Index, shape: tuple[int, ...], onto: tuple[int, ...]) -> Index:
        """The place in an array of shape ``onto`` that is spread to ``shape``."""
        if shape == onto:
            return index
        onto = (1,) * (len(shape) - len(onto)) + onto
        groups: list[list[int]] = []  # [size, whether it is kept], axes side by side together
        for size, kept in zip(shape, onto, strict=True):
            if size == 1:
                continue
            if groups and groups[-1][1] == (size == kept):
                groups[-1][0] *= size
            else:
                groups.append([size, size == kept])
        found, stride = Index(), 1
        for place, (size, kept) in reversed(list(enumerate(groups))):
            index, part = self.split(index, size) if place else (Index(), index)
            if kept:
                found, stride = found.plus(part.times(stride)), stride * size
        return found

    def permuted(self, index: Index, shape: tuple[int, ...], axes: list[int]) -> Index:
        """The place before axes were moved: ``shape`` is that after, whose axis a was axis ``axes[a]``."""
        groups: list[list[int]] = []  # axes that stay side by side
        for axis, source in enumerate(axes):
            if groups and axes[axis - 1] + 1 == source:
                groups[-1].append(axis)
            else:
                groups.append([axis])
        parts: dict[int, tuple[Index, int]] = {}
        for place, group in reversed(list(enumerate(groups))):
            size = prod(shape[axis] for axis in group)
            index, part = self.split(index, size) if place else (Index(), index)
            parts[axes[group[0]]] = part, size
        found, stride = Index(), 1
        for _, (part, size) in sorted(parts.items(), reverse=True):
            found, stride = found.plus(part.times(stride)), stride * size
        return found
