"""The minimal gated unit: one gate for both tasks of the GRU's two.

Paper: Zhou et al. 2016, "Minimal gated unit for recurrent neural networks" (arXiv:1603.09420).

    f = sigmoid(W_f x_t + U_f h_{t-1} + b_f)
    h~ = tanh(W_h x_t + U_h (f * h_{t-1}) + b_h)
    h_t = (1 - f) * h_{t-1} + f * h~

Shapes: x_t [B, I], h_t [B, H]. The paper writes [h_{t-1}, x_t] for the pair of products, with one bias. Mind the name:
an open forget gate lets new in, so init=forget_one makes this cell forget faster.

Begins as in torch.nn, with init=paper too.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from rnnbench.network.cells.base import Cell
from rnnbench.network.states import HState


class MGU(Cell[HState]):
    """The MGU cell."""

    source = "Zhou et al. 2016"
    gates = ("forget", "candidate")
    recurrent_bias = False
    memory_gates: ClassVar = {"forget": -1}

    def step(self, state: HState, drive: Tensor) -> HState:
        x_f, x_h = drive.chunk(2, dim=-1)
        f = torch.sigmoid(x_f + self.recurrent("forget", state.h))
        candidate = torch.tanh(x_h + self.recurrent("candidate", f * state.h))
        return HState(h=(1 - f) * state.h + f * candidate)

    def initial_state(self, batch: int) -> HState:
        return HState(h=self._zeros(batch))

    def retention(self, state: HState, drive: Tensor) -> Tensor:
        """Return 1 - f, the share of the old state."""
        x_f, _ = drive.chunk(2, dim=-1)
        return 1 - torch.sigmoid(x_f + self.recurrent("forget", state.h))
