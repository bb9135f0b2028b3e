"""The loops of a stage, in LLVM's language."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from llvmlite import ir
from torch import fx

from rnnbench.network.engines.compiled import tiles
from rnnbench.network.engines.compiled.arithmetic import Number, Truth
from rnnbench.network.engines.compiled.counted import INT, counted
from rnnbench.network.engines.compiled.index import Box, Index
from rnnbench.network.engines.compiled.nests import Reader, Source, Summand
from rnnbench.network.engines.compiled.operations import LOGICAL, POINTWISE, REDUCTIONS
from rnnbench.network.engines.compiled.plan import Plan
from rnnbench.network.engines.compiled.record import FILLS, Unsupported
from rnnbench.network.engines.compiled.stages import Kernel
from rnnbench.network.engines.compiled.stores import Buffer, Stage, Store
from rnnbench.network.engines.compiled.values import FILL
from rnnbench.network.engines.compiled.vectors import Apart

aten = torch.ops.aten


class Columns:
    """Writes a stage as a function whose arguments are arrays and numbers."""

    def __init__(self, plan: Plan, kernel: Kernel, layout: Any, module: ir.Module, real: ir.Type) -> None:
        self.plan, self.kernel, self.layout, self.module, self.real = plan, kernel, layout, module, real
        self.values = plan.values
        self.reader = Reader(kernel)
        self.box = Box(plan.values.batch, ())
        self.counters: dict[int, Any] = {}
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
            self.reader.now, self.reader.sums = (index, phase), False
            self._stores(stores)
            self.reader.sums = True
            for each in sums:
                self._sum(each)

    def argument(self, kind: str, name: Any) -> Any:
        return self.given[kind, name]

    def number(self, value: int) -> Any:
        """A size: an argument, so that a kernel serves all widths, and so that LLVM makes vectors of inner loops, where
        it would unroll those whose lengths it knew.
        """
        return INT(value) if value in (0, 1) else self.argument("number", value)

    def _stores(self, stores: list[Store]) -> None:
        """Loops for what is stored, one for all that count alike."""
        for nest in self.reader.nests(stores):
            apart = Apart(self.module, str(self.reader.now), len(nest.stores))
            with self.nest(nest.box, nest.order):
                values = [self._value(store) for store in nest.stores]
                for place, (store, value) in enumerate(zip(nest.stores, values, strict=True)):
                    pointer = self.pointer(store.buffer, False, store.target)
                    if store.buffer.keep == "sum":
                        value = value + Number(self.builder, apart.mark(place, self.builder.load(pointer)))
                    apart.mark(place, self.builder.store(value.raw, pointer))

    def _value(self, store: Store) -> Number:
        total, *terms = (
            self.numeric(self.at(each, store.index))
            for each in (store.node if isinstance(store.node, tuple) else (store.node,))
        )
        for each in terms:
            total = total + each
        return total

    @contextmanager
    def nest(self, box: Box, order: tuple[int, ...]) -> Iterator[None]:
        """Loops in one another; ``order`` is that of their counters from the outermost to the innermost."""
        self.box, self.counters, self.memo = box, {}, {}
        with ExitStack() as loops:
            for counter in order:
                loop = loops.enter_context(counted(self.builder, self.number(box.extents[counter])))
                self.counters[counter] = loop.index
            yield

    def _sum(self, store: Store) -> None:
        """A sum, into memory that holds its start, unless one loop finds it."""
        start, combine, divided = REDUCTIONS[store.node.target]
        parts = self.reader.summands(store)
        tile = tiles.found(self.reader, store, parts, 8 if isinstance(self.real, ir.DoubleType) else 4)
        if tile is not None:
            return tiles.write(self, store, tile)
        count = self.values.width(store.node.args[0]) // self.values.width(store.node)
        at_once = len(parts) == 1 and parts[0].reduced == [*parts[0].order[-1:]]
        if not at_once:
            self._everywhere(store, lambda _: Number(self.builder, ir.Constant(self.real, start)))
        for part in parts:
            inner = part.order[-1:]
            alone = inner and inner[0] in part.reduced
            with self.nest(part.box, part.order[:-1] if alone else part.order):
                found = self._along(store, part) if alone else self.numeric(self.at(*part.summed))
                pointer = self.pointer(store.buffer, False, part.target)
                if not at_once:
                    found = combine(Number(self.builder, self.builder.load(pointer)), found)
                elif divided:
                    found = found / self.real_of(count)
                self.builder.store(found.raw, pointer)
        if divided and not at_once:
            self._everywhere(store, lambda number: number / self.real_of(count))

    def _along(self, store: Store, part: Summand) -> Number:
        """What the innermost loop of a sum finds."""
        start, combine, _ = REDUCTIONS[store.node.target]
        inner = part.order[-1]
        first = ir.Constant(self.real, start)
        with counted(self.builder, self.number(part.box.extents[inner]), [first]) as loop:
            self.counters[inner] = loop.index
            found = combine(Number(self.builder, loop.carried[0]), self.numeric(self.at(*part.summed)))
            if store.node.target is not aten.amax.default:  # in any order, as a vector needs it
                found.raw.flags.append("reassoc")
            loop.results = [found.raw]
        return found

    def _everywhere(self, store: Store, change: Callable[[Number], Number]) -> None:
        """Change every number of a sum."""
        width = self.values.width(store.node)
        extents, terms = ((width,), ((0, 1),)) if width > 1 else ((), ())
        with self.nest(Box(self.values.batch, extents), tuple(range(len(extents)))):
            pointer = self.pointer(store.buffer, False, Index(store.target.start, terms))
            self.builder.store(change(Number(self.builder, self.builder.load(pointer))).raw, pointer)

    def real_of(self, count: int) -> Number:
        return Number(self.builder, self.builder.sitofp(self.number(count), self.real))

    def numeric(self, value: Number | Truth) -> Number:
        if isinstance(value, Truth):
            one, zero = (Number(self.builder, ir.Constant(self.real, each)) for each in (1.0, 0.0))
            return value.choose(one, zero)
        return value

    def at(self, value: Any, index: Index) -> Any:
        """A value at a place in its shape."""
        if not isinstance(value, fx.Node):
            return Number(self.builder, ir.Constant(self.real, float(value)))
        source = self.reader.source(value, index, self.box)
        key = source.value, source.place
        if key not in self.memo:
            self.memo[key] = self._compute(source)
        return self.memo[key]

    def _compute(self, source: Source) -> Any:
        node = source.value
        if not isinstance(node, fx.Node):
            return Number(self.builder, ir.Constant(self.real, float(node)))
        if self.values.kinds[node] == "uniform":
            return self.uniform(node)
        if source.array is not None:
            return Number(self.builder, self.builder.load(self.located(*source.array, source.offset)))
        return self.apply(node, [each if each is None else self.at(*each) for each in source.operands])

    def uniform(self, node: fx.Node) -> Any:
        """The number that is everywhere in a value."""
        while node.target not in FILLS and self.values.moves(node):
            node = node.all_input_nodes[0]
        if node.target in FILLS:
            name = str(node.target).split(".")[1]
            place = 0 if name == "scalar_tensor" else 1
            value = FILL[name] if name in FILL else node.args[place]
            return Number(self.builder, ir.Constant(self.real, float(value)))  # type: ignore[arg-type]
        if node.target not in POINTWISE:
            raise Unsupported(f"the operation {node.target}")
        return self.apply(node, [self.at(each, Index()) if each is not None else None for each in node.args])

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

    def located(self, kind: str, name: Any, offset: Index) -> Any:
        """Where a number of an array lies."""
        if kind == "constant":
            return self.builder.gep(self.argument("constant", name), [self.place(offset)])
        buffer, before = name
        return self.pointer(buffer, before, offset)

    def pointer(self, buffer: Buffer, before: bool, offset: Index) -> Any:
        """Where a number of the sequence's row in a buffer lies."""
        row = self.builder.mul(self.sequence, self.number(buffer.width))
        place = self.builder.add(row, self.place(offset)) if offset != Index() else row
        return self.builder.gep(self.argument("rows", (buffer, before)), [place], inbounds=True)

    def place(self, offset: Index) -> Any:
        """``offset`` where the counters stand."""
        found = self.number(offset.start)
        for counter, step in offset.terms:
            count = self.counters[counter]
            found = self.builder.add(found, count if step == 1 else self.builder.mul(count, self.number(step)))
        return found


class Sketch(Columns):
    """Notes what a stage needs."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.seen: list[tuple[str, Any]] = []

    def argument(self, kind: str, name: Any) -> Any:
        self.seen.append((kind, name))
        return INT(1) if kind == "number" else ir.Constant(self.real.as_pointer(), None)
