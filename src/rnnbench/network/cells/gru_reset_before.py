"""The gated recurrent unit with the reset gate before the recurrent product, as it was first published.

Papers: Cho et al. 2014, "Learning phrase representations using RNN encoder-decoder" (arXiv:1406.1078), eqs. 5-8, in
the form of Chung et al. 2014, "Empirical evaluation of gated recurrent neural networks" (arXiv:1412.3555), section 3.2.

    r, z = sigmoid(W_x* x_t + b_x* + W_h* h_{t-1} + b_h*)
    h~ = tanh(W_xh x_t + b_xh + W_hh (r * h_{t-1}) + b_hh)
    h_t = (1 - z) * h_{t-1} + z * h~

Shapes: x_t [B, I], h_t [B, H]. z lets the candidate *in*, as in Chung 2014 and in ``gru``; Cho's z is our 1 - z.
Differs from both papers, which write no biases: two, so that nothing but the place of r differs from ``gru``.

Begins as in torch.nn, with init=paper too.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from rnnbench.network.cells.base import Cell
from rnnbench.network.states import HState


class GRUResetBefore(Cell[HState]):
    """The GRU cell, reset before the product, with z as the share of the candidate."""

    source = "Cho et al. 2014"
    gates = ("reset", "update", "candidate")
    memory_gates: ClassVar = {"update": -1}

    def step(self, state: HState, drive: Tensor) -> HState:
        x_r, x_z, x_h = drive.chunk(3, dim=-1)
        r = torch.sigmoid(x_r + self.recurrent("reset", state.h))
        z = torch.sigmoid(x_z + self.recurrent("update", state.h))
        candidate = torch.tanh(x_h + self.recurrent("candidate", r * state.h))
        return HState(h=(1 - z) * state.h + z * candidate)

    def initial_state(self, batch: int) -> HState:
        return HState(h=self._zeros(batch))

    def retention(self, state: HState, drive: Tensor) -> Tensor:
        """Return 1 - z, the share of the old state."""
        _, x_z, _ = drive.chunk(3, dim=-1)
        return 1 - torch.sigmoid(x_z + self.recurrent("update", state.h))
