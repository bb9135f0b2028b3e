"""What the nodes of a traced graph are: rows, constants, uniform numbers, and what the batch was summed to.

    row       a value of every sequence, [B, W], or one number of each, [B]: computed in the kernels, step by step
    constant  a function of the weights alone: computed by torch before the kernels run, once
    uniform   one number in every place, as of zeros_like: written into the kernels
    total     a sum over the batch of rows, or a function of one: the way to a weight's gradient, which is linear in
              it, so that torch computes it once after the kernels, of the sums over all steps

A row that is a part of another, or made of others side by side, is never stored by itself: ``pieces`` says where its
columns come from.
"""

from __future__ import annotations

import operator
from typing import Any, NamedTuple

import torch
from torch import fx

from rnnbench.network.engines.compiled.operations import POINTWISE, POWERS, REDUCTIONS
from rnnbench.network.engines.compiled.record import FILLS, KNOWN, PARTS, RESHAPING, SAME, SCATTERS, SPLITS, Unsupported
from rnnbench.network.engines.compiled.trace import Traced

aten = torch.ops.aten
FILL = {"zeros": 0.0, "ones": 1.0, "new_zeros": 0.0, "new_ones": 1.0, "zeros_like": 0.0, "ones_like": 1.0}
SCALED = {aten.add.Tensor, aten.add.Scalar, aten.sub.Tensor, aten.sub.Scalar}


class Piece(NamedTuple):
    """``width`` columns of ``node`` from column ``start`` on; ``start`` is None for one column in all places."""

    node: Any
    start: int
    width: int


class Values:
    """The kinds, widths and columns of the nodes of ``traced``. Raises Unsupported for what is none of the kinds."""

    def __init__(self, traced: Traced) -> None:
        self.traced = traced
        rows = [*traced.states, traced.drive, *traced.cotangents]
        self.kinds: dict[fx.Node, str] = {
            **dict.fromkeys(rows, "row"),
            **dict.fromkeys(traced.weights, "constant"),
        }
        self._stretches: dict[tuple[Any, int], int] = {}
        self.backward: set[fx.Node] = set(traced.cotangents)
        """The rows that depend on what arrives from later steps."""
        graph = traced.drive.graph
        for node in graph.nodes:
            if node.op == "call_function":
                self.kinds[node] = self._kind(node)
                if any(each in self.backward for each in node.all_input_nodes):
                    self.backward.add(node)
                if self.kinds[node] in ("row", "constant") and self.root(node) is not node:
                    node.replace_all_uses_with(self.root(node), delete_user_cb=lambda user: user.op != "output")

    def kind(self, value: Any) -> str:
        return self.kinds[value] if isinstance(value, fx.Node) else "uniform"

    def _kind(self, node: fx.Node) -> str:
        kinds = {self.kinds[each] for each in node.all_input_nodes}
        if not kinds or node.target in FILLS:
            return "uniform"  # one that is used and no fill is found where it is used
        if "total" in kinds or self.contracts(node):
            return "total"
        if "row" in kinds:
            if node.target not in KNOWN and node.target is not operator.getitem:
                raise Unsupported(_name(node))
            return "row"
        return "constant" if "constant" in kinds else "uniform"

    def contracts(self, node: fx.Node) -> bool:
        """Whether a node sums rows over the batch."""
        if node.target is aten.mm.default:
            first = self.root(node.args[0])
            turned = isinstance(first, fx.Node) and first.target is aten.permute.default
            return turned and self.kind(first.args[0]) == "row" and self.kind(node.args[1]) == "row"
        if node.target is aten.sum.dim_IntList and self.kind(node.args[0]) == "row":
            rank = node.args[0].meta["val"].dim()  # type: ignore[union-attr]
            return 0 in [axis % rank for axis in node.args[1]]  # type: ignore[union-attr]
        return False

    def root(self, value: Any) -> Any:
        """The node whose values ``value`` has, through operations that change neither values nor columns."""
        while isinstance(value, fx.Node) and value.op == "call_function":
            if value.target in SAME or (value.target in RESHAPING and self._keeps(value)):
                value = value.args[0]
            elif value.target is aten.copy.default and _shape(value) == _shape(value.args[1]):
                value = value.args[1]
            else:
                break
        return value

    def _keeps(self, node: fx.Node) -> bool:
        """Whether a reshaping operation leaves the columns of every sequence where they are."""
        source, target = node.args[0], node
        if not isinstance(source, fx.Node) or source.meta["val"].dtype != node.meta["val"].dtype:
            return False
        if self.kinds[source] == "uniform":
            return True
        if self.kinds[source] != "row":
            spread = node.target is aten.expand.default and _shape(source)[-1:] == _shape(target)[-1:]
            return spread or _shape(source) == _shape(target)
        return self._is_row(source) and self._is_row(target) and self.width(source) == self.width(target)

    def _is_row(self, node: fx.Node) -> bool:
        shape = _shape(node)
        return 0 < len(shape) <= 2 and shape[0] == self.traced.batch

    def width(self, value: Any) -> int:
        """The columns of a value: W of a row [B, W] and a constant [W] or [1, W], 1 of a row [B] or a number."""
        if not isinstance(value, fx.Node):
            return 1
        shape = _shape(value)
        if self.kinds[value] == "row":
            if not self._is_row(value):
                raise Unsupported(f"{_name(value)} of shape {_told(shape, self.traced.batch)}: only [B, *] is")
            return shape[1] if len(shape) == 2 else 1
        if self.kinds[value] == "uniform":
            return 1
        if any(size != 1 for size in shape[:-1]):
            raise Unsupported(f"{_name(value)}: a weight of shape {list(shape)} beside rows")
        return shape[-1] if shape else 1

    def piece(self, value: Any, column: int) -> Piece:
        """Where ``column`` of a row comes from, and for how many columns this holds."""
        node = self.root(value)
        start, width = column, self.width(value) - column
        while isinstance(node, fx.Node) and node.op == "call_function" and self.kinds[node] == "row":
            found = self._source(node, start)
            if found is None:
                break
            source, start, available = found
            spread = node.target is aten.expand.default
            node, width = self.root(source), min(width, available)
            if spread or self.kind(node) != "row":
                return Piece(node, 0, width)
        return Piece(node, start, width)

    def _source(self, node: fx.Node, column: int) -> tuple[Any, int, int] | None:
        """(node, column in it, columns from there on) of a node that only moves columns; else None."""
        arguments: Any = node.args
        if node.target is aten.expand.default and self.width(arguments[0]) == 1 and self._is_row(node):
            return arguments[0], 0, self.width(node) - column
        if node.target is operator.getitem:
            whole, place = self.root(arguments[0]), arguments[1]
            if whole.target not in SPLITS or not self._over_columns(whole, 2):
                return None
            sizes = whole.args[1]
            start = place * sizes if isinstance(sizes, int) else sum(sizes[:place])
            return whole.args[0], start + column, self.width(node) - column
        if node.target in PARTS and self._over_columns(node, 1):
            width = _shape(arguments[0])[1]
            if node.target is aten.slice.Tensor and node.args[4:] not in ((), (1,)):
                raise Unsupported(f"{_name(node)} with a stride")
            start = arguments[2] if len(arguments) > 2 and arguments[2] is not None else 0
            start = max(0, start + width if start < 0 else start)
            return arguments[0], start + column, self.width(node) - column
        if node.target is aten.cat.default and self._over_columns(node, 1):
            for each in arguments[0]:
                if column < _shape(each)[1]:
                    return each, column, _shape(each)[1] - column
                column -= _shape(each)[1]
        if node.target in SCATTERS and self._over_columns(node, 2):
            start = arguments[3] if len(arguments) > 3 and arguments[3] is not None else 0
            start = start + self.width(node) if start < 0 else start
            size = _shape(arguments[1])[1] if node.target is aten.slice_scatter.default else 1
            if start <= column < start + size:
                return arguments[1], column - start, start + size - column
            following = start if column < start else self.width(node)
            return arguments[0], column, following - column
        return None

    def _over_columns(self, node: fx.Node, place: int) -> bool:
        """Whether the axis in argument ``place`` of a node is that of the columns."""
        axis: Any = node.args[place] if len(node.args) > place else 0
        first: Any = node.args[0]
        rank = len(_shape(first[0] if isinstance(first, list | tuple) else first))
        if rank != 2 or axis % rank != 1:
            raise Unsupported(f"{_name(node)} along the batch, or of a shape that is not [B, *]")
        return True

    def stretch(self, value: Any, column: int) -> int:
        """For how many columns from ``column`` on a row is one expression of the same columns of its sources."""
        if (value, column) not in self._stretches:
            self._stretches[value, column] = self._stretch(value, column)
        return self._stretches[value, column]

    def _stretch(self, value: Any, column: int) -> int:
        node, start, width = self.piece(value, column)
        if not isinstance(node, fx.Node) or node.op != "call_function" or self.kinds[node] != "row":
            return width
        if node.target in POINTWISE:
            for each in node.args:
                if isinstance(each, fx.Node) and self.kind(each) == "row" and self.width(each) > 1:
                    width = min(width, self.stretch(each, start))
        return width

    def check(self, node: fx.Node) -> None:
        """Raises Unsupported unless a kernel can compute a row."""
        self.width(node)
        dtype = node.meta["val"].dtype
        if (dtype.is_floating_point and dtype != self.traced.drive.meta["val"].dtype) or dtype.is_complex:
            raise Unsupported(f"{_name(node)} in {dtype}")
        if set(node.kwargs) - ({"alpha"} if node.target in SCALED else set()):
            raise Unsupported(f"{_name(node)} with {', '.join(node.kwargs)}")
        if node.target is aten.pow.Tensor_Scalar and node.args[1] not in POWERS:
            raise Unsupported(f"{_name(node)} of {node.args[1]}")
        if node.target in POINTWISE:
            for each in node.args:
                if isinstance(each, fx.Node) and self.width(each) not in (1, self.width(node)):
                    raise Unsupported(f"{_name(node)} of widths {self.width(each)} and {self.width(node)}")
        elif node.target is aten.mm.default:
            if self.kind(node.args[0]) != "row" or self.kind(node.args[1]) != "constant":
                raise Unsupported(f"{_name(node)} of two rows")
        elif node.target in REDUCTIONS:
            axes: Any = node.args[1]
            if _shape(node.args[0])[1:] == () or [axis % 2 for axis in axes] != [1]:
                raise Unsupported(f"{_name(node)} over {axes}")
        elif node.op == "call_function":
            raise Unsupported(_name(node))


def _shape(value: Any) -> tuple[int, ...]:
    return tuple(value.meta["val"].shape) if isinstance(value, fx.Node) else ()


def _name(node: fx.Node) -> str:
    return f"the operation {node.target}"


def _told(shape: tuple[int, ...], batch: int) -> str:
    return "[" + ", ".join("B" if size == batch else str(size) for size in shape) + "]"
