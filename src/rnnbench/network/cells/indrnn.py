"""The independently recurrent network: every unit sees its own past and no other's.

Paper: Li, Li, Cook, Zhu & Gao 2018, "Independently recurrent neural network (IndRNN): building a longer and deeper
RNN" (arXiv:1803.04831), section 3.

    h_t = relu(W x_t + u * h_{t-1} + b),      abs(u) <= 2^(1/T)

The gradient of an active unit over k steps is u^k, so the bound keeps it below 2 over the whole sequence; it is
restored after every optimizer step. Shapes: x_t [B, I], h_t [B, H], u [H]. T is ``length``, the steps of a sequence.
Differs from the paper: T is the length of the task although a batch may hold shorter sequences; tanh as an alternative
to relu; batch normalisation and dropout are no part of the cell.

By default W ~ N(0, .001^2), b = 0 and u ~ U(0, 2^(1/T)), as the paper draws every layer but the last; with
``long_memory`` u ~ U(2^(-1/T), 2^(1/T)) in all layers: a unit then keeps between half and twice its memory over T
steps. init=paper draws u like this in the last layer alone, and as the default in the others: that is the paper's way
where only the end of a sequence counts.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from rnnbench.errors import check_choice, check_range
from rnnbench.network.cells.base import Cell
from rnnbench.network.cells.elman import NONLINEARITIES
from rnnbench.network.states import HState


class IndRNN(Cell[HState]):
    """The IndRNN cell for sequences of ``length`` steps; ``nonlinearity`` is ``relu`` or ``tanh``.

    Raises UserError for another nonlinearity and for a length below 1.
    """

    source = "Li et al. 2018"
    spectrum = "signed"
    paper = "init=paper"
    gates = ("hidden",)
    recurrent_gates = ()

    def __init__(
        self, input_size: int, hidden_size: int, length: int, nonlinearity: str = "relu", long_memory: bool = False
    ) -> None:
        check_choice("cell.nonlinearity", nonlinearity, NONLINEARITIES)
        check_range("cell.length", length, at_least=1)
        super().__init__(input_size, hidden_size)
        self.nonlinearity = nonlinearity
        self.bound: float = 2 ** (1 / length)
        nn.init.normal_(self.input_projection.weight, std=0.001)
        nn.init.zeros_(self.input_projection.bias)
        least = 1 / self.bound if long_memory else 0.0
        self.recurrent_weight = nn.Parameter(torch.empty(hidden_size).uniform_(least, self.bound))

    def draw_as_paper(self, t_max: float | None, last: bool) -> None:
        nn.init.uniform_(self.recurrent_weight, 1 / self.bound if last else 0.0, self.bound)

    def step(self, state: HState, drive: Tensor) -> HState:
        return HState(h=NONLINEARITIES[self.nonlinearity](drive + self.recurrent_weight * state.h))

    def initial_state(self, batch: int) -> HState:
        return HState(h=self._zeros(batch))

    def retention(self, state: HState, drive: Tensor) -> Tensor:
        """Return abs(u), what an active unit keeps: the same at every step, and above 1 for a unit that grows.

        A time constant counts such a unit as the longest that the dtype can tell (``gradients.gates``).
        """
        return self.recurrent_weight.abs().expand_as(state.h)

    @torch.no_grad()
    def constrain(self) -> None:
        """Clamp abs(u) to at most 2^(1/T)."""
        self.recurrent_weight.clamp_(-self.bound, self.bound)
