"""Which values the two kernels of a cell store, and what the gradients of its weights are made of."""

from __future__ import annotations

from typing import Any

import torch
from torch import fx

from rnnbench.network.engines.compiled.index import Box, Change, Index
from rnnbench.network.engines.compiled.operations import DEAR, REDUCTIONS
from rnnbench.network.engines.compiled.record import SPLITS, Unsupported
from rnnbench.network.engines.compiled.stages import Kernel
from rnnbench.network.engines.compiled.stores import Buffer, Stage, Store
from rnnbench.network.engines.compiled.trace import Traced
from rnnbench.network.engines.compiled.values import Values

aten = torch.ops.aten


class Plan:
    """The two kernels of ``traced``, and which arrays the gradients of the weights are made of."""

    def __init__(self, traced: Traced) -> None:
        self.traced = traced
        self.values = values = Values(traced)
        self.widths = [values.width(node) for node in traced.states]
        states = [Buffer(f"state{part}", width, "two") for part, width in enumerate(self.widths)]
        drive = Buffer("drive", values.width(traced.drive), "given")
        before = {node: (buffer, 0, True) for node, buffer in zip(traced.states, states, strict=True)}
        self.forward = forward = Kernel(values, {**before, traced.drive: (drive, 0, False)})
        self.backward = backward = Kernel(values, {})
        self.contractions = self._contractions()
        self.sums: dict[fx.Node, Buffer] = {}
        """Where the backward kernel adds up what a contraction sums; one for all that sum the same numbers."""
        for buffer, node in zip(states, traced.after, strict=True):
            forward.buffers[buffer.name] = buffer
            forward.keep(node, buffer)
        self.output = forward.homes.get(values.root(traced.output), (Buffer("output", 0, ""), 1))
        width = values.width(traced.output)
        if self.output[1] or self.output[0].width != width:
            self.output = (forward.new("output", width, "all"), 0)
            forward.keep(traced.output, self.output[0])
        wanted = self._wanted()
        self._save(wanted)
        forward.roots = (*traced.after, traced.output, *forward.homes)
        self._keep_ahead(forward)
        forward.products([])
        self._plan_backward(states, drive, wanted)
        for kernel in (forward, backward):
            for node in kernel.needs(*kernel.roots):
                values.check(node)

    @staticmethod
    def part(buffer: Buffer) -> int:
        """Of which part of the state a buffer holds every step."""
        return int(buffer.name.removeprefix("state"))

    def _contractions(self) -> list[fx.Node]:
        """The sums over the batch that the gradients of the weights are made of."""
        found: list[fx.Node] = []
        todo = [node for node in self.traced.to_weights if node is not None]
        seen: set[fx.Node] = set()
        while todo:
            node = todo.pop()
            if node in seen:
                continue
            seen.add(node)
            if self.values.kinds[node] == "row":
                raise Unsupported(f"the operation {node.target} in the gradient of a weight")
            if self.values.kinds[node] == "total":
                if self.values.contracts(node):
                    found.append(node)
                else:
                    todo += node.all_input_nodes
        return [node for node in self.traced.drive.graph.nodes if node in found]

    def operands(self, node: fx.Node) -> list[fx.Node]:
        """The rows that a contraction sums: two of a product, one of a sum."""
        if node.target is aten.mm.default:
            turned: Any = self.values.root(node.args[0])
            return [self.values.root(turned.args[0]), self.values.root(node.args[1])]
        return [self.values.root(node.args[0])]

    def _wanted(self) -> list[Any]:
        """What the backward kernel has to compute or to find."""
        traced = self.traced
        summed = [each for node in self.contractions for each in self.operands(node)]
        return [each for each in (*traced.to_states, traced.to_drive, *summed) if each is not None]

    def _save(self, wanted: list[Any]) -> None:
        """Choose what the forward kernel keeps for the backward one, and tell that where it is."""
        forward, values = self.forward, self.values
        multiplied = {
            each for node in self.contractions if len(self.operands(node)) == 2 for each in self.operands(node)
        }
        todo, seen = list(wanted), set()
        while todo:
            node = values.root(todo.pop())
            if not isinstance(node, fx.Node) or node in seen or values.kinds[node] != "row":
                continue
            seen.add(node)
            if node.op == "call_function" and self._is_part(node):
                forward.keep(node, forward.new(node.name, values.width(node), "saved"))
                continue
            if node in values.backward or node.op != "call_function" or node.target in SPLITS:
                todo += node.all_input_nodes
                continue
            dear = node.target in DEAR or node.target in REDUCTIONS or node.target is aten.mm.default
            if (dear or node in multiplied) and forward.place(node) is None:
                buffer = forward.new(node.name, values.width(node), "saved")
                if node.target is aten.mm.default:
                    forward.homes[node] = (buffer, 0)
                else:
                    forward.keep(node, buffer)
            elif forward.place(node) is None:
                todo += node.all_input_nodes

    def _is_part(self, node: fx.Node) -> bool:
        """Whether a row of the forward kernel is a part of one that is not kept, which may be much wider."""
        values, forward = self.values, self.forward
        if node in values.backward or node.target in SPLITS or not values.moves(node):
            return False
        if not node.meta["val"].dtype.is_floating_point:
            return False
        box, index, _ = values.whole(node)
        try:
            source, _ = forward.found(node, index, box)
        except Change:
            return False
        inside = values.kind(source) == "row" and not forward.known(source)
        return inside and values.width(node) < values.width(source)

    @staticmethod
    def _keep_ahead(kernel: Kernel) -> None:
        """Make room for what is computed before it is read."""
        for node in kernel.needs(*kernel.roots):
            if kernel.ahead(node) and node not in kernel.homes:
                kernel.keep(node, kernel.new(node.name, kernel.values.width(node), "one"))

    def _plan_backward(self, states: list[Buffer], drive: Buffer, wanted: list[Any]) -> None:
        traced, values, backward = self.traced, self.values, self.backward
        kept = {node: (*home, False) for node, home in self.forward.homes.items() if home[0].keep != "one"}
        self.carries = [Buffer(f"carry{part}", width, "two") for part, width in enumerate(self.widths)]
        arriving = Buffer("arriving", values.width(traced.cotangents[-1]), "given")
        seeds = dict(zip(traced.cotangents, [(each, 0, True) for each in self.carries], strict=False))
        backward.given = {**self.forward.given, **kept, **seeds, traced.cotangents[-1]: (arriving, 0, False)}
        backward.roots = tuple(wanted)
        for buffer in self.carries:
            backward.buffers[buffer.name] = buffer
        self.to_drive = None
        if traced.to_drive is not None:
            self.to_drive = backward.new("to_drive", drive.width, "all")
            backward.keep(traced.to_drive, self.to_drive)
        for node in self.contractions:
            for each in self.operands(node) if node.target is aten.mm.default else []:
                if backward.place(each) is None:
                    backward.keep(each, backward.new(each.name, values.width(each), "all"))
        if traced.to_rest is not None and backward.place(traced.to_rest) is None:  # of much, and much is computed of it
            backward.keep(traced.to_rest, backward.new("to_rest", values.width(traced.to_rest), "one"))
        self._keep_ahead(backward)
        for node in self.contractions:
            each = self.operands(node)[0]
            place = backward.place(each)
            if node.target is not aten.mm.default and (place is None or place[0].keep != "all" or place[2]):
                self.sums[node] = backward.new(f"sum_{values.unshaped(each).name}", values.width(each), "sum")
                backward.keep(each, self.sums[node], home=False)
        for buffer, passed in zip(self.carries, traced.to_states, strict=True):
            if passed is None:  # nothing passes to the step before
                box = Box(traced.batch, (buffer.width,))
                nothing = Store(buffer, Index(0, ((0, 1),)), 0.0, Index(), box)
                backward.stages.setdefault(0, Stage()).store(0, nothing)
        sinks = zip(traced.to_states, self.carries, strict=True)
        backward.products([(node, buffer) for node, buffer in sinks if node is not None])
