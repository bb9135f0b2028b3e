"""What the nodes of a traced graph are: rows, constants, uniform numbers, and what the batch was summed to.

    row       a value of every sequence, of any shape with an axis of the batch: computed in the kernels, step by step
    constant  a function of the weights alone: computed by torch before the kernels run, once
    uniform   one number in every place, as of zeros_like: written into the kernels
    total     a sum over the batch of rows, or a function of one: the way to a weight's gradient, which is linear in
              it, so that torch computes it once after the kernels, of the sums over all steps

In memory the numbers of a sequence lie side by side, in the order of the other axes: ``width`` is how many. A row that
is a part of another, made of others side by side, or another's with its axes moved, is never stored by itself:
``moved`` says where its numbers come from.
"""

from __future__ import annotations

import operator
from math import prod
from typing import Any

import torch
from torch import fx

from rnnbench.network.engines.compiled import moves
from rnnbench.network.engines.compiled.index import BATCH, Box, Index
from rnnbench.network.engines.compiled.moves import shape_of
from rnnbench.network.engines.compiled.operations import POINTWISE, POWERS, REDUCTIONS
from rnnbench.network.engines.compiled.record import COUNTS, FILLS, KNOWN, RESHAPING, SAME, SPLITS, Unsupported
from rnnbench.network.engines.compiled.trace import Traced

aten = torch.ops.aten
FILL = {"zeros": 0.0, "ones": 1.0, "new_zeros": 0.0, "new_ones": 1.0, "zeros_like": 0.0, "ones_like": 1.0}
SCALED = {aten.add.Tensor, aten.add.Scalar, aten.sub.Tensor, aten.sub.Scalar}


class Values:
    """The kinds and places of the nodes of ``traced``. Raises Unsupported for what is none of the kinds."""

    def __init__(self, traced: Traced) -> None:
        self.traced = traced
        self.batch = traced.batch
        rows = [*traced.states, traced.drive, *traced.cotangents]
        self.kinds: dict[fx.Node, str] = {
            **dict.fromkeys(rows, "row"),
            **dict.fromkeys(traced.weights, "constant"),
        }
        self.backward: set[fx.Node] = set(traced.cotangents)
        """The rows that depend on what arrives from later steps."""
        for node in traced.drive.graph.nodes:
            if node.op == "call_function":
                self.kinds[node] = self._kind(node)
                if any(each in self.backward for each in node.all_input_nodes):
                    self.backward.add(node)
                if self.kinds[node] in ("row", "constant") and self.root(node) is not node:
                    node.replace_all_uses_with(self.root(node), delete_user_cb=lambda user: user.op != "output")
        self.repeated = self._repeated()
        """Computed rows of which another row reads a number more than once: computed once, and stored."""

    def kind(self, value: Any) -> str:
        return self.kinds[value] if isinstance(value, fx.Node) else "uniform"

    def _kind(self, node: fx.Node) -> str:
        kinds = {self.kinds[each] for each in node.all_input_nodes}
        if node.target in COUNTS:
            return "constant"
        if not kinds or node.target in FILLS:
            return "uniform"  # one that is used and no fill is found where it is used
        if "total" in kinds or self.contracts(node):
            return "total"
        if "row" in kinds or ("constant" in kinds and self._of_batch(node)):
            if node.target not in KNOWN and node.target is not operator.getitem:
                raise Unsupported(_name(node))
            if node.target in REDUCTIONS and self._axis(shape_of(node.args[0])) in axes_of(node):
                raise Unsupported(f"{_name(node)} over the batch")
            return "row"
        return "constant" if "constant" in kinds else "uniform"

    def contracts(self, node: fx.Node) -> bool:
        """Whether a node sums rows over the batch."""
        if node.target is aten.mm.default:
            first = self.root(node.args[0])
            turned = isinstance(first, fx.Node) and first.target is aten.permute.default
            pair = [first.args[0], node.args[1]] if turned else []
            return turned and all(self.kind(each) == "row" and not self._axis(shape_of(each)) for each in pair)
        if node.target is aten.sum.dim_IntList and self.kind(node.args[0]) == "row":
            shape = shape_of(node.args[0])
            return self._axis(shape) in axes_of(node)
        return False

    def root(self, value: Any) -> Any:
        """The node that ``value`` is another name of, in the same shape."""
        while isinstance(value, fx.Node) and value.op == "call_function":
            if value.target in SAME or (value.target in RESHAPING and self._keeps(value)):
                value = value.args[0]
            elif value.target is aten.copy.default and shape_of(value) == shape_of(value.args[1]):
                value = value.args[1]
            else:
                break
        return value

    def unshaped(self, value: fx.Node) -> fx.Node:
        """The row whose numbers are those of another in the same order, in a shape of its own."""
        value = self.root(value)
        while value.target in RESHAPING and self.width(value) == self.width(value.args[0]):
            value = self.root(value.args[0])
        return value

    def _keeps(self, node: fx.Node) -> bool:
        source: Any = node.args[0]
        return shape_of(source) == shape_of(node) and source.meta["val"].dtype == node.meta["val"].dtype

    def _of_batch(self, node: fx.Node) -> bool:
        return isinstance(node.meta["val"], torch.Tensor) and any(map(self._holds, shape_of(node)))

    def _holds(self, size: int) -> bool:
        """Whether an axis of such a size is that of the batch."""
        return size > 0 and size % self.batch == 0

    def _axis(self, shape: tuple[int, ...]) -> int:
        """The axis of the batch, with which another may have been merged."""
        found = [axis for axis, size in enumerate(shape) if self._holds(size)]
        if len(found) != 1:
            raise Unsupported(f"a value of shape {self.told(shape)}")
        return found[0]

    def _sides(self, value: Any) -> tuple[int, int]:
        """How many numbers of a sequence are counted by axes before the batch's, and by the others."""
        shape = shape_of(value)
        axis = self._axis(shape)
        return prod(shape[:axis]), prod(shape[axis:]) // self.batch

    def width(self, value: Any) -> int:
        """How many numbers a row has for each sequence; of another value, all."""
        return prod(shape_of(value)) if self.kind(value) == "constant" else prod(self._sides(value))

    def alone(self, value: Any) -> tuple[int, ...]:
        """The shape of a row for one sequence."""
        shape = shape_of(value)
        axis = self._axis(shape)
        return (*shape[:axis], shape[axis] // self.batch, *shape[axis + 1 :])

    def merged(self, value: Any) -> int:
        """How many places along the axis of the batch of a row belong to one sequence."""
        shape = shape_of(value)
        return shape[self._axis(shape)] // self.batch

    def whole(self, value: Any) -> tuple[Box, Index, Index]:
        """Loops over all numbers of a row: their place in its shape, and that in memory."""
        if self.kind(value) != "row" and not self._of_batch(value):
            raise Unsupported(f"{_name(value)} of shape {self.told(shape_of(value))} in place of a row")
        before, inner = self._sides(value)
        extents: list[int] = []
        terms = [(BATCH, inner)]
        for size, stride in ((before, inner * self.batch), (inner, 1)):
            if size > 1:
                terms.append((len(extents), stride))
                extents.append(size)
        box, index = Box(self.batch, tuple(extents)), Index(0, tuple(terms))
        return box, index, self.offset(value, index, box)

    def offset(self, value: Any, index: Index, box: Box) -> Index:
        """Where in memory, from a sequence's first number on, the place ``index`` in the shape of a value lies."""
        if self.kind(value) == "constant":
            if index.of(BATCH):
                raise Unsupported(f"{_name(value)}: another weight for each sequence")
            return index
        before, inner = self._sides(value)
        outside = Index()
        if before > 1:
            outside, index = box.split(index, inner * self.batch)
        if index.of(BATCH) != inner:
            raise Unsupported(f"{_name(value)} of another sequence")
        return outside.times(inner).plus(index.without(BATCH))

    def moved(self, node: Any, index: Index, box: Box) -> tuple[Any, Index] | None:
        """(value, place in its shape) where the number at ``index`` comes from; None unless a row only moves numbers.

        Raises Change where they come from several places.
        """
        return moves.source(node, index, box) if self.moves(node) and self.kinds[node] == "row" else None

    def moves(self, node: Any) -> bool:
        """Whether a node only moves numbers, or is what was split."""
        return isinstance(node, fx.Node) and node.target in moves.MOVES

    def _repeated(self) -> set[fx.Node]:
        found: set[fx.Node] = set()
        for node in self.traced.drive.graph.nodes:
            if self.kinds.get(node) != "row" or not self._of_batch(node):
                continue
            if node.target in POINTWISE or node.target is aten.expand.default:
                for each in node.all_input_nodes:
                    if self.kinds[each] == "row" and 1 < self.width(each) < self.width(node):
                        found |= self._computed(each)
        return found

    def _computed(self, node: fx.Node) -> set[fx.Node]:
        """The elementwise rows whose numbers a row has."""
        if self.kinds[node] != "row":
            return set()
        if self.moves(node):
            return {found for each in node.all_input_nodes for found in self._computed(each)}
        stored = node.target in POINTWISE and self.width(node) > 1 and node.meta["val"].dtype.is_floating_point
        return {node} if stored else set()

    def check(self, node: fx.Node) -> None:
        """Raises Unsupported unless a kernel can compute a row."""
        if node.target in SPLITS:
            return
        self.width(node)
        dtype, real = node.meta["val"].dtype, self.traced.drive.meta["val"].dtype
        numbers = any(each.meta["val"].dtype == real for each in node.all_input_nodes if each.target not in SPLITS)
        if dtype not in (real, torch.bool, torch.int64) or (self.moves(node) and numbers and dtype != real):
            raise Unsupported(f"{_name(node)} in {dtype}")
        if self.moves(node):
            return
        if set(node.kwargs) - ({"alpha"} if node.target in SCALED else set()):
            raise Unsupported(f"{_name(node)} with {', '.join(node.kwargs)}")
        if node.target is aten.pow.Tensor_Scalar and node.args[1] not in POWERS:
            raise Unsupported(f"{_name(node)} of {node.args[1]}")
        if node.target is aten.mm.default:
            if self.kind(node.args[0]) != "row" or self.kind(node.args[1]) != "constant":
                raise Unsupported(f"{_name(node)} of two rows")
            if self._axis(shape_of(node)):
                raise Unsupported(f"{_name(node)} along the batch")
        elif node.op == "call_function" and node.target not in POINTWISE and node.target not in REDUCTIONS:
            raise Unsupported(_name(node))

    def told(self, shape: tuple[int, ...]) -> str:
        return "[" + ", ".join("B" if size == self.batch else str(size) for size in shape) + "]"


def axes_of(node: fx.Node) -> list[int]:
    """The axes that a reduction removes."""
    axes: Any = node.args[1] if len(node.args) > 1 else None
    rank = len(shape_of(node.args[0]))
    return [axis % rank for axis in axes] if axes else list(range(rank))


def _name(node: Any) -> str:
    return f"the operation {node.target}" if isinstance(node, fx.Node) else "a number"
