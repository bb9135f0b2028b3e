"""The costs of a network: its parameters, its state and the operations of one step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from rnnbench.network.cells import Cell
from rnnbench.network.engines import ENGINES
from rnnbench.network.model import Model
from rnnbench.network.states import leaves


def parameters(model: Model) -> int:
    """Return the number of trained parameters, the head's included."""
    return sum(parameter.numel() for parameter in model.parameters())


def state(model: Model) -> int:
    """Return how many real numbers are carried from one step to the next."""
    return state_numbers(model.stack.initial_state(1))


def state_numbers(state: Any) -> int:
    """Return how many real numbers a nested state holds."""
    return sum(part.numel() * (2 if part.is_complex() else 1) for part in leaves(state))


def flops(model: Model) -> int:
    """Return the floating-point operations of the matrix products in one step of one sequence; no elementwise ones."""
    inside = {id(module) for cell in _cells(model) for module in cell.modules()}
    outside = [module for module in model.modules() if id(module) not in inside]
    weights = [weight for module in outside for weight in module.parameters(recurse=False) if weight.dim() > 1]
    return sum(map(step_flops, _cells(model))) + 2 * sum(weight.numel() for weight in weights)


COSTS: dict[str, Callable[[Model], int]] = {"flops": flops, "parameters": parameters, "state": state}
"""The costs of a network by the kinds of ``rnnbench.network.budget``."""


def step_flops(cell: Cell[Any]) -> int:
    """Return the operations of one step of ``cell``; work that is done once for all steps does not count."""
    return _loop_flops(cell, 2) - _loop_flops(cell, 1)


def _cells(model: Model) -> list[Cell[Any]]:
    return [direction.cell for layer in model.stack.layer_directions() for direction in layer]


@torch.no_grad()
def _loop_flops(cell: Cell[Any], steps: int) -> int:
    with torch.random.fork_rng(devices=[]):  # the masks that a wrapper draws must not change the next ones
        cell.begin(1)
        start = cell.initial_state(1)
        inputs = next(cell.parameters()).real.new_zeros(steps, 1, cell.input_size)
        with FlopCounterMode(display=False) as counter:
            ENGINES["loop"](cell, inputs, start)
    return counter.get_total_flops()
