"""Mamba-2, the structured state space duality: a matrix memory a head that decays by one number of the input.

Paper: Dao & Gu 2024, "Transformers are SSMs" (arXiv:2405.21060), section 7 and its code.

    v, B, C = W_* x_t          dt = softplus(w_dt . x_t + d)          a = exp(-exp(A) dt)
    S_t = a S_{t-1} + dt B v^T          y_t = S_t^T C + D v

Shapes: x_t [B, I]; N heads, v, y [B, N, V]; B, C [B, K], the same for all heads; S [B, N, K, V]; dt, a [B, N]; A, d, D
[N]; the layer above sees the heads' y_t side by side, [B, N V]; by default V = H / N and K = 16 (the paper's 128 goes
with V = 64). S_0 = 0. In the paper's words K is the state dimension and V that of a head.

A, d and D begin as in the authors' code: exp(A) ~ U(1, 16), softplus(d) log-uniform in [.001, .1], D = 1. Differs from
the paper: the recurrence alone. The convolution and the SiLU over v, B and C are network.convolution=4 over x; the gate
and the norm after it are left out.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from rnnbench.network.cells.decays import SoftplusDecay
from rnnbench.network.cells.matrix import Associations, LinearMatrixCell
from rnnbench.network.states import MatrixState


class Mamba2(LinearMatrixCell[MatrixState]):
    """Mamba-2 with N = ``heads``, K = ``key_size`` and V = ``value_size``, H / N by default."""

    source = "Dao & Gu 2024"
    spectrum = "positive"
    gates = ("query", "key", "value", "step")
    input_bias = False

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        heads: int = 4,
        key_size: int | None = 16,
        value_size: int | None = None,
    ) -> None:
        super().__init__(input_size, hidden_size, heads, key_size, value_size)
        self.decay = SoftplusDecay(self.heads, least=1.0)
        self.skip = nn.Parameter(torch.ones(self.heads))

    @property
    def input_blocks(self) -> dict[str, int]:
        """One block of K queries and one of K keys serve all heads."""
        return super().input_blocks | {"query": self.key_size, "key": self.key_size}

    def parts(self, drive: Tensor) -> list[Tensor]:
        query, key, value, step = drive.split(list(self.input_blocks.values()), dim=-1)
        shared = [part[..., None, :].expand(*part.shape[:-1], self.heads, -1) for part in (query, key)]
        return [*shared, value.unflatten(-1, (self.heads, -1)), step[..., None]]

    def associations(self, drive: Tensor) -> Associations:
        query, key, value, step = self.parts(drive)
        return Associations(query, self.decay.step_size(step) * key, value, self.decay(step))

    def output(self, reading: Tensor, drive: Tensor, log_scale: Tensor | None = None) -> Tensor:
        return (reading + self.skip[:, None] * self.parts(drive)[2]).flatten(-2)
