"""Which loops a stage consists of, and where each number in them comes from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import fx

from rnnbench.network.engines.compiled.index import BATCH, Box, Change, Index
from rnnbench.network.engines.compiled.moves import shape_of
from rnnbench.network.engines.compiled.operations import REDUCTIONS
from rnnbench.network.engines.compiled.stages import Kernel
from rnnbench.network.engines.compiled.stores import Store
from rnnbench.network.engines.compiled.values import axes_of

aten = torch.ops.aten
Phase = tuple[int, int]


class Source(NamedTuple):
    """A number: at ``offset`` in ``array``, a (kind, name) of the stage's arguments, or computed of ``operands``."""

    value: Any
    place: Index
    array: tuple[str, Any] | None = None
    offset: Index = Index()
    operands: tuple[tuple[Any, Index] | None, ...] = ()


class Nest(NamedTuple):
    """Loops in one another, and what is stored in each round; ``order`` is from the outermost counter inwards."""

    box: Box
    order: tuple[int, ...]
    stores: list[Store]


class Summand(NamedTuple):
    """Loops over numbers that are summed: which, and where to; ``summed`` is a value and a place in its shape."""

    box: Box
    order: tuple[int, ...]
    summed: tuple[Any, Index]
    target: Index

    @property
    def reduced(self) -> list[int]:
        """The counters of numbers with one sum."""
        return [counter for counter in self.order if not self.target.of(counter)]


@dataclass
class Reader:
    """Finds where the numbers that a phase of a kernel reads are."""

    kernel: Kernel
    now: Phase = (0, 0)
    sums: bool = False
    """Whether it is at the sums of a phase, which come after what that stores."""

    def source(self, value: Any, index: Index, box: Box) -> Source:
        """Where the number of a value at a place in its shape is found. Raises Change."""
        values = self.kernel.values
        value, index = self.kernel.found(value, index, box, self._available)
        if values.kind(value) == "uniform":
            return Source(value, Index())
        if values.kind(value) == "constant":
            return Source(value, index, ("constant", value), values.offset(value, index, box))
        if self._available(value):
            given = self.kernel.given.get(value)
            buffer, column, before = given if given is not None else (*self.kernel.homes[value], False)
            offset = values.offset(value, index, box).plus(Index(column))
            return Source(value, index, ("rows", (buffer, before)), offset)
        shape = shape_of(value)
        operands = tuple(
            (each, box.narrowed(index, shape, shape_of(values.root(each)))) if isinstance(each, fx.Node)
            else None if each is None else (each, Index())
            for each in value.args
        )  # fmt: skip
        return Source(value, index, operands=operands)

    def _available(self, node: Any) -> bool:
        """Whether a row lies in memory by now."""
        if node in self.kernel.given:
            return True
        if node not in self.kernel.homes:
            return False
        if node.target is aten.mm.default or node.target in REDUCTIONS:
            return True
        stage, phase = self.kernel.phase(node)
        stored = stage, phase - self.kernel.ahead(node)
        return stored <= self.now if self.sums else stored < self.now

    def reads(self, value: Any, index: Index, box: Box) -> Iterator[Index]:
        """The places in arrays that a number is computed of. Raises Change."""
        todo, seen = [(value, index)], set()
        while todo:
            source = self.source(*todo.pop(), box)
            if (source.value, source.place) in seen:
                continue
            seen.add((source.value, source.place))
            if source.array is not None:
                yield source.offset
            todo += [each for each in source.operands if each is not None and isinstance(each[0], fx.Node)]

    def nests(self, stores: list[Store]) -> list[Nest]:
        """The loops of a phase: one for all that is stored in like boxes."""
        todo, boxes = list(stores), dict[Box, list[tuple[Store, list[Index]]]]()
        while todo:
            store = todo.pop(0)
            terms = store.node if isinstance(store.node, tuple) else (store.node,)
            try:
                reads = [place for each in terms for place in self.reads(each, store.index, store.box)]
            except Change as change:
                todo[:0] = [
                    Store(store.buffer, target, store.node, index, box)
                    for box, (target, index) in change(store.box, (store.target, store.index))
                ]
            else:
                boxes.setdefault(store.box, []).append((store, [*reads, store.target]))
        return [
            Nest(box, _order(box, [place for _, places in found for place in places]), [store for store, _ in found])
            for box, found in boxes.items()
        ]

    def summands(self, store: Store) -> list[Summand]:
        """The loops of a sum."""
        values = self.kernel.values
        summed = values.root(store.node.args[0])
        shape, axes = shape_of(summed), axes_of(store.node)
        left = tuple(1 if axis in axes else size for axis, size in enumerate(shape))
        todo, done = [values.whole(summed)[:2]], list[Summand]()
        while todo:
            box, index = todo.pop(0)
            try:
                place = values.offset(store.node, box.narrowed(index, shape, left), box)
                target = place.plus(Index(store.target.start))
                reads = list(self.reads(summed, index, box))
            except Change as change:
                todo[:0] = [(smaller, found) for smaller, (found,) in change(box, [index])]
            else:
                done.append(Summand(box, _order(box, [*reads, target]), (summed, index), target))
        return done


def _order(box: Box, places: Iterable[Index]) -> tuple[int, ...]:
    """The counters in their order, but innermost that whose neighbours lie side by side in the most arrays."""
    strided = Counter(counter for place in places for counter, step in place.terms if step > 1 and counter != BATCH)
    counters = range(len(box.extents))
    if not counters:
        return ()
    inner = min(counters, key=lambda counter: (strided[counter], -counter))
    return (*(each for each in counters if each != inner), inner)
