"""The Legendre memory unit: a linear memory that holds the last theta steps of one signal as Legendre polynomials.

Paper: Voelker, Kajic & Eliasmith 2019, "Legendre memory units: continuous-time representation in recurrent neural
networks", NeurIPS 32, section 2.

    u_t = e_x x_t + e_h h_{t-1} + e_m m_{t-1}
    m_t = A m_{t-1} + B u_t
    h_t = tanh(W_x x_t + W_h h_{t-1} + W_m m_t)

Shapes: x_t [B, I]; u_t [B, 1]; m_t [B, d], d the ``order``; h_t [B, H]. A and B are fixed: the exact discretisation, by
a step of 1, of theta m' = A' m + B' u with A'_ij = (2i + 1) (-1 if i < j, else (-1)^(i-j+1)), B'_i = (2i + 1) (-1)^i.
The signal s steps ago, s <= theta, is the sum of P_i(2 s / theta - 1) m_i, P_i the Legendre polynomials. ``theta`` is
the length of the task by default.

By default the weights begin as in torch.nn, but for e_m = 0. init=paper draws as the authors' code: e_x and e_h as
U(-1, 1) sqrt(3 / columns), e_m = 0, and the three W normal with variance 2 / (rows + columns), here not cut at two
standard deviations.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from rnnbench.errors import check_range
from rnnbench.network.cells.base import Cell


class LMUState(NamedTuple):
    """``h``: hidden state [B, H]; ``m``: the memory [B, d]."""

    h: Tensor
    m: Tensor


def legendre_delay(order: int, theta: float) -> tuple[Tensor, Tensor]:
    """Return A [order, order] and B [order, 1] for a step of 1, in float64."""
    n = torch.arange(order, dtype=torch.float64)
    row, column = n[:, None], n[None, :]
    a = (2 * row + 1) * torch.where(row < column, -1.0, (-1.0) ** (row - column + 1))
    b = (2 * row + 1) * (-1.0) ** row
    whole = torch.cat([torch.cat([a, b], dim=1), torch.zeros(1, order + 1, dtype=torch.float64)]) / theta
    held = torch.linalg.matrix_exp(whole)  # u is constant within a step
    return held[:-1, :-1], held[:-1, -1:]


class LMU(Cell[LMUState]):
    """The LMU with a memory of ``order`` numbers over ``theta`` steps. Raises UserError for either below 1."""

    source = "Voelker et al. 2019"
    paper = "init=paper"
    gates = ("hidden", "encoder")
    recurrent_gates = ("hidden",)
    input_bias = False
    recurrent_bias = False
    carries_h = False
    a: Tensor
    b: Tensor

    def __init__(self, input_size: int, hidden_size: int, theta: float, order: int = 64) -> None:
        check_range("cell.theta", theta, at_least=1)
        check_range("cell.order", order, at_least=1)
        super().__init__(input_size, hidden_size)
        self.order = order
        self.hidden_encoder = nn.Linear(hidden_size, 1, bias=False)
        self.memory_encoder = nn.Linear(order, 1, bias=False)
        self.memory_projection = nn.Linear(order, hidden_size, bias=False)
        nn.init.zeros_(self.memory_encoder.weight)
        a, b = (each.to(self.memory_encoder.weight.dtype) for each in legendre_delay(order, theta))
        self.register_buffer("a", a, persistent=False)
        self.register_buffer("b", b, persistent=False)

    @property
    def input_blocks(self) -> dict[str, int]:
        return {"hidden": self.hidden_size, "encoder": 1}

    def draw_as_paper(self, t_max: float | None, last: bool) -> None:
        kernel, encoder = self.input_projection.weight.split([self.hidden_size, 1])
        for each in (kernel, self.recurrent_projection.weight, self.memory_projection.weight):
            nn.init.xavier_normal_(each)
        for each in (encoder, self.hidden_encoder.weight):
            nn.init.uniform_(each, -((3 / each.shape[1]) ** 0.5), (3 / each.shape[1]) ** 0.5)

    def step(self, state: LMUState, drive: Tensor) -> LMUState:
        hidden, encoded = drive.split([self.hidden_size, 1], dim=-1)
        u = encoded + self.hidden_encoder(state.h) + self.memory_encoder(state.m)
        m = linear(state.m, self.a) + u * self.b.squeeze(-1)
        return LMUState(h=torch.tanh(hidden + self.recurrent_projection(state.h) + self.memory_projection(m)), m=m)

    def initial_state(self, batch: int) -> LMUState:
        return LMUState(h=self._zeros(batch), m=self.input_projection.weight.new_zeros(batch, self.order))
