"""Nodes of a traced graph that torch computes: functions of the weights, and of sums over the batch."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, fx


class Tape:
    """Computes nodes in their order, from those that are given."""

    def __init__(self, graph: fx.Graph, wanted: Iterable[fx.Node], given: Iterable[fx.Node]) -> None:
        known, todo = set(given), list(wanted)
        needed: set[fx.Node] = set()
        while todo:
            node = todo.pop()
            if node not in known and node not in needed:
                needed.add(node)
                todo += node.all_input_nodes
        self.steps = [(node, node.target, node.args, _here(node.kwargs)) for node in graph.nodes if node in needed]

    def run(self, known: dict[fx.Node, Tensor]) -> None:
        """Compute what ``known`` lacks, and put it there."""
        for node, operation, arguments, options in self.steps:
            if node not in known:
                known[node] = operation(*[_value(each, known) for each in arguments], **options)


def _value(argument: Any, known: dict[fx.Node, Tensor]) -> Any:
    if isinstance(argument, fx.Node):
        return known[argument]
    return [_value(each, known) for each in argument] if isinstance(argument, list | tuple) else argument


def _here(options: dict[str, Any]) -> dict[str, Any]:
    """The options of an operation that was traced where there may be no numbers."""
    return {key: torch.device("cpu") if key == "device" else value for key, value in options.items()}
