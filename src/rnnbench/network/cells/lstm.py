"""The long short-term memory with a forget gate.

Papers: Hochreiter & Schmidhuber 1997, "Long short-term memory", Neural Computation 9(8); the forget gate is from Gers,
Schmidhuber & Cummins 2000, "Learning to forget", Neural Computation 12(10).

    i, f, o = sigmoid(W_x* x_t + b_x* + W_h* h_{t-1} + b_h*)        C~ = tanh(W_xC x_t + b_xC + W_hC h_{t-1} + b_hC)
    C_t = f * C_{t-1} + i * C~
    h_t = o * tanh(C_t)

Shapes: x_t [B, I]; h_t, C_t [B, H]. Differs from the 1997 paper: a forget gate, tanh instead of scaled sigmoids, one
cell a block, the full gradient. Rows are ordered as in torch.nn.LSTM: input, forget, candidate, output.

By default all begins as in torch.nn. init=paper: the forget gate begins open, with a bias of 1 (Gers et al. 2000;
Jozefowicz, Zaremba & Sutskever 2015, "An empirical exploration of recurrent network architectures").
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from rnnbench.network.cells.base import Cell
from rnnbench.network.cells.drawing import set_gate
from rnnbench.network.states import LSTMState


class LSTM(Cell[LSTMState]):
    """The LSTM cell without peepholes, as in torch.nn.LSTM."""

    source = "Hochreiter & Schmidhuber 1997, Gers et al. 2000"
    paper = "init=paper"
    gates = ("input", "forget", "candidate", "output")
    memory_gates: ClassVar = {"forget": 1, "input": -1}
    carries_h = False

    def draw_as_paper(self, t_max: float | None, last: bool) -> None:
        set_gate(self, "forget", torch.ones(self.hidden_size))

    def step(self, state: LSTMState, drive: Tensor) -> LSTMState:
        i, f, candidate, o = (drive + self.recurrent_projection(state.h)).chunk(4, dim=-1)
        c = torch.sigmoid(f) * state.c + torch.sigmoid(i) * torch.tanh(candidate)
        return LSTMState(h=torch.sigmoid(o) * torch.tanh(c), c=c)

    def initial_state(self, batch: int) -> LSTMState:
        return LSTMState(h=self._zeros(batch), c=self._zeros(batch))

    def retention(self, state: LSTMState, drive: Tensor) -> Tensor:
        """Return the forget gate f."""
        _, f, _, _ = (drive + self.recurrent_projection(state.h)).chunk(4, dim=-1)
        return torch.sigmoid(f)
