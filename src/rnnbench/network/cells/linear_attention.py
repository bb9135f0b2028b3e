"""Linear attention as a recurrent network: keys and queries are positive features, and their sum normalises.

Paper: Katharopoulos, Vyas, Pappas & Fleuret 2020, "Transformers are RNNs" (arXiv:2006.16236), section 3.4.

    q, k, v = W_* x_t + b_*          phi(a) = elu(a) + 1
    S_t = S_{t-1} + phi(k) v^T       z_t = z_{t-1} + phi(k)
    o_t = S_t^T phi(q) / (z_t . phi(q) + 1e-6)

Shapes: x_t [B, I]; N heads, q, k, z [B, N, K]; v, o [B, N, V]; S [B, N, K, V]; the layer above sees the heads' o_t side
by side, [B, N V]. S_0 = z_0 = 0. Nothing is forgotten, so every step is weighed alike.

Differs from the paper: the recurrence alone; the projection after the heads and the block around it are
network.block=residual.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import elu

from rnnbench.network.cells.matrix import Associations, LinearMatrixCell, outer

EPSILON = 1e-6


class LinearAttentionState(NamedTuple):
    """``S``: sum of keys times values [B, N, K, V]; ``z``: sum of keys [B, N, K]."""

    S: Tensor
    z: Tensor


class LinearAttention(LinearMatrixCell[LinearAttentionState]):
    """Linear attention with N = ``heads``, K = ``key_size`` and V = ``value_size``, H / N by default."""

    source = "Katharopoulos et al. 2020"
    spectrum = "positive"
    gates = ("query", "key", "value")

    def associations(self, drive: Tensor) -> Associations:
        query, key, value = self.parts(drive)
        counted = torch.cat([value, torch.ones_like(value[..., :1])], dim=-1)  # the last column of the memory is z
        return Associations(elu(query) + 1, elu(key) + 1, counted)

    def step(self, state: LinearAttentionState, drive: Tensor) -> LinearAttentionState:
        _, key, value = self.parts(drive)
        phi = elu(key) + 1
        return LinearAttentionState(S=state.S + outer(phi, value), z=state.z + phi)

    def memory(self, state: LinearAttentionState) -> Tensor:
        return torch.cat([state.S, state.z[..., None]], dim=-1)

    def emit(self, memory: Tensor, found: Associations) -> LinearAttentionState:
        return LinearAttentionState(S=memory[..., :-1], z=memory[..., -1])

    def output(self, reading: Tensor, drive: Tensor, log_scale: Tensor | None = None) -> Tensor:
        return (reading[..., :-1] / (reading[..., -1:] + EPSILON)).flatten(-2)

    def initial_state(self, batch: int) -> LinearAttentionState:
        zero = self.input_projection.weight.new_zeros(batch, self.heads, self.key_size, self.value_size)
        return LinearAttentionState(S=zero, z=zero[..., 0])
