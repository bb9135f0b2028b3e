"""JANET, just another network: an LSTM that has only its forget gate.

Paper: van der Westhuizen & Lasenby 2018, "The unreasonable effectiveness of the forget gate" (arXiv:1804.04849).

    s_t = U_f h_{t-1} + W_f x_t + b_f
    c~_t = tanh(U_c h_{t-1} + W_c x_t + b_c)
    c_t = sigmoid(s_t) * c_{t-1} + (1 - sigmoid(s_t - beta)) * c~_t
    h_t = c_t

Shapes: x_t [B, I], h_t [B, H]; c and h are one. A ``beta`` above 0 lets more in than is forgotten; the paper finds 1
good, and 0 ties the two.

By default all begins as in torch.nn for every task. init=paper: b_f = ln U(1, T_max - 1), the chrono initialisation
for the length of the task, and b_c = 0 (init=chrono leaves b_c).
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from rnnbench.network.cells.base import Cell
from rnnbench.network.cells.drawing import chrono, set_gate
from rnnbench.network.states import HState


class JANET(Cell[HState]):
    """The JANET cell; ``beta`` shifts the share of the candidate."""

    source = "van der Westhuizen & Lasenby 2018"
    paper = "init=paper"
    gates = ("forget", "candidate")
    recurrent_bias = False
    memory_gates: ClassVar = {"forget": 1}

    def __init__(self, input_size: int, hidden_size: int, beta: float = 1.0) -> None:
        super().__init__(input_size, hidden_size)
        self.beta = beta

    def draw_as_paper(self, t_max: float | None, last: bool) -> None:
        """Draw as the paper. Raises UserError unless ``t_max`` is above 2."""
        set_gate(self, "forget", chrono(self.hidden_size, t_max, "cell=janet init=paper"))
        set_gate(self, "candidate", torch.zeros(self.hidden_size))

    def step(self, state: HState, drive: Tensor) -> HState:
        s, c = (drive + self.recurrent_projection(state.h)).chunk(2, dim=-1)
        return HState(h=torch.sigmoid(s) * state.h + (1 - torch.sigmoid(s - self.beta)) * torch.tanh(c))

    def initial_state(self, batch: int) -> HState:
        return HState(h=self._zeros(batch))

    def retention(self, state: HState, drive: Tensor) -> Tensor:
        """Return the forget gate sigmoid(s)."""
        s, _ = (drive + self.recurrent_projection(state.h)).chunk(2, dim=-1)
        return torch.sigmoid(s)
