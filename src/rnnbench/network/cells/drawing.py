"""Helpers that draw the parameters of a cell, for the cell itself and for initialisations by name."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from rnnbench.errors import UserError
from rnnbench.network.cells.base import Cell


def assign(projection: nn.Linear, name: str, values: Tensor) -> None:
    """Set a parameter, through its parametrisation if it has one."""
    if nn.utils.parametrize.is_parametrized(projection, name):
        setattr(projection, name, values)
    else:
        getattr(projection, name).copy_(values)


def set_gate(cell: Cell[Any], gate: str, values: Tensor) -> None:
    """Make ``values`` [H] a gate's pre-activation at zero input and zero state: the sum of its biases."""
    _set_bias(cell.input_projection, cell.gates.index(gate), values)
    if gate in cell.recurrent_gates and cell.recurrent_bias:
        _set_bias(cell.recurrent_projection, cell.recurrent_gates.index(gate), torch.zeros_like(values))


def chrono(hidden: int, t_max: float | None, key: str) -> Tensor:
    """Return ln U(1, T_max - 1): time constants up to T_max (Tallec & Ollivier 2018, arXiv:1804.11188, eq. 16).

    Raises UserError, which names ``key`` as what needs it, for a T_max of 2 or less, or none.
    """
    if t_max is None or not t_max > 2:
        raise UserError(f"init.t_max={t_max}: must be greater than 2 steps for {key}")
    return torch.empty(hidden).uniform_(1, t_max - 1).log()


def _set_bias(projection: nn.Linear, block: int, values: Tensor) -> None:
    bias = projection.bias.clone()
    bias.split(len(values))[block].copy_(values)
    assign(projection, "bias", bias)
