"""What the two kernels store, where, and in which order.

A kernel runs over time. A step of it is a row of stages; between two stages stand matrix products, which read what the
stage before has stored. In a stage every sequence passes through phases: loops over columns, then sums over columns
that the next phase reads. A value that is not stored is written into the loops that read it, and computed again there.

Stored are: the states and outputs; what a product reads and returns; sums over columns; what a weight's gradient is
made of; and in the forward kernel, for the backward one, what is dear to compute again (operations.DEAR). Every one
has an array of its own, in which the columns of a step lie side by side: LLVM makes vectors of a loop where no array is
both read and written, and a product over all steps and sequences reads it without a copy.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import fx

from rnnbench.network.engines.compiled.operations import REDUCTIONS
from rnnbench.network.engines.compiled.values import Values

aten = torch.ops.aten


@dataclass(frozen=True)
class Buffer:
    """An array [steps kept, B, width], by its name.

    ``keep``: ``all`` steps, the last ``two``, or ``one``; a ``saved`` one keeps all where a backward pass follows, else
    one; ``given`` ones are inputs with all steps, and ``sum`` ones add what every step writes.
    """

    name: str
    width: int
    keep: str


@dataclass(frozen=True)
class Store:
    """``width`` columns of ``node`` from ``start`` on are written to ``buffer`` from column ``at`` on."""

    buffer: Buffer
    at: int
    node: Any
    start: int
    width: int


@dataclass(frozen=True)
class Product:
    """buffer[:, at:at + N] = rows @ weight, or += where ``adds``; ``rows`` [B, K] lie at ``source``."""

    node: fx.Node
    source: tuple[Buffer, int, bool]
    weight: fx.Node
    buffer: Buffer
    adds: bool


@dataclass
class Stage:
    """``phases``: the stores of each, and the sums over columns after them; ``products`` come last."""

    phases: dict[int, tuple[list[Store], list[Store]]] = field(default_factory=dict)
    products: list[Product] = field(default_factory=list)

    def store(self, phase: int, store: Store) -> None:
        self.phases.setdefault(phase, ([], []))[0].append(store)

    def reduce(self, phase: int, store: Store) -> None:
        self.phases.setdefault(phase, ([], []))[1].append(store)


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
        self._stored: set[tuple[str, int]] = set()

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
            elif node.target in REDUCTIONS:
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

    def keep(self, value: Any, buffer: Buffer, *, home: bool = True) -> None:
        """Store a row in ``buffer``, each part of it as soon as it can be computed."""
        root, column = self.values.root(value), 0
        if self.values.kind(root) != "row" or self.values.width(root) < buffer.width:
            self._store(Store(buffer, 0, root, 0, buffer.width))  # the same in every row, or in every column
            return
        if home and isinstance(root, fx.Node) and root.op == "call_function":
            self.homes.setdefault(root, (buffer, 0))
        while column < buffer.width:
            node, start, extent = self.values.piece(value, column)
            whole = isinstance(node, fx.Node) and start == 0 and extent == self.values.width(node)
            if home and whole and node.op == "call_function" and self.values.kinds[node] == "row":
                self.homes.setdefault(node, (buffer, column))
            self._store(Store(buffer, column, node, start, extent))
            column += extent

    def _store(self, store: Store) -> None:
        if (store.buffer.name, store.at) in self._stored:
            return
        self._stored.add((store.buffer.name, store.at))
        stage, phase = self.phase(store.node)
        reduced = isinstance(store.node, fx.Node) and store.node.target in REDUCTIONS and store.node not in self.given
        into = self.stages.setdefault(stage, Stage())
        if reduced and self.homes.get(store.node) == (store.buffer, store.at):
            into.reduce(phase - 1, store)
        else:
            into.store(phase, store)

    def place(self, value: Any) -> tuple[Buffer, int, bool] | None:
        """(buffer, column, whether of the step before) where a whole row lies in memory, or None."""
        node = self.values.root(value)
        if node in self.given:
            return self.given[node]
        if node in self.homes:
            return (*self.homes[node], False)
        part, start, width = self.values.piece(node, 0)
        moved = isinstance(part, fx.Node) and part is not node and self.values.width(part) >= width
        if moved and width == self.values.width(node):
            found = self.place(part)
            return None if found is None else (found[0], found[1] + start, found[2])
        return None

    def products(self, sinks: list[tuple[Any, Buffer]]) -> None:
        """Make room for every product and for what it reads; ``sinks`` are sums of products with a buffer of theirs."""
        needed = [node for node in self.needs(*self.roots) if node.target is aten.mm.default]
        for node in needed:
            if self.place(node.args[0]) is None:
                rows = self.values.root(node.args[0])
                self.keep(rows, self.new(rows.name, self.values.width(rows), "one"))
        for root, buffer in sinks:
            self._sink(root, buffer)
        for node in needed:
            if node not in self.direct:
                if node not in self.homes:
                    self.homes[node] = (self.new(node.name, self.values.width(node), "one"), 0)
                self._multiply(node, self.homes[node][0], adds=False)

    def _sink(self, root: Any, buffer: Buffer) -> None:
        """Store a sum in ``buffer``: what are products, and read by nothing else, is added there at once."""
        terms, todo = [], [root]
        while todo:
            node = self.values.root(todo.pop(0))
            is_sum = isinstance(node, fx.Node) and node.target is aten.add.Tensor and not node.kwargs
            if is_sum and (len(node.users) <= 1) and node not in self.homes and node not in self.given:
                todo += node.args
            else:
                terms.append(node)
        products = [
            each for each in terms
            if isinstance(each, fx.Node) and each.target is aten.mm.default and len(each.users) <= 1
            and each not in self.homes and each not in self.given
            and self.values.width(each) == buffer.width
        ]  # fmt: skip
        rest = [each for each in terms if each not in products]
        if not products or len(set(products)) < len(products):
            self.keep(root, buffer, home=False)
            return
        self.direct.update(products)
        start = 0
        if rest:
            store = Store(buffer, 0, tuple(rest), 0, buffer.width)
            start, phase = max(self.phase(each) for each in rest)
            self.stages.setdefault(start, Stage()).store(phase, store)
        first = not rest
        for node in sorted(products, key=lambda each: self.phase(each)):
            self._multiply(node, buffer, adds=not first, least=start)
            first = False

    def _multiply(self, node: fx.Node, buffer: Buffer, *, adds: bool, least: int = 0) -> None:
        rows, weight = node.args
        source = self.place(rows)
        assert source is not None
        assert isinstance(weight, fx.Node)
        stage = max(self.phase(rows)[0], least)
        self.stages.setdefault(stage, Stage()).products.append(Product(node, source, weight, buffer, adds))
