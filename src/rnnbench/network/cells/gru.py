"""The gated recurrent unit with the reset gate after the recurrent product.

Papers: Cho et al. 2014, "Learning phrase representations using RNN encoder-decoder" (arXiv:1406.1078), in the form of
Chung et al. 2014, "Empirical evaluation of gated recurrent neural networks" (arXiv:1412.3555), eqs. 4-7 for z.

    r, z = sigmoid(W_x* x_t + b_x* + W_h* h_{t-1} + b_h*)
    h~ = tanh(W_xh x_t + b_xh + r * (W_hh h_{t-1} + b_hh))
    h_t = (1 - z) * h_{t-1} + z * h~

Shapes: x_t [B, I], h_t [B, H]. Here z lets the candidate *in* (Chung 2014); torch.nn.GRU has it the other way round, so
its update-gate rows are the negatives of ours. Differs from Cho 2014: r multiplies after the matrix product, as in
cuDNN and torch.nn. Rows are ordered as in torch.nn.GRU: reset, update, candidate.

Begins as in torch.nn, with init=paper too.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from rnnbench.network.cells.base import Cell
from rnnbench.network.states import HState


class GRU(Cell[HState]):
    """The GRU cell, reset after the product, with z as the share of the candidate."""

    source = "Cho et al. 2014, Chung et al. 2014"
    gates = ("reset", "update", "candidate")
    memory_gates: ClassVar = {"update": -1}

    @property
    def cannot(self) -> str:
        return "counting (Weiss et al. 2018)"

    def step(self, state: HState, drive: Tensor) -> HState:
        x_r, x_z, x_h = drive.chunk(3, dim=-1)
        h_r, h_z, h_h = self.recurrent_projection(state.h).chunk(3, dim=-1)
        r, z = torch.sigmoid(x_r + h_r), torch.sigmoid(x_z + h_z)
        candidate = torch.tanh(x_h + r * h_h)
        return HState(h=(1 - z) * state.h + z * candidate)

    def initial_state(self, batch: int) -> HState:
        return HState(h=self._zeros(batch))

    def retention(self, state: HState, drive: Tensor) -> Tensor:
        """Return 1 - z, the share of the old state."""
        _, z, _ = (drive + self.recurrent_projection(state.h)).chunk(3, dim=-1)
        return 1 - torch.sigmoid(z)
