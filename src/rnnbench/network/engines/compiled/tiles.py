"""Sums of products in registers, where a loop would load and store a sum for every product.

Where a number that is summed is the product of two in memory, as in the product of two matrices, ``lanes`` of them are
one vector: neighbours either of the sum (then one of the two is the same for all) or among what is summed (then the
vector is summed at the end). Several vectors are summed at once, one for each pair of places that only one of the two
depends on, so that what is loaded is used more than once.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any, NamedTuple

import torch

from rnnbench.network.engines.compiled.counted import INT, counted
from rnnbench.network.engines.compiled.nests import Reader, Source, Summand
from rnnbench.network.engines.compiled.stores import Store
from rnnbench.network.engines.compiled.vectors import Vector, divisor

aten = torch.ops.aten
VECTOR = 32
"""Bytes of the vectors that most processors have."""


class Tile(NamedTuple):
    """``vector`` is the counter of neighbours, ``lanes`` how many are one vector; ``steps`` has, of each operand, the
    counter that the other does not depend on, with how many of its places are computed at once.
    """

    part: Summand
    operands: tuple[Source, Source]
    summed: int
    vector: int
    lanes: int
    steps: tuple[tuple[int, int] | None, tuple[int, int] | None]


def found(reader: Reader, store: Store, parts: list[Summand], size: int) -> Tile | None:
    """The tile of a sum of numbers of ``size`` bytes, where it is one of products of what lies in memory."""
    part = parts[0]
    product = reader.source(*part.summed, part.box)
    one_sum = len(parts) == 1 and len(part.reduced) == 1 and store.node.target is aten.sum.dim_IntList
    if not one_sum or product.array is not None or getattr(product.value, "target", None) is not aten.mul.Tensor:
        return None
    operands = [reader.source(*each, part.box) for each in product.operands if each is not None]
    if len(operands) < 2 or any(each.array is None for each in operands):
        return None
    first, second = operands
    summed = part.reduced[0]
    free = [counter for counter in part.order if counter != summed]
    outer = [
        counter for counter in free
        if part.target.of(counter) == 1 and sorted(each.offset.of(counter) for each in operands) == [0, 1]
    ]  # fmt: skip
    inner = first.offset.of(summed) == second.offset.of(summed) == 1
    if not outer and not inner:
        return None
    vector = outer[0] if outer else summed
    steps: list[tuple[int, int] | None] = []
    for this, other, most in ((first, second, 4), (second, first, 4 if outer else 2)):
        own = [each for each in free if each != vector and this.offset.of(each) and not other.offset.of(each)]
        if outer and this.offset.of(vector):  # its lanes are in place of steps
            own = []
        steps.append((own[0], divisor(part.box.extents[own[0]], most)) if own else None)
    wide = VECTOR if not outer else 2 * VECTOR if any(steps) else 4 * VECTOR
    lanes = divisor(part.box.extents[vector], wide // size)
    if lanes * size < VECTOR // 2:
        return None
    return Tile(part, (first, second), summed, vector, lanes, (steps[0], steps[1]))


def write(columns: Any, store: Store, tile: Tile) -> None:
    """The loops of a tile, into a stage that is being written (``loops.Columns``)."""
    builder, box = columns.builder, tile.part.box
    stepped = {each[0]: each[1] for each in tile.steps if each is not None}
    outside = [each for each in tile.part.order if each not in (tile.summed, tile.vector, *stepped)]
    along = tile.vector == tile.summed
    if not along:
        stepped[tile.vector] = tile.lanes
    vector = Vector(builder, columns.real, tile.lanes)
    with columns.nest(box, tuple(outside)), ExitStack() as loops:
        for counter, size in stepped.items():
            loop = loops.enter_context(counted(builder, columns.number(box.extents[counter] // size)))
            columns.counters[counter] = builder.mul(loop.index, INT(size))
        count = box.extents[tile.summed] // (tile.lanes if along else 1)
        places = [(one, other) for one in range(_count(tile.steps[0])) for other in range(_count(tile.steps[1]))]
        with counted(builder, columns.number(count), [vector.zero] * len(places)) as loop:
            columns.counters[tile.summed] = builder.mul(loop.index, INT(tile.lanes)) if along else loop.index
            loaded = [
                [_load(columns, tile, each, vector) for _ in _places(columns, step)]
                for each, step in zip(tile.operands, tile.steps, strict=True)
            ]
            for (one, other), carried in zip(places, loop.carried, strict=True):
                loop.results.append(vector.plus_product(carried, loaded[0][one], loaded[1][other]))
        results = iter(loop.results)
        for _ in _places(columns, tile.steps[0]):
            for _ in _places(columns, tile.steps[1]):
                pointer = columns.pointer(store.buffer, False, tile.part.target)
                if along:
                    builder.store(vector.total(next(results)), pointer)
                else:
                    vector.store(next(results), pointer)


def _count(step: tuple[int, int] | None) -> int:
    return 1 if step is None else step[1]


def _places(columns: Any, step: tuple[int, int] | None) -> Iterator[None]:
    """The places of a counter that are computed at once, one after the other."""
    if step is None:
        yield
        return
    counter, size = step
    start = columns.counters[counter]
    for place in range(size):
        columns.counters[counter] = columns.builder.add(start, INT(place)) if place else start
        yield
    columns.counters[counter] = start


def _load(columns: Any, tile: Tile, source: Source, vector: Vector) -> Any:
    """A vector of an operand: neighbours, or one number in all places."""
    assert source.array is not None
    pointer = columns.located(*source.array, source.offset)
    return vector.load(pointer) if source.offset.of(tile.vector) else vector.everywhere(pointer)
