"""The layer-normalised LSTM.

Paper: Ba, Kiros & Hinton 2016, "Layer normalization" (arXiv:1607.06450), eqs. 20-22 (supplementary material).

    (f, i, o, g) = LN(W_h h_{t-1}; alpha_1, beta_1) + LN(W_x x_t; alpha_2, beta_2) + b
    c_t = sigmoid(f) * c_{t-1} + sigmoid(i) * tanh(g)
    h_t = sigmoid(o) * tanh(LN(c_t; alpha_3, beta_3))

LN(z; alpha, beta) = alpha * (z - mean) / sigma + beta with the mean and the standard deviation of one vector: over all
4H sums of the four gates together, and over the H cells. Shapes: x_t [B, I]; h_t, c_t [B, H]; alpha_1, alpha_2 [4H],
alpha_3 [H]. Gains begin at 1 and shifts at 0, as in the paper. Differs from it: the variance gets 1e-5 more, as in
torch.nn.LayerNorm and the authors' code, because W_h h_0 = 0. Rows are ordered as in ``lstm``.

The matrices and b begin as in torch.nn, with init=paper too.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from rnnbench.network.cells.base import Cell
from rnnbench.network.states import LSTMState


class LayerNormLSTM(Cell[LSTMState]):
    """The LSTM cell with three layer normalisations inside."""

    source = "Ba et al. 2016"
    gates = ("input", "forget", "candidate", "output")
    recurrent_bias = False
    memory_gates: ClassVar = {"forget": 1, "input": -1}
    carries_h = False

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.recurrent_norm = nn.LayerNorm(4 * hidden_size)
        self.input_norm = nn.LayerNorm(4 * hidden_size)
        self.cell_norm = nn.LayerNorm(hidden_size)

    def project(self, inputs: Tensor) -> Tensor:
        return self.input_norm(linear(inputs, self.input_projection.weight)) + self.input_projection.bias

    def step(self, state: LSTMState, drive: Tensor) -> LSTMState:
        i, f, g, o = (drive + self.recurrent_norm(self.recurrent_projection(state.h))).chunk(4, dim=-1)
        c = torch.sigmoid(f) * state.c + torch.sigmoid(i) * torch.tanh(g)
        return LSTMState(h=torch.sigmoid(o) * torch.tanh(self.cell_norm(c)), c=c)

    def initial_state(self, batch: int) -> LSTMState:
        return LSTMState(h=self._zeros(batch), c=self._zeros(batch))

    def retention(self, state: LSTMState, drive: Tensor) -> Tensor:
        """Return the forget gate f."""
        _, f, _, _ = (drive + self.recurrent_norm(self.recurrent_projection(state.h))).chunk(4, dim=-1)
        return torch.sigmoid(f)
