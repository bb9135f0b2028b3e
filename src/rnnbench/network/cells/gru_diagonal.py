"""The diagonal GRU: a GRU whose units do not see each other's past, so that Newton's method can run it in parallel.

Paper: Danieli et al. 2025, "ParaRNN: unlocking parallel training of nonlinear RNNs for large language models"
(arXiv:2510.21450), its ParaGRU.

    z_t, r_t = sigmoid(B_* x_t + a_* * h_{t-1} + b_*)
    n_t = tanh(B_n x_t + a_n * (r_t * h_{t-1}) + b_n)
    h_t = (1 - z_t) * h_{t-1} + z_t * n_t

Shapes: x_t [B, I]; h_t [B, H]; a_* [H]. The Jacobian of a step is diagonal. As in ``gru`` z_t lets the candidate in;
the reset gate acts before a_n, as in ``gru_reset_before``. Differs from the paper: B_* is full, one head.

By default all begins as in torch.nn, a_* too. init=paper draws as the authors' code: a_* ~ N(0, 4 / (5 H)), B_* as
U(-1, 1) sqrt(6 / (I + H)), b_z from 0 to -1 over the units, the other biases 0.
"""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from rnnbench.network.cells.base import Cell
from rnnbench.network.cells.drawing import set_gate
from rnnbench.network.states import HState


def diagonal(gates: int, hidden_size: int) -> nn.Parameter:
    """Return vectors [gates, H], drawn as recurrent weights are in torch.nn."""
    bound = hidden_size**-0.5
    return nn.Parameter(torch.empty(gates, hidden_size).uniform_(-bound, bound))


def draw_as_pararnn(cell: Cell[Any], gate: str, *vectors: nn.Parameter) -> None:
    """Draw what the ParaRNN cells share; the bias of ``gate`` falls from 0 to -1 over the units."""
    for each in vectors:
        nn.init.normal_(each, std=2 * (5 * cell.hidden_size) ** -0.5)
    for block in cell.input_projection.weight.split(cell.hidden_size):
        nn.init.xavier_uniform_(block)
    nn.init.zeros_(cell.input_projection.bias)
    set_gate(cell, gate, -torch.linspace(0, 1, cell.hidden_size))


class DiagonalGRU(Cell[HState]):
    """The GRU with a diagonal recurrence."""

    source = "Danieli et al. 2025"
    spectrum = "signed"
    paper = "init=paper"
    gates = ("update", "reset", "candidate")
    recurrent_gates = ()
    memory_gates: ClassVar = {"update": -1}

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.diagonal = diagonal(3, hidden_size)

    def draw_as_paper(self, t_max: float | None, last: bool) -> None:
        draw_as_pararnn(self, "update", self.diagonal)

    def step(self, state: HState, drive: Tensor) -> HState:
        update, reset, candidate = drive.chunk(3, dim=-1)
        a_z, a_r, a_n = self.diagonal
        z = torch.sigmoid(update + a_z * state.h)
        r = torch.sigmoid(reset + a_r * state.h)
        n = torch.tanh(candidate + a_n * (r * state.h))
        return HState(h=(1 - z) * state.h + z * n)

    def initial_state(self, batch: int) -> HState:
        return HState(h=self._zeros(batch))

    def retention(self, state: HState, drive: Tensor) -> Tensor:
        """Return 1 - z, the share of the old state."""
        return 1 - torch.sigmoid(drive.chunk(3, dim=-1)[0] + self.diagonal[0] * state.h)
