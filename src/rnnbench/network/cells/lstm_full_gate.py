"""The LSTM with full gate recurrence: every gate also sees all gates of the step before.

Paper: Greff et al. 2015, "LSTM: a search space odyssey" (arXiv:1503.04069), variant FGR; some networks of
Hochreiter & Schmidhuber 1997 have such connections too. To the vanilla LSTM (``lstm_peephole``) it adds
nine matrices:

    i = sigmoid(W_i x_t + R_i h_{t-1} + p_i * c_{t-1} + b_i + R_ii i_{t-1} + R_fi f_{t-1} + R_oi o_{t-1})
    f likewise;   z = tanh(W_z x_t + R_z h_{t-1} + b_z);   c_t = z * i + c_{t-1} * f
    o = sigmoid(W_o x_t + R_o h_{t-1} + p_o * c_t + b_o + R_io i_{t-1} + R_fo f_{t-1} + R_oo o_{t-1})
    h_t = tanh(c_t) * o

Shapes: x_t [B, I]; h_t, c_t, the gates i, f, o and the peepholes p [H]; R_fi, which leads from f to i, is the block
``forget_to_input`` of the recurrent matrix. One bias, as in the paper.

By default peepholes begin as N(0, .1^2), as in the paper, and the rest as in torch.nn. init=paper draws the matrices
from N(0, .1^2) too, with zero biases.
"""

from __future__ import annotations

from typing import ClassVar, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from rnnbench.network.cells.base import Cell

SIGMOIDS = ("input", "forget", "output")
GATE_TO_GATE = tuple(f"{source}_to_{gate}" for source in SIGMOIDS for gate in SIGMOIDS)


class FullGateState(NamedTuple):
    """``h``: hidden state; ``c``: cell state; ``i``, ``f``, ``o``: the gates that led to them. All [B, H]."""

    h: Tensor
    c: Tensor
    i: Tensor
    f: Tensor
    o: Tensor


class FullGateLSTM(Cell[FullGateState]):
    """The LSTM cell with peepholes and full gate recurrence."""

    source = "Greff et al. 2015"
    paper = "init=paper"
    gates = ("input", "forget", "candidate", "output")
    recurrent_gates = (*gates, *GATE_TO_GATE)
    recurrent_bias = False
    memory_gates: ClassVar = {"forget": 1, "input": -1}
    carries_h = False

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.peephole = nn.ParameterDict({gate: 0.1 * torch.randn(hidden_size) for gate in SIGMOIDS})

    def draw_as_paper(self, t_max: float | None, last: bool) -> None:
        nn.init.normal_(self.input_projection.weight, std=0.1)
        nn.init.zeros_(self.input_projection.bias)
        nn.init.normal_(self.recurrent_projection.weight, std=0.1)

    def step(self, state: FullGateState, drive: Tensor) -> FullGateState:
        i, f, z, o = self._sums(state, drive)
        i = torch.sigmoid(i + self.peephole["input"] * state.c)
        f = torch.sigmoid(f + self.peephole["forget"] * state.c)
        c = torch.tanh(z) * i + state.c * f
        o = torch.sigmoid(o + self.peephole["output"] * c)
        return FullGateState(h=torch.tanh(c) * o, c=c, i=i, f=f, o=o)

    def initial_state(self, batch: int) -> FullGateState:
        return FullGateState(*(self._zeros(batch) for _ in FullGateState._fields))

    def retention(self, state: FullGateState, drive: Tensor) -> Tensor:
        """Return the forget gate f."""
        return torch.sigmoid(self._sums(state, drive)[1] + self.peephole["forget"] * state.c)

    def _sums(self, state: FullGateState, drive: Tensor) -> list[Tensor]:
        """Return what i, f, z and o see besides their peepholes."""
        size = self.hidden_size
        R, R_i, R_f, R_o = self.recurrent_projection.weight.split([4 * size, 3 * size, 3 * size, 3 * size])
        i, f, z, o = (drive + linear(state.h, R)).chunk(4, dim=-1)
        to_i, to_f, to_o = (linear(state.i, R_i) + linear(state.f, R_f) + linear(state.o, R_o)).chunk(3, dim=-1)
        return [i + to_i, f + to_f, z, o + to_o]
