"""The gradients of weights: products and sums over all steps and sequences of what the kernels have stored."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, fx

from rnnbench.network.engines.compiled.moves import shape_of
from rnnbench.network.engines.compiled.plan import Plan
from rnnbench.network.engines.compiled.tape import Tape

aten = torch.ops.aten


class Rows(NamedTuple):
    """Where a row of every step and sequence lies: columns of an array; ``part`` of the state if of the step before."""

    name: str
    columns: slice
    part: int | None
    width: int
    """Of one of the rows of a product, of which a sequence may have several."""
    many: int
    """How many a sequence has."""


class Totals:
    """The gradients of the weights of a plan."""

    def __init__(self, plan: Plan) -> None:
        self.weights = plan.traced.weights
        self.results = plan.traced.to_weights
        graph = plan.traced.drive.graph
        self.tapes = [
            None if node is None else Tape(graph, [node], [*self.weights, *plan.contractions]) for node in self.results
        ]
        self.needed = [[] if node is None else _below(node, plan.contractions) for node in self.results]
        self.operands = {
            node: [self._rows(plan, each) for each in plan.operands(node)]
            for node in plan.contractions
            if node not in plan.sums
        }
        self.sums = {node: buffer.name for node, buffer in plan.sums.items()}
        self.shapes = {node: plan.values.alone(plan.operands(node)[0]) for node in plan.contractions}

    @staticmethod
    def _rows(plan: Plan, node: fx.Node) -> Rows:
        place = plan.backward.place(node)
        assert place is not None
        buffer, column, before = place
        columns = slice(column, column + plan.values.width(node))
        part = plan.part(buffer) if before else None
        return Rows(buffer.name, columns, part, shape_of(node)[-1], plan.values.merged(node))

    def gradients(
        self, arrays: dict[str, Tensor], state: list[Tensor], weights: list[Tensor], wanted: list[bool]
    ) -> list[Tensor | None]:
        """Of each weight that is wanted."""
        known: dict[fx.Node, Tensor] = dict(zip(self.weights, weights, strict=True))
        found: list[Tensor | None] = []
        for node, tape, needed, asked in zip(self.results, self.tapes, self.needed, wanted, strict=True):
            if node is None or tape is None or not asked:
                found.append(None)
                continue
            for each in needed:
                if each not in known:
                    known[each] = self._contraction(each, arrays, state)
            tape.run(known)
            found.append(known[node])
        return found

    def _contraction(self, node: fx.Node, arrays: dict[str, Tensor], state: list[Tensor]) -> Tensor:
        """The sum over all steps and sequences."""
        if node.target is aten.mm.default:
            first, second = self.operands[node]
            return self._product(first, second, arrays, state)
        if node in self.operands:
            (rows,) = self.operands[node]
            summed = arrays[rows.name].flatten(0, 1)[:, rows.columns]
        else:
            summed = arrays[self.sums[node]][0]
        operation: Any = node.target
        total: Tensor = operation(summed.sum(0).view(self.shapes[node]), *node.args[1:])
        return total

    @staticmethod
    def _product(first: Rows, second: Rows, arrays: dict[str, Tensor], state: list[Tensor]) -> Tensor:
        one, other = (
            arrays[each.name].flatten(0, 1)[:, each.columns].reshape(-1, each.width) for each in (first, second)
        )
        if first.part is None and second.part is None:
            return one.T @ other
        count = len(state[0]) * first.many
        pairs = ((first, one), (second, other))
        # what the first step reads is the state that was given, and the others read the step before them
        start, beside = (
            rows[:count] if each.part is None else state[each.part][:, each.columns].reshape(-1, each.width)
            for each, rows in pairs
        )
        ahead, behind = (rows[count:] if each.part is None else rows[:-count] for each, rows in pairs)
        return torch.addmm(start.T @ beside, ahead.T, behind)


def _below(node: fx.Node, contractions: list[fx.Node]) -> list[fx.Node]:
    """The contractions that a node is computed of."""
    found, todo, seen = [], [node], {node}
    while todo:
        each = todo.pop()
        if each in contractions:
            found.append(each)
            continue
        todo += [given for given in each.all_input_nodes if given not in seen]
        seen.update(each.all_input_nodes)
    return found
