"""Gated linear attention: a linear memory whose rows decay by gates of the input.

Paper: Yang, Wang, Shen, Panda & Kim 2023, "Gated linear attention transformers with hardware-efficient training"
(arXiv:2312.06635), sections 4.1 and 4.4.

    k, v = W_* x_t          q = W_q x_t / sqrt(K)          a = sigmoid(W_2 W_1 x_t + b)^(1/16)
    S_t = diag(a) S_{t-1} + k v^T          o_t = S_t^T q

Shapes: x_t [B, I]; N heads, q, k, a [B, N, K]; v, o [B, N, V]; S [B, N, K, V]; W_1 x_t [B, 16]; the layer above sees
the heads' o_t side by side, [B, N V]; by default K = V / 2, as in the paper. S_0 = 0.

Differs from the paper: the recurrence alone, without the norm of each head and the gate swish(W_r x) * o around it.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from rnnbench.network.cells.matrix import Associations, LinearMatrixCell, LowRank
from rnnbench.network.states import MatrixState

RANK = 16
TEMPERATURE = 16


class GLA(LinearMatrixCell[MatrixState]):
    """GLA with N = ``heads``, K = ``key_size``, H / (2 N) by default, and V = ``value_size``, H / N by default."""

    source = "Yang et al. 2023"
    spectrum = "positive"
    gates = ("query", "key", "value")
    input_bias = False
    key_share = 0.5

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        heads: int = 4,
        key_size: int | None = None,
        value_size: int | None = None,
    ) -> None:
        super().__init__(input_size, hidden_size, heads, key_size, value_size)
        self.decay = LowRank(input_size, RANK, self.heads * self.key_size)

    def project(self, inputs: Tensor) -> Tensor:
        return torch.cat([self.input_projection(inputs), self.decay(inputs)], dim=-1)

    def associations(self, drive: Tensor) -> Associations:
        keys = self.heads * self.key_size
        query, key, value = self.parts(drive[..., :-keys])
        log_decay = logsigmoid(drive[..., -keys:].unflatten(-1, (self.heads, -1))) / TEMPERATURE
        return Associations(query * self.key_size**-0.5, key, value, log_decay)
