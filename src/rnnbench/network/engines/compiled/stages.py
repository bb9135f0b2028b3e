"""What the two kernels store, where, and in which order.

A kernel runs over time. A step of it is a row of stages; between two stages stand matrix products, which read what the
stage before has stored. In a stage every sequence passes through phases: loops, then sums that the next phase reads. A
value that is not stored is written into the loops that read it, and computed again there.

Stored are: the states and outputs; what a product reads and returns; sums; what is read more than once, as a number of
each row of a matrix is for its columns; what a weight's gradient is made of; and in the forward kernel, for the
backward one, what is dear to compute again (operations.DEAR). Every one has an array of its own, in which the numbers
of a sequence in a step lie side by side: LLVM makes vectors of a loop where no array is both read and written, and a
product over all steps and sequences reads it without a copy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import fx

from rnnbench.network.engines.compiled.index import Box, Change, Index
from rnnbench.network.engines.compiled.moves import shape_of
from rnnbench.network.engines.compiled.operations import REDUCTIONS
from rnnbench.network.engines.compiled.stores import Buffer, Product, Stage, Store
from rnnbench.network.engines.compiled.values import Values

aten = torch.ops.aten


class Kernel:
    """One of the two: where its values are and when they are computed."""

    def __init__(self, values: Values, given: dict[fx.Node, tuple[Buffer, int, bool]]) -> None:
        self.values = values
        self.given = given
        """Where what it does not compute is: (buffer, column, whether of the step before)."""
        self.homes: dict[fx.Node, tuple[Buffer, int]] = {}
        """Where what it stores is."""
        self.buffers: dict[str, Buffer] = {}
        self.stages: dict[int, Stage] = {}
        self.roots: tuple[Any, ...] = ()
        """What it is there to compute."""
        self.direct: set[fx.Node] = set()
        """Products that are added to where their sum is needed."""
        self._phases: dict[Any, tuple[int, int]] = {}
        self._stored: set[tuple[str, Index, Box]] = set()

    def new(self, name: str, width: int, keep: str) -> Buffer:
        return self.buffers.setdefault(name, Buffer(name, width, keep))

    def phase(self, value: Any) -> tuple[int, int]:
        """(stage, phase) from which on a value can be computed."""
        node = self.values.root(value)
        if not isinstance(node, fx.Node) or node in self.given or node.op != "call_function":
            return 0, 0
        if self.values.kinds[node] != "row":
            return 0, 0
        if node not in self._phases:
            before = max((self.phase(each) for each in node.all_input_nodes), default=(0, 0))
            if node.target is aten.mm.default:
                before = before[0] + 1, 0
            elif self.ahead(node):
                before = before[0], before[1] + 1
            self._phases[node] = before
        return self._phases[node]

    def needs(self, *roots: Any) -> Iterator[fx.Node]:
        """The rows that have to be computed for some others, in the order of the graph."""
        found: set[fx.Node] = set()
        todo = list(roots)
        while todo:
            node = self.values.root(todo.pop())
            if not isinstance(node, fx.Node) or node in found or node in self.given or self.values.kinds[node] != "row":
                continue
            if node.op == "call_function":
                found.add(node)
                todo += node.all_input_nodes
        return (node for node in self.values.traced.drive.graph.nodes if node in found)

    def ahead(self, node: Any) -> bool:
        """Whether a row is computed in the phase before that in which it is read."""
        return isinstance(node, fx.Node) and (node.target in REDUCTIONS or node in self.values.repeated)

    def known(self, node: Any) -> bool:
        """Whether a row lies in memory."""
        return node in self.given or node in self.homes

    def found(
        self, value: Any, index: Index, box: Box, known: Callable[[Any], bool] | None = None
    ) -> tuple[Any, Index]:
        """The value in memory, or that has to be computed, whose number at a place another one is, and that place.

        ``known`` says what is in memory: all that ever is, or what is by then.
        """
        value = self.values.root(value)
        while not (known or self.known)(value):
            moved = self.values.moved(value, index, box)
            if moved is None:
                break
            value, index = self.values.root(moved[0]), moved[1]
        return value, index

    def keep(self, value: Any, buffer: Buffer, *, home: bool = True) -> None:
        """Store a row in ``buffer``, each part of it as soon as it can be computed."""
        root = self.values.root(value)
        box, index, target = self.values.whole(root)
        parts = list(self._parts(root, box, index, target))
        if home and isinstance(root, fx.Node) and root.op == "call_function":
            self.homes.setdefault(root, (buffer, 0))
        for box, target, node, index in parts:
            column = self._column(node, index, box, target)
            if home and column is not None and node.op == "call_function" and self.values.kinds[node] == "row":
                self.homes.setdefault(node, (buffer, column))
            self._store(Store(buffer, target, node, index, box))

    def _parts(self, value: Any, box: Box, index: Index, target: Index) -> Iterator[tuple[Box, Index, Any, Index]]:
        """Loops over the parts of a row that have one source each: (loops, where to store it, source, place in it)."""
        try:
            node, place = self.found(value, index, box)
        except Change as change:
            for smaller, (inside, into) in change(box, (index, target)):
                yield from self._parts(value, smaller, inside, into)
        else:
            yield box, target, node, place

    def _column(self, node: Any, index: Index, box: Box, target: Index) -> int | None:
        """From which column on a whole row lies side by side where it is stored; None where it does not."""
        if self.values.kind(node) != "row" or self.values.width(node) != box.size:
            return None
        return _apart(target, self.values.offset(node, index, box))

    def _store(self, store: Store) -> None:
        if (store.buffer.name, store.target, store.box) in self._stored:
            return
        self._stored.add((store.buffer.name, store.target, store.box))
        stage, phase = self.phase(store.node)
        into = self.stages.setdefault(stage, Stage())
        column = self._column(store.node, store.index, store.box, store.target)
        computed = store.node not in self.given and self.homes.get(store.node) == (store.buffer, column)
        if not computed or not self.ahead(store.node):
            into.store(phase, store)
        elif store.node.target in REDUCTIONS:
            into.reduce(phase - 1, store)
        else:
            into.store(phase - 1, store)

    def place(self, value: Any) -> tuple[Buffer, int, bool] | None:
        """(buffer, column, whether of the step before) where a whole row lies in memory side by side, or None."""
        box, index, target = self.values.whole(value)
        try:
            node, index = self.found(value, index, box)
        except Change:
            return None
        if not self.known(node):
            return None
        buffer, column, before = self.given[node] if node in self.given else (*self.homes[node], False)
        apart = _apart(self.values.offset(node, index, box), target)
        return None if apart is None else (buffer, column + apart, before)

    def products(self, sinks: list[tuple[Any, Buffer]]) -> None:
        """Make room for every product and for what it reads; ``sinks`` are sums of products with a buffer of theirs."""
        needed = [node for node in self.needs(*self.roots) if node.target is aten.mm.default]
        for node in needed:
            rows = self.values.root(node.args[0])
            if self.place(rows) is None:
                self.keep(rows, self.new(rows.name, self.values.width(rows), "one"))
            if self._source(node) is None:  # it lies among others
                self.keep(rows, self.new(f"rows_{rows.name}", self.values.width(rows), "one"), home=False)
        for root, buffer in sinks:
            self._sink(root, buffer)
        for node in needed:
            if node not in self.direct:
                if node not in self.homes:
                    self.homes[node] = (self.new(node.name, self.values.width(node), "one"), 0)
                self._multiply(node, self.homes[node][0], adds=False)

    def _source(self, node: fx.Node) -> tuple[Buffer, int, bool] | None:
        """Where the rows that a product reads lie; several of a sequence have an array of their own."""
        rows = self.values.root(node.args[0])
        copied = self.buffers.get(f"rows_{rows.name}")
        if copied is not None:
            return copied, 0, False
        found = self.place(rows)
        many = self.values.merged(rows) > 1
        return None if found is None or (many and found[0].width != self.values.width(rows)) else found

    def _sink(self, root: Any, buffer: Buffer) -> None:
        """Store a sum in ``buffer``: what are products, and read by nothing else, is added there at once."""
        terms, todo = [], [root]
        while todo:
            node = self.values.root(todo.pop(0))
            if self._is_sum(node):
                todo += node.args
            else:
                terms.append(node)
        products = [
            each for each in terms
            if isinstance(each, fx.Node) and each.target is aten.mm.default and len(each.users) <= 1
            and not self.known(each)
        ]  # fmt: skip
        rest = [each for each in terms if each not in products]
        if not products or len(set(products)) < len(products):
            self.keep(root, buffer, home=False)
            return
        self.direct.update(products)
        start = 0
        if rest:
            box, index, target = self.values.whole(root)
            start, phase = max(self.phase(each) for each in rest)
            self.stages.setdefault(start, Stage()).store(phase, Store(buffer, target, tuple(rest), index, box))
        first = not rest
        for node in sorted(products, key=lambda each: self.phase(each)):
            self._multiply(node, buffer, adds=not first, least=start)
            first = False

    def _is_sum(self, node: Any) -> bool:
        """Whether a row is the sum of two of its shape, and read once."""
        is_sum = isinstance(node, fx.Node) and node.target is aten.add.Tensor and not node.kwargs
        if not is_sum or len(node.users) > 1 or self.known(node) or node in self.values.repeated:
            return False
        return all(shape_of(self.values.root(each)) == shape_of(node) for each in node.args)

    def _multiply(self, node: fx.Node, buffer: Buffer, *, adds: bool, least: int = 0) -> None:
        rows, weight = node.args
        source = self._source(node)
        assert source is not None
        assert isinstance(weight, fx.Node)
        stage = max(self.phase(rows)[0], least)
        product = Product(node, source, weight, buffer, adds, self.values.merged(node))
        self.stages.setdefault(stage, Stage()).products.append(product)


def _apart(one: Index, other: Index) -> int | None:
    """How far two places are from each other wherever the counters stand; None where that varies."""
    return one.start - other.start if one.terms == other.terms else None
