"""The update gate RNN: a vanilla RNN with one gate between the old state and the new.

Paper: Collins, Sohl-Dickstein & Sussillo 2016, "Capacity and trainability in recurrent neural networks"
(arXiv:1611.09913).

    c_t = tanh(W_ch h_{t-1} + W_cx x_t + b_c)
    g_t = sigmoid(W_gh h_{t-1} + W_gx x_t + b_g)
    h_t = g_t * h_{t-1} + (1 - g_t) * c_t

Shapes: x_t [B, I], h_t [B, H]. An open g, called ``update`` here, keeps the old state. The paper also tries relu for
tanh.

Begins as in torch.nn, with init=paper too: the paper adds a constant to b_g that it tunes, +init.gate_bias.update=1.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from rnnbench.network.cells.base import Cell
from rnnbench.network.states import HState


class UGRNN(Cell[HState]):
    """The UGRNN cell."""

    source = "Collins et al. 2016"
    gates = ("candidate", "update")
    recurrent_bias = False
    memory_gates: ClassVar = {"update": 1}

    def step(self, state: HState, drive: Tensor) -> HState:
        c, g = (drive + self.recurrent_projection(state.h)).chunk(2, dim=-1)
        g = torch.sigmoid(g)
        return HState(h=g * state.h + (1 - g) * torch.tanh(c))

    def initial_state(self, batch: int) -> HState:
        return HState(h=self._zeros(batch))

    def retention(self, state: HState, drive: Tensor) -> Tensor:
        """Return g, the share of the old state."""
        _, g = (drive + self.recurrent_projection(state.h)).chunk(2, dim=-1)
        return torch.sigmoid(g)
