"""RWKV-7: a generalised delta rule, whose decay and whose rate of replacement are vectors of the input.

Paper: Peng et al. 2025, "RWKV-7 Goose with expressive dynamic state evolution" (arXiv:2503.14456), and the authors'
reference (RWKV-v7/rwkv_v7_demo_rnn.py).

    r, k, v = W_* x_t      a = sigmoid(W_a x_t + b_a)      w = exp(-exp(-.5) sigmoid(w_0 + W_2 tanh(W_1 x_t)))
    kappa = k * k_k over its norm          k' = k * (1 + (a - 1) * k_a)
    S_t = (diag(w) - (a * kappa) kappa^T) S_{t-1} + k' v^T          o_t = S_t^T r + ((r * k') . r_k) v

Shapes: x_t [B, I]; N heads, r, k, a, w, kappa [B, N, K]; v, o [B, N, V]; S [B, N, K, V]; k_k, k_a, r_k [N, K]; W_1 x_t
[B, 16]; the layer above sees the heads' o_t side by side, [B, N V]. S_0 = 0. w lies in (.545, 1) and a in (0, 1), so
the eigenvalue along kappa can be negative, and a single layer can track states that a diagonal one cannot.

Differs from the paper: x_t alone enters, not its mix with x_{t-1} (network.convolution=2 has one), and W_a is of full
rank; the norm of each head, the gate after it and the value of the first layer are left out. The vectors begin about as
in their code: w_0 from -5.5 in the first unit to .5 in the last, k_k = .71, k_a = 1.02, r_k = -.04; biases at 0.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

from rnnbench.network.cells.matrix import LowRank, MatrixCell, outer, read, unit
from rnnbench.network.states import MatrixState

RANK = 16


class Vectors(NamedTuple):
    """What a step reads with and writes, heads [..., N, K] each, the value [..., N, V]."""

    r: Tensor
    k: Tensor
    v: Tensor
    a: Tensor
    w: Tensor
    kappa: Tensor


class RWKV7(MatrixCell[MatrixState]):
    """RWKV-7's recurrence with N = ``heads``, K = ``key_size`` and V = ``value_size``, H / N by default."""

    source = "Peng et al. 2025"
    linear = True
    gates = ("query", "key", "value", "rate")

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        heads: int = 4,
        key_size: int | None = None,
        value_size: int | None = None,
    ) -> None:
        super().__init__(input_size, hidden_size, heads, key_size, value_size)
        units = self.heads * self.key_size
        self.decay = LowRank(input_size, RANK, units, nn.Tanh())
        nn.init.zeros_(self.input_projection.bias)
        place = torch.linspace(0, 1, units)
        self.decay.up.bias.data.copy_(-5.5 + 6 * place)
        shape = self.heads, self.key_size
        self.key_scale = nn.Parameter(torch.full(shape, 0.71))
        self.key_rate = nn.Parameter(torch.full(shape, 1.02))
        self.bonus = nn.Parameter(torch.full(shape, -0.04))

    @property
    def input_blocks(self) -> dict[str, int]:
        return super().input_blocks | {"rate": self.heads * self.key_size}

    def project(self, inputs: Tensor) -> Tensor:
        return torch.cat([self.input_projection(inputs), self.decay(inputs)], dim=-1)

    def vectors(self, drive: Tensor) -> Vectors:
        """Return what a step reads and writes, of ``drive`` [..., G]."""
        units = self.heads * self.key_size
        query, key, value, rate = self.parts(drive[..., :-units])
        a = torch.sigmoid(rate)
        w = torch.exp(-math.exp(-0.5) * torch.sigmoid(drive[..., -units:].unflatten(-1, (self.heads, -1))))
        return Vectors(query, key * (1 + (a - 1) * self.key_rate), value, a, w, unit(key * self.key_scale))

    def step(self, state: MatrixState, drive: Tensor) -> MatrixState:
        _, k, v, a, w, kappa = self.vectors(drive)
        S = w[..., None] * state.S - outer(a * kappa, read(state.S, kappa)) + outer(k, v)
        return MatrixState(S)

    def transition(self, drive: Tensor) -> Tensor:
        _, _, _, a, w, kappa = self.vectors(drive)
        return torch.diag_embed(w) - outer(a * kappa, kappa)

    def readout(self, state: MatrixState, drive: Tensor) -> Tensor:
        r, k, v, *_ = self.vectors(drive)
        present = (r * k * self.bonus).sum(dim=-1, keepdim=True) * v
        return (read(state.S, r) + present).flatten(-2)

    def retention(self, state: MatrixState, drive: Tensor) -> Tensor:
        """Return w, the share of each row of the memory that the decay keeps: [B, N K]."""
        return self.vectors(drive).w.flatten(1)
