"""The fused engine: the kernels of torch.nn (oneDNN, cuDNN) on the cell's own parameters.

A kernel is exact for a cell when it computes the cell's equations on the same parameters. Where a paper and torch.nn
write an equation differently, the parameters are rewritten here and autograd follows: torch.nn.GRU computes
h_t = (1 - z') * h~ + z' * h_{t-1}, so z' = 1 - z, and because 1 - sigmoid(a) = sigmoid(-a) the z rows change sign.

On a CPU oneDNN has kernels of half precision for some processors and not for others, so there the engine takes float32
and float64 alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from rnnbench.errors import UserError
from rnnbench.network.cells import GRU, IRNN, LSTM, Cell, Elman
from rnnbench.network.states import HState, LSTMState, S

# What every torch.nn kernel takes after its weights.
OPTIONS: dict[str, Any] = {
    "has_biases": True,
    "num_layers": 1,
    "dropout": 0.0,
    "train": True,
    "bidirectional": False,
    "batch_first": False,
}


def _weights(cell: Cell[Any]) -> list[Tensor]:
    first, second = cell.input_projection, cell.recurrent_projection
    return [first.weight, second.weight, first.bias, second.bias]


def _elman(cell: Elman, inputs: Tensor, state: HState) -> tuple[Tensor, HState]:
    kernel = {"tanh": torch.rnn_tanh, "relu": torch.rnn_relu}[cell.nonlinearity]
    outputs, h = kernel(inputs, state.h[None], _weights(cell), **OPTIONS)
    return outputs, HState(h=h[0])


def _lstm(cell: LSTM, inputs: Tensor, state: LSTMState) -> tuple[Tensor, LSTMState]:
    outputs, h, c = torch.lstm(inputs, (state.h[None], state.c[None]), _weights(cell), **OPTIONS)
    return outputs, LSTMState(h=h[0], c=c[0])


def _gru(cell: GRU, inputs: Tensor, state: HState) -> tuple[Tensor, HState]:
    sign = inputs.new_ones(3, cell.hidden_size)
    sign[1] = -1
    rows = sign.flatten()
    weights = [w * (rows[:, None] if w.dim() == 2 else rows) for w in _weights(cell)]
    outputs, h = torch.gru(inputs, state.h[None], weights, **OPTIONS)
    return outputs, HState(h=h[0])


# Exact types: a subclass may change the equations, and no kernel would notice.
KERNELS: dict[type[Cell[Any]], Callable[..., tuple[Tensor, Any]]] = {
    Elman: _elman,
    GRU: _gru,
    IRNN: _elman,
    LSTM: _lstm,
}


def supports(cell: Cell[Any]) -> bool:
    """Whether a kernel exists that computes exactly this cell's equations."""
    return type(cell) in KERNELS


def supports_inputs(inputs: Tensor) -> bool:
    """Whether the kernels run on the device and in the precision of ``inputs``, on every machine."""
    return inputs.device.type != "cpu" or precision(inputs) in (torch.float32, torch.float64)


def precision(inputs: Tensor) -> torch.dtype:
    """The dtype in which matrix products of ``inputs`` are computed: autocast's where it acts on them."""
    device = inputs.device.type
    if inputs.dtype != torch.float64 and torch.amp.is_autocast_available(device) and torch.is_autocast_enabled(device):
        return torch.get_autocast_dtype(device)
    return inputs.dtype


def check(cell: Cell[Any]) -> None:
    """Raises UserError unless a kernel supports ``cell``."""
    if not supports(cell):
        raise UserError(
            f"network.engine=fused cannot run the cell {type(cell).__name__}: no torch.nn kernel computes its "
            "equations; use network.engine=auto or network.engine=loop"
        )


def fused(cell: Cell[S], inputs: Tensor, state: S, perturbation: Any = None) -> tuple[Tensor, S]:
    """Runs ``cell`` over ``inputs`` [T, B, I] from ``state``; returns outputs [T, B, H] and the final state.

    Raises UserError for a cell without a kernel, for a precision without one, and for a perturbation, which no kernel
    can take.
    """
    check(cell)
    if not supports_inputs(inputs):
        raise UserError(
            f"network.engine=fused cannot run the cell {type(cell).__name__} in {precision(inputs)} on a CPU: not "
            "every processor has the kernel; use network.engine=auto or network.engine=loop"
        )
    if perturbation is not None:
        raise UserError("engine=fused cannot take a perturbation: its kernel hides h_t; use loop")
    return KERNELS[type(cell)](cell, inputs, state)
