"""The Elman network, also called vanilla or simple RNN.

Paper: Elman 1990, "Finding structure in time", Cognitive Science 14.

    h_t = tanh(W_xh x_t + b_xh + W_hh h_{t-1} + b_hh)

Shapes: x_t [B, I], h_t [B, H]. Differs from the paper: the context units are the hidden units of the step before, the
gradient flows through all steps (Elman cut it after one), both biases are kept as in torch.nn.RNN, and the
nonlinearity may be ``relu`` instead of the logistic function's modern form ``tanh``.

Begins as in torch.nn, with init=paper too.
"""

from __future__ import annotations

import torch
from torch import Tensor

from rnnbench.errors import check_choice
from rnnbench.network.cells.base import Cell
from rnnbench.network.states import HState

NONLINEARITIES = {"tanh": torch.tanh, "relu": torch.relu}


class Elman(Cell[HState]):
    """The Elman cell; ``nonlinearity`` is ``tanh`` or ``relu``. Raises UserError for any other name."""

    source = "Elman 1990"
    gates = ("hidden",)
    carries_h = False

    def __init__(self, input_size: int, hidden_size: int, nonlinearity: str = "tanh") -> None:
        check_choice("cell.nonlinearity", nonlinearity, NONLINEARITIES)
        super().__init__(input_size, hidden_size)
        self.nonlinearity = nonlinearity

    @property
    def cannot(self) -> str:
        return "counting (Weiss et al. 2018)" if self.nonlinearity == "tanh" else ""

    def step(self, state: HState, drive: Tensor) -> HState:
        return HState(h=NONLINEARITIES[self.nonlinearity](drive + self.recurrent_projection(state.h)))

    def initial_state(self, batch: int) -> HState:
        return HState(h=self._zeros(batch))
