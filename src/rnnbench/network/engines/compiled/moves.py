"""Operations that only move numbers: where the number at a place comes from."""

from __future__ import annotations

import operator
from math import prod
from typing import Any

import torch
from torch import fx

from rnnbench.network.engines.compiled.index import Box, Index
from rnnbench.network.engines.compiled.record import PARTS, RESHAPING, SAME, SCATTERS, SPLITS

aten = torch.ops.aten
MOVES = {
    *SAME, *RESHAPING, *PARTS, *SCATTERS, *SPLITS, aten.permute.default, aten.cat.default, aten.copy.default,
    operator.getitem,
}  # fmt: skip


def shape_of(value: Any) -> tuple[int, ...]:
    return tuple(value.meta["val"].shape) if isinstance(value, fx.Node) else ()


def source(node: fx.Node, index: Index, box: Box) -> tuple[Any, Index]:
    """(value, place in its shape) where the number at ``index`` in the shape of a node of MOVES comes from.

    Raises Change where they come from several places.
    """
    arguments: Any = node.args
    shape = shape_of(node)
    if node.target is aten.expand.default:
        return arguments[0], box.narrowed(index, shape, shape_of(arguments[0]))
    if node.target is aten.copy.default:
        return arguments[1], box.narrowed(index, shape, shape_of(arguments[1]))
    if node.target is aten.permute.default:
        return arguments[0], box.permuted(index, shape, [axis % len(shape) for axis in arguments[1]])
    if node.target is operator.getitem:
        return _of_split(node, index, box)
    if node.target in PARTS:
        return _part(node, index, box)
    if node.target is aten.cat.default:
        return _joined(node, index, box)
    if node.target in SCATTERS:
        return _scattered(node, index, box)
    return arguments[0], index


class Along:
    """An index as places before, along and after an axis of a shape."""

    def __init__(self, index: Index, box: Box, shape: tuple[int, ...], axis: int) -> None:
        self.inner = prod(shape[axis + 1 :])
        index, self.after = box.split(index, self.inner)
        first = prod(shape[:axis]) == 1
        self.before, self.place = (Index(), index) if first else box.split(index, shape[axis])

    def at(self, place: Index, size: int) -> Index:
        """The index of another place along the axis, of which there are ``size``."""
        return self.before.times(size).plus(place).times(self.inner).plus(self.after)


def _of_split(node: fx.Node, index: Index, box: Box) -> tuple[Any, Index]:
    """A part of what was split."""
    whole: Any = node.args[0]
    place: Any = node.args[1]
    source, sizes, *axes = whole.args
    shape = shape_of(source)
    axis = (axes[0] if axes else 0) % len(shape)
    start = place * sizes if isinstance(sizes, int) else sum(sizes[:place])
    along = Along(index, box, shape_of(node), axis)
    return source, along.at(along.place.plus(Index(start)), shape[axis])


def _part(node: fx.Node, index: Index, box: Box) -> tuple[Any, Index]:
    """A slice of an axis, or one place along it."""
    source, axis, start, step = _selection(node, 1)
    shape = shape_of(source)
    size = 1 if node.target is aten.select.int else shape_of(node)[axis]
    along = Along(index, box, (*shape[:axis], size, *shape[axis + 1 :]), axis)
    return source, along.at(along.place.times(step).plus(Index(start)), shape[axis])


def _joined(node: fx.Node, index: Index, box: Box) -> tuple[Any, Index]:
    """One of several side by side."""
    arguments: Any = node.args
    shape = shape_of(node)
    axis = (arguments[1] if len(arguments) > 1 else 0) % len(shape)
    along = Along(index, box, shape, axis)
    place = along.place
    for each in arguments[0][:-1]:
        if box.below(place, shape_of(each)[axis]):
            return each, along.at(place, shape_of(each)[axis])
        place = place.plus(Index(-shape_of(each)[axis]))
    return arguments[0][-1], along.at(place, shape_of(arguments[0][-1])[axis])


def _scattered(node: fx.Node, index: Index, box: Box) -> tuple[Any, Index]:
    """A row of which a part was exchanged."""
    whole, axis, start, step = _selection(node, 2)
    part: Any = node.args[1]
    size = shape_of(part)[axis] if node.target is aten.slice_scatter.default else 1
    along = Along(index, box, shape_of(node), axis)
    if box.below(along.place, start) or not box.below(along.place, start + step * (size - 1) + 1):
        return whole, index
    place, between = box.split(along.place.plus(Index(-start)), step)
    return (part, along.at(place, size)) if box.below(between, 1) else (whole, index)


def _selection(node: fx.Node, first: int) -> tuple[Any, int, int, int]:
    """(what is selected from, axis, start, step), of which the arguments from ``first`` on speak."""
    arguments: Any = [*node.args, *[None] * 4]
    whole, axis, start = arguments[0], arguments[first] or 0, arguments[first + 1] or 0
    axis %= len(shape_of(whole))
    size = shape_of(whole)[axis]
    slices = node.target in (aten.slice.Tensor, aten.slice_scatter.default)
    step = arguments[first + 3] or 1 if slices else 1
    return whole, axis, min(max(0, start + size if start < 0 else start), size), step
