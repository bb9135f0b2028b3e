"""The loops of a stage over sequences and columns, in LLVM's language."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from llvmlite import ir
from torch import fx

from rnnbench.network.engines.compiled.arithmetic import Number, Truth
from rnnbench.network.engines.compiled.operations import LOGICAL, POINTWISE, REDUCTIONS
from rnnbench.network.engines.compiled.plan import Plan
from rnnbench.network.engines.compiled.record import FILLS, Unsupported
from rnnbench.network.engines.compiled.stages import Buffer, Kernel, Stage, Store
from rnnbench.network.engines.compiled.values import FILL

INT = ir.IntType(64)
aten = torch.ops.aten


class Columns:
    """Writes a stage as a function whose arguments are arrays and numbers."""

    def __init__(self, plan: Plan, kernel: Kernel, layout: Any, module: ir.Module, real: ir.Type) -> None:
        self.plan, self.kernel, self.layout, self.module, self.real = plan, kernel, layout, module, real
        self.values = plan.values
        self.column: Any = INT(0)
        self.memo: dict[Any, Any] = {}

    def write(self, index: int, stage: Stage) -> tuple[Any, list[tuple[str, Any]]]:
        """(the function, its arguments as (kind, name)); None where the stage stores nothing."""
        if not any(stores or sums for stores, sums in stage.phases.values()):
            return None, []
        self.arguments = [("batch", None), *dict.fromkeys(self._read(index, stage))]
        types = [self.real.as_pointer() if kind in ("rows", "constant") else INT for kind, _ in self.arguments]
        function = ir.Function(self.module, ir.FunctionType(ir.VoidType(), types), f"stage{index}")
        function.linkage = "internal"
        function.attributes.add("noinline")
        self.given = dict(zip(self.arguments, function.args, strict=True))
        for argument in function.args:
            if isinstance(argument.type, ir.PointerType):
                argument.add_attribute("noalias")
        self.builder = ir.IRBuilder(function.append_basic_block())
        with counted(self.builder, self.given["batch", None]) as rows:
            self._body(rows.index, index, stage)
        self.builder.ret_void()
        return function, self.arguments

    def _read(self, index: int, stage: Stage) -> Iterator[tuple[str, Any]]:
        """What the function needs: found by writing it into a module that is thrown away."""
        sketch = Sketch(self.plan, self.kernel, self.layout, ir.Module(name="sketch"), self.real)
        function = ir.Function(sketch.module, ir.FunctionType(ir.VoidType(), []), "sketch")
        sketch.builder = ir.IRBuilder(function.append_basic_block())
        sketch._body(INT(0), index, stage)
        return iter(sketch.seen)

    def _body(self, sequence: Any, index: int, stage: Stage) -> None:
        """What a stage does with a sequence."""
        self.sequence = sequence
        for phase, (stores, sums) in sorted(stage.phases.items()):
            self.now = index, phase
            self._loops(stores)
            for each in sums:
                self._sum(each)

    def argument(self, kind: str, name: Any) -> Any:
        return self.given[kind, name]

    def number(self, value: int) -> Any:
        return INT(0) if value == 0 else self.argument("number", value)

    def _loops(self, stores: list[Store]) -> None:
        """Loops over columns, one for all segments of one length."""
        segments: dict[int, list[Store]] = {}
        for store in stores:
            done = 0
            while done < store.width:
                terms = store.node if isinstance(store.node, tuple) else (store.node,)
                extent = min(self._stretch(each, store.start + done, store.width - done) for each in terms)
                piece = Store(store.buffer, store.at + done, store.node, store.start + done, extent)
                segments.setdefault(extent, []).append(piece)
                done += extent
        for length, pieces in segments.items():
            with counted(self.builder, self.number(length)) as columns:
                self.column, self.memo = columns.index, {}
                found = []
                for piece in pieces:
                    terms = piece.node if isinstance(piece.node, tuple) else (piece.node,)
                    total = self.numeric(self.at(terms[0], piece.start))
                    for each in terms[1:]:
                        total = total + self.numeric(self.at(each, piece.start))
                    found.append(total)
                for piece, value in zip(pieces, found, strict=True):
                    pointer = self.pointer(piece.buffer, False, piece.at)
                    if piece.buffer.keep == "sum":
                        value = value + Number(self.builder, self.builder.load(pointer))
                    self.builder.store(value.raw, pointer)

    def _stretch(self, node: Any, column: int, width: int) -> int:
        if not isinstance(node, fx.Node) or self.values.kind(node) != "row" or self.values.width(node) == 1:
            return width
        return min(width, self.values.stretch(node, column))

    def _sum(self, store: Store) -> None:
        """A sum over columns: one loop for each stretch of the summed row."""
        start, combine, divided = REDUCTIONS[store.node.target]
        summed = store.node.args[0]
        width = self.values.width(summed)
        total = Number(self.builder, ir.Constant(self.real, start))
        done = 0
        while done < width:
            extent = self._stretch(summed, done, width - done)
            with counted(self.builder, self.number(extent), total.raw) as columns:
                self.column, self.memo = columns.index, {}
                value = combine(Number(self.builder, columns.carried), self.numeric(self.at(summed, done)))
                if store.node.target is not aten.amax.default:  # in any order, as a vector needs it
                    value.raw.flags.append("reassoc")
                columns.result = value.raw
            total = Number(self.builder, columns.result)
            done += extent
        if divided:
            total = total / Number(self.builder, self.builder.sitofp(self.number(width), self.real))
        self.column = INT(0)
        self.builder.store(total.raw, self.pointer(store.buffer, False, store.at))

    def numeric(self, value: Number | Truth) -> Number:
        if isinstance(value, Truth):
            one, zero = (Number(self.builder, ir.Constant(self.real, each)) for each in (1.0, 0.0))
            return value.choose(one, zero)
        return value

    def at(self, value: Any, start: int) -> Any:
        """A value at column ``start`` + the loop's column; at its only column where it has one."""
        if not isinstance(value, fx.Node):
            return Number(self.builder, ir.Constant(self.real, float(value)))
        if self.values.kinds[value] == "uniform":
            return self.uniform(value)
        if self.values.width(value) == 1 and start:
            start = 0
        if value in self.kernel.given and (value, start) not in self.memo:
            self.memo[value, start] = self._compute(value, start)
        if (value, start) in self.memo:
            return self.memo[value, start]
        node, column, _ = self.values.piece(value, start) if self.values.kinds[value] == "row" else (value, start, 0)
        narrow = isinstance(node, fx.Node) and node is not value and self.values.width(node) == 1
        if not isinstance(node, fx.Node) or self.values.kinds[node] == "uniform" or narrow:
            return self.at(node, 0)
        if self.values.width(value) == 1 < self.values.width(node):
            return self.memo.setdefault((value, 0), self._alone(node, column))
        if (node, column) not in self.memo:
            self.memo[node, column] = self._compute(node, column)
        return self.memo[node, column]

    def _alone(self, node: fx.Node, column: int) -> Any:
        """One column of a wide row, whatever the loop's column is."""
        outside, self.column, self.memo = (self.column, self.memo), INT(0), {}
        found, (self.column, self.memo) = self._compute(node, column), outside
        return found

    def _compute(self, node: fx.Node, column: int) -> Any:
        if self.values.kinds[node] == "constant":
            pointer = self.argument("constant", node)
            index = INT(0) if self.values.width(node) == 1 else self.builder.add(self.column, self.number(column))
            return Number(self.builder, self.builder.load(self.builder.gep(pointer, [index])))
        place = self.kernel.given.get(node)
        if place is None and node in self.kernel.homes:
            moved = node.target is aten.mm.default or node.target in REDUCTIONS
            if moved or self.kernel.phase(node) < self.now:
                place = (*self.kernel.homes[node], False)
        if place is not None:
            buffer, at, before = place
            wide = self.values.width(node) > 1
            return Number(self.builder, self.builder.load(self.pointer(buffer, before, at + column, wide=wide)))
        return self.apply(node, [self.at(each, column) if each is not None else None for each in node.args])

    def uniform(self, node: fx.Node) -> Any:
        node = self.values.root(node)
        if node.target in FILLS:
            name = str(node.target).split(".")[1]
            place = 0 if name == "scalar_tensor" else 1
            value = FILL[name] if name in FILL else node.args[place]
            return Number(self.builder, ir.Constant(self.real, float(value)))  # type: ignore[arg-type]
        if node.target not in POINTWISE:
            raise Unsupported(f"the operation {node.target}")
        return self.apply(node, [self.at(each, 0) if each is not None else None for each in node.args])

    def apply(self, node: fx.Node, given: list[Any]) -> Any:
        """A pointwise operation on numbers."""
        if node.target is aten.pow.Tensor_Scalar:
            return POINTWISE[node.target](self.numeric(given[0]), node.args[1])
        if node.target is aten.where.self:
            chosen, first, second = given
            return POINTWISE[node.target](chosen, self.numeric(first), self.numeric(second))
        if node.target not in LOGICAL:
            given = [None if each is None else self.numeric(each) for each in given]
        return POINTWISE[node.target](*given, **node.kwargs)

    def pointer(self, buffer: Buffer, before: bool, column: int, *, wide: bool = True) -> Any:
        """Where a column of the sequence's row in a buffer lies; ``wide``: the loop's column from there on."""
        row = self.builder.mul(self.sequence, self.number(buffer.width))
        index = self.builder.add(row, self.number(column))
        if wide and buffer.width > 1:
            index = self.builder.add(index, self.column)
        return self.builder.gep(self.argument("rows", (buffer, before)), [index], inbounds=True)


class Sketch(Columns):
    """Notes what a stage needs."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.seen: list[tuple[str, Any]] = []

    def argument(self, kind: str, name: Any) -> Any:
        self.seen.append((kind, name))
        return INT(1) if kind == "number" else ir.Constant(self.real.as_pointer(), None)


@dataclass
class Counted:
    """A loop that is being written: its number, what it carries from one round to the next, and the new value of it."""

    index: Any
    carried: Any = None
    result: Any = None


@contextmanager
def counted(builder: ir.IRBuilder, count: Any, start: Any = None) -> Iterator[Counted]:
    """A loop over ``count`` numbers from 0 on, at least one; it carries ``start`` where that is given."""
    before, body = builder.block, builder.append_basic_block("body")
    builder.branch(body)
    builder.position_at_end(body)
    made = Counted(builder.phi(INT))
    made.index.add_incoming(INT(0), before)
    if start is not None:
        made.carried = builder.phi(start.type)
        made.carried.add_incoming(start, before)
    yield made
    following = builder.add(made.index, INT(1), flags=("nuw", "nsw"))
    made.index.add_incoming(following, builder.block)
    if start is not None:
        made.carried.add_incoming(made.result, builder.block)
    after = builder.append_basic_block("after")
    builder.cbranch(builder.icmp_signed("<", following, count), body, after)
    builder.position_at_end(after)
