"""A recurrent network with modReLU, the nonlinearity of unitary and orthogonal networks, and a free matrix.

Papers: Arjovsky, Shah & Bengio 2016, "Unitary evolution recurrent neural networks" (arXiv:1511.06464), section 4.3, in
the real form of Helfrich, Willmott & Ye 2018 (arXiv:1707.09520), section 4; with a free matrix, Kerg et al. 2019
(arXiv:1905.12080).

    h_t = modReLU(W h_{t-1} + V x_t + a; b),      modReLU(u; b) = sign(u) relu(abs(u) + b)

A unit passes its value on with its sign, and its gradient unchanged, wherever abs(u) > -b; near zero it is dead if
b < 0, and jumps if b > 0. Shapes: x_t [B, I], h_t [B, H]. Differs from the papers: the additive bias a, as in the code
of Kerg et al.; W is real.

By default W begins orthogonal (Saxe et al. 2014), V as Glorot & Bengio 2010, a at zero and b as U(-.01, .01) (Helfrich
2018), as in ``orthogonal``. init=paper draws as the code of Kerg et al. does: V from Glorot's normal distribution and
a from U(-1/sqrt(I), 1/sqrt(I)), torch.nn.Linear's own.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from rnnbench.network.cells.base import Cell
from rnnbench.network.states import HState


def modrelu(values: Tensor, bias: Tensor) -> Tensor:
    """Return sign(u) relu(abs(u) + b) of ``values`` u [B, H] and ``bias`` b [H]."""
    return values.sign() * torch.relu(values.abs() + bias)


def modrelu_bias(hidden_size: int) -> nn.Parameter:
    """Return the bias [H] of a modReLU layer, drawn from U(-.01, .01)."""
    return nn.Parameter(torch.empty(hidden_size).uniform_(-0.01, 0.01))


class ModReLU(Cell[HState]):
    """The cell with modReLU and a free recurrent matrix."""

    source = "Arjovsky et al. 2016, Helfrich et al. 2018"
    paper = "init=paper"
    gates = ("hidden",)
    recurrent_bias = False
    carries_h = False

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        nn.init.orthogonal_(self.recurrent_projection.weight)
        nn.init.xavier_uniform_(self.input_projection.weight)
        nn.init.zeros_(self.input_projection.bias)
        self.modrelu_bias = modrelu_bias(hidden_size)

    def draw_as_paper(self, t_max: float | None, last: bool) -> None:
        nn.init.xavier_normal_(self.input_projection.weight)
        nn.init.uniform_(self.input_projection.bias, -(self.input_size**-0.5), self.input_size**-0.5)

    def step(self, state: HState, drive: Tensor) -> HState:
        return HState(h=modrelu(drive + self.recurrent_projection(state.h), self.modrelu_bias))

    def initial_state(self, batch: int) -> HState:
        return HState(h=self._zeros(batch))
