"""The diagonal LSTM: a unit sees its own past alone, one gate both forgets and lets in, and two gates see the memory.

Paper: Danieli et al. 2025, "ParaRNN: unlocking parallel training of nonlinear RNNs for large language models"
(arXiv:2510.21450), its ParaLSTM.

    f_t = sigmoid(B_f x_t + a_f * h_{t-1} + p_f * c_{t-1} + b_f)
    c_t = f_t * c_{t-1} + (1 - f_t) * tanh(B_c x_t + a_c * h_{t-1} + b_c)
    o_t = sigmoid(B_o x_t + a_o * h_{t-1} + p_o * c_t + b_o)
    h_t = o_t * tanh(c_t)

Shapes: x_t [B, I]; h_t, c_t [B, H]; a_*, p_* [H]. The Jacobian of a step has a block of 2 x 2 a unit. f_t looks at the
old c and o_t at the new one. Differs from the paper: B_* is full, one head.

By default all begins as in torch.nn, a_* and p_* too. init=paper draws as the authors' code: a_* and p_* ~ N(0, 4 / (5
H)), B_* ~ U(-1, 1) sqrt(6 / (I + H)), b_f from 0 to -1 over the units, the other biases 0.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from rnnbench.network.cells.base import Cell
from rnnbench.network.cells.gru_diagonal import diagonal, draw_as_pararnn
from rnnbench.network.states import LSTMState


class DiagonalLSTM(Cell[LSTMState]):
    """The LSTM with a diagonal recurrence, coupled gates and peepholes."""

    source = "Danieli et al. 2025"
    spectrum = "complex"
    paper = "init=paper"
    gates = ("forget", "output", "candidate")
    recurrent_gates = ()
    carries_h = False
    memory_gates: ClassVar = {"forget": 1}

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.diagonal = diagonal(3, hidden_size)
        self.peephole = diagonal(2, hidden_size)

    def draw_as_paper(self, t_max: float | None, last: bool) -> None:
        draw_as_pararnn(self, "forget", self.diagonal, self.peephole)

    def step(self, state: LSTMState, drive: Tensor) -> LSTMState:
        _, output, candidate = drive.chunk(3, dim=-1)
        _, a_o, a_c = self.diagonal
        f = self.retention(state, drive)
        c = f * state.c + (1 - f) * torch.tanh(candidate + a_c * state.h)
        o = torch.sigmoid(output + a_o * state.h + self.peephole[1] * c)
        return LSTMState(h=o * torch.tanh(c), c=c)

    def initial_state(self, batch: int) -> LSTMState:
        return LSTMState(h=self._zeros(batch), c=self._zeros(batch))

    def retention(self, state: LSTMState, drive: Tensor) -> Tensor:
        """Return the forget gate f."""
        forget = drive.chunk(3, dim=-1)[0]
        return torch.sigmoid(forget + self.diagonal[0] * state.h + self.peephole[0] * state.c)
