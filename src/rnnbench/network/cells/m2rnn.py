"""The M2RNN: a matrix memory that is not linear in its past.

Paper: Mishra, Tan, Stoica, Gonzalez & Dao 2026 (arXiv:2603.14360), section 3.1, and the authors' lm-engine.

    q, k, v = W_* x_t          f = exp(-exp(A) softplus(w_f . x_t + d))
    Z_t = tanh(S_{t-1} W + k v^T)          S_t = f S_{t-1} + (1 - f) Z_t          y_t = S_t^T q + D v

Shapes: x_t [B, I]; N heads, q, k [B, N, K]; v, y [B, N, V]; S [B, N, K, V]; W [N, V, V]; f [B, N]; A, d, D [N]; the
layer above sees the heads' y_t side by side, [B, N V]. S_0 = 0.

W begins as the identity, A and d as in ``gated_deltanet``, D = 1, as in their code. Differs from the paper: the
recurrence alone, without the convolution over q, k and v (network.convolution=4 over x), the gate and the norm; queries
and keys are each head's own.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from rnnbench.network.cells.decays import SoftplusDecay
from rnnbench.network.cells.matrix import MatrixCell, outer, read
from rnnbench.network.states import MatrixState


class M2RNN(MatrixCell[MatrixState]):
    """The M2RNN with N = ``heads``, K = ``key_size`` and V = ``value_size``, H / N by default."""

    source = "Mishra et al. 2026"
    gates = ("query", "key", "value", "decay")
    input_bias = False

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        heads: int = 4,
        key_size: int | None = None,
        value_size: int | None = None,
    ) -> None:
        super().__init__(input_size, hidden_size, heads, key_size, value_size)
        self.decay = SoftplusDecay(self.heads)
        self.mixing = nn.Parameter(torch.eye(self.value_size).repeat(self.heads, 1, 1))
        self.skip = nn.Parameter(torch.ones(self.heads))

    def step(self, state: MatrixState, drive: Tensor) -> MatrixState:
        _, k, v, decay = self.parts(drive)
        f = self.decay(decay).exp()[..., None]
        Z = torch.tanh(state.S @ self.mixing + outer(k, v))
        return MatrixState(f * state.S + (1 - f) * Z)

    def readout(self, state: MatrixState, drive: Tensor) -> Tensor:
        q, _, v, _ = self.parts(drive)
        return (read(state.S, q) + self.skip[:, None] * v).flatten(-2)

    def retention(self, state: MatrixState, drive: Tensor) -> Tensor:
        """Return f, the share of a head's memory that a step keeps: [B, N]."""
        return self.decay(self.parts(drive)[3]).exp().flatten(1)
