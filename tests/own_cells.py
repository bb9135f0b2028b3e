"""Cells as a user may write them: correct, and unlike every cell of the suite in what their state is."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from rnnbench.network.cells import Cell
from rnnbench.network.states import LSTMState


class MatrixState(NamedTuple):
    """``h``: complex associations [B, K, V]; ``n``: how much was stored under each key [B, K]."""

    h: Tensor
    n: Tensor


class MatrixMemory(Cell[MatrixState]):
    """h_t = lambda h_{t-1} + k_t v_t^T, n_t = tanh(n_{t-1} + k_t), y_t = tanh(Re(q^T h_t)) (1 + q^T n_t), K = V = H."""

    gates = ("key", "value")
    recurrent_gates = ()

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.decay = nn.Parameter(torch.polar(torch.full((hidden_size, 1), 0.9), torch.rand(hidden_size, 1)))
        self.query = nn.Parameter(torch.randn(hidden_size))

    def step(self, state, drive):
        key, value = drive.chunk(2, dim=-1)
        return MatrixState(self.decay * state.h + key[:, :, None] * value[:, None], torch.tanh(state.n + key))

    def initial_state(self, batch):
        return MatrixState(self.decay.new_zeros(batch, self.hidden_size, self.hidden_size), self._zeros(batch))

    def readout(self, state, drive):
        seen = (self.query[:, None] * state.h.real).sum(dim=-2)
        return torch.tanh(seen) * (1 + (self.query * state.n).sum(dim=-1, keepdim=True))


class Mirrored(Cell[LSTMState]):
    """c_t = tanh(W x_t + U h_{t-1} + c_{t-1} / 2), h_t = c_t, one tensor as both parts; the layer above reads c_t."""

    gates = ("hidden",)

    def step(self, state, drive):
        c = torch.tanh(drive + self.recurrent_projection(state.h) + state.c / 2)
        return LSTMState(h=c, c=c)

    def initial_state(self, batch):
        zero = self._zeros(batch)
        return LSTMState(h=zero, c=zero)

    def readout(self, state, drive):
        return state.c


class Derived(Mirrored):
    """As ``Mirrored``, with c_t computed from h_t."""

    def step(self, state, drive):
        h = torch.tanh(drive + self.recurrent_projection(state.h) + state.c / 2)
        return LSTMState(h=h, c=h**2)


OWN_CELLS = {"derived": Derived, "matrix": MatrixMemory, "mirrored": Mirrored}
