"""Modules of torch.nn as networks of the suite, with the same weights."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from rnnbench.errors import UserError
from rnnbench.network.cells import GRU, LSTM, Cell, Elman
from rnnbench.network.layers import Bidirectional, Layer, Recurrent, Stack
from rnnbench.network.model import Model


def from_torch(module: nn.RNNBase, head: nn.Linear | None = None) -> Model:
    """Return a network that computes what ``module``, a torch.nn.RNN, LSTM or GRU, and then ``head`` compute.

    Its prediction is one a sequence, ``head`` of the output of the last layer after the sequence, in two directions of
    each direction's own last output side by side; without a head that output itself. The weights are copies, dropout is
    left out. Raises UserError for another module, an LSTM with projections, or a head that does not fit.
    """
    if not isinstance(module, nn.RNN | nn.LSTM | nn.GRU):
        raise UserError(f"{type(module).__name__}: give a torch.nn.RNN, LSTM or GRU, or a network of rnnbench")
    if module.proj_size:
        raise UserError(f"LSTM(proj_size={module.proj_size}): projections are not supported; use proj_size=0")
    layers: list[Layer] = []
    for index in range(module.num_layers):
        size = layers[-1].output_size if layers else module.input_size
        directions = [
            Recurrent(_cell(module, size, f"l{index}{suffix}"), "loop", reverse=bool(suffix))
            for suffix in (("", "_reverse") if module.bidirectional else ("",))
        ]
        layers.append(Bidirectional(*directions) if module.bidirectional else directions[0])
    stack = Stack(layers)
    model = Model(stack, module.input_size, stack.summary_size, tokens=False, every_step=False)
    model.head = _head(head, stack.summary_size)
    first = next(module.parameters())
    return model.to(first.device, first.dtype)


def _cell(module: nn.RNNBase, size: int, place: str) -> Cell:
    """Return a cell with the weights of one layer and direction of ``module``."""
    cell: Cell
    if isinstance(module, nn.RNN):
        cell = Elman(size, module.hidden_size, module.nonlinearity)
    else:
        cell = (GRU if isinstance(module, nn.GRU) else LSTM)(size, module.hidden_size)
    for projection, kind in ((cell.input_projection, "ih"), (cell.recurrent_projection, "hh")):
        with torch.no_grad():
            projection.weight.copy_(_rows(cell, getattr(module, f"weight_{kind}_{place}")))
            if module.bias:
                projection.bias.copy_(_rows(cell, getattr(module, f"bias_{kind}_{place}")))
            else:
                projection.bias.zero_()
    return cell


def _rows(cell: Cell, values: Tensor) -> Tensor:
    """Return rows of torch.nn as those of ``cell``: torch.nn.GRU's update gate keeps the state, ours updates it."""
    if not isinstance(cell, GRU):
        return values
    reset, update, candidate = values.chunk(3)
    return torch.cat([reset, -update, candidate])


def _head(given: nn.Linear | None, size: int) -> nn.Linear:
    """Return a copy of the given head, or an identity where there is none."""
    if given is not None and (not isinstance(given, nn.Linear) or given.in_features != size):
        raise UserError(f"head={given}: must be a torch.nn.Linear of {size} features, the last outputs of the module")
    head = nn.Linear(size, size if given is None else given.out_features)
    with torch.no_grad():
        head.weight.copy_(torch.eye(size) if given is None else given.weight)
        head.bias.copy_(torch.zeros(size) if given is None or given.bias is None else given.bias)
    return head
