"""Helpers that draw the parameters of a cell, for the cell itself and for initialisations by name."""

from __future__ import annotations

import math
from collections.abc import Mapping
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
    """Make ``values`` [rows of its block] a gate's pre-activation at zero input and state: the sum of its biases."""
    _set_bias(cell.input_projection, cell.input_blocks, gate, values)
    if gate in cell.recurrent_gates and cell.recurrent_bias:
        blocks = dict.fromkeys(cell.recurrent_gates, cell.hidden_size)
        _set_bias(cell.recurrent_projection, blocks, gate, torch.zeros_like(values))


def chrono(hidden: int, t_max: float | None, key: str) -> Tensor:
    """Return ln U(1, T_max - 1): time constants up to T_max (Tallec & Ollivier 2018, arXiv:1804.11188, eq. 16).

    Raises UserError, which names ``key`` as what needs it, for a T_max of 2 or less, or none.
    """
    if t_max is None or not t_max > 2:
        raise UserError(f"init.t_max={t_max}: must be greater than 2 steps for {key}")
    return torch.empty(hidden).uniform_(1, t_max - 1).log()


def time_steps(size: int) -> Tensor:
    """Return ``size`` time steps between .001 and .1, uniform in their logarithm, as state space models begin."""
    return torch.empty(size).uniform_(math.log(0.001), math.log(0.1)).exp()


def softplus_inverse(values: Tensor) -> Tensor:
    """Return x with softplus(x) = ``values``, all above 0."""
    return values + torch.log(-torch.expm1(-values))


def _set_bias(projection: nn.Linear, blocks: Mapping[str, int], gate: str, values: Tensor) -> None:
    bias = projection.bias.clone()
    dict(zip(blocks, bias.split(list(blocks.values())), strict=True))[gate].copy_(values)
    assign(projection, "bias", bias)
