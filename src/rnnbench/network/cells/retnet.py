"""Retention: a linear memory that decays at a fixed rate a head, and rotates.

Paper: Sun et al. 2023, "Retentive network" (arXiv:2307.08621), section 2.

    q, v = W_* x_t          k = W_k x_t / sqrt(K)          gamma_n = 1 - 2^(-5 - n), head n = 0 .. N - 1
    S_t = gamma R S_{t-1} + k v^T          o_t = S_t^T q

R turns each pair of rows 2j, 2j + 1 of S by theta_j = 10000^(-j / (K/2 - 1)), so that q meets a key of s steps ago
turned by s theta: their rotary positions (the authors' code). An odd last row is not turned.

Shapes: x_t [B, I]; N heads, q, k [B, N, K]; v, o [B, N, V]; S [B, N, K, V]; the layer above sees the heads' o_t side by
side, [B, N V]; by default V = 2 K, as in the paper. S_0 = 0.

Differs from the paper: the recurrence alone, without the norm of each head and the gate swish(W_g x) * o around it.
Begins as in torch.nn; init=paper draws W_q, W_k and W_v by Glorot's U with the gain 2^-2.5 of the authors' code.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from rnnbench.network.cells.matrix import Associations, LinearMatrixCell, outer
from rnnbench.network.states import MatrixState

BASE = 10000.0
GAIN = 2**-2.5


class RetNet(LinearMatrixCell[MatrixState]):
    """Retention with N = ``heads``, K = ``key_size``, H / N by default, and V = ``value_size``, 2 H / N by default."""

    source = "Sun et al. 2023"
    spectrum = "complex"
    paper = "init=paper"
    gates = ("query", "key", "value")
    input_bias = False
    value_share = 2.0

    def draw_as_paper(self, t_max: float | None, last: bool) -> None:
        for block in self.input_projection.weight.split(list(self.input_blocks.values())):
            nn.init.xavier_uniform_(block, gain=GAIN)

    def log_gamma(self) -> Tensor:
        """Return ln gamma: [N, 1]."""
        head = torch.arange(self.heads).to(self.input_projection.weight)
        return torch.log1p(-(2.0 ** (-5 - head)))[:, None]

    def angles(self) -> Tensor:
        """Return theta: [K // 2]."""
        pairs = self.key_size // 2
        place = torch.arange(pairs).to(self.input_projection.weight) / max(pairs - 1, 1)
        return BASE**-place

    def associations(self, drive: Tensor) -> Associations:
        query, key, value = self.parts(drive)
        log_decay = self.log_gamma().expand(*query.shape[:-1], 1)
        return Associations(query, key * self.key_size**-0.5, value, log_decay)

    def step(self, state: MatrixState, drive: Tensor) -> MatrixState:
        found = self.associations(drive)
        kept = self.log_gamma().exp()[..., None] * turned(state.S, self.angles(), dim=-2)
        return MatrixState(S=kept + outer(found.key, found.value))

    def over_time(self, drive: Tensor, state: MatrixState) -> Associations:
        found = self.associations(drive)
        back = -self.angles() * torch.arange(1, len(drive) + 1).to(drive)[:, None, None, None]
        return found._replace(query=turned(found.query, back), key=turned(found.key, back))

    def transition(self, drive: Tensor) -> Tensor:
        return turned(super().transition(drive), self.angles(), dim=-2)

    def emit(self, memory: Tensor, found: Associations) -> MatrixState:
        return MatrixState(S=turned(memory, self.angles() * len(found.key), dim=-2))


def turned(values: Tensor, angles: Tensor, dim: int = -1) -> Tensor:
    """Return ``values`` with each pair along the axis ``dim`` turned by its angle [..., pairs], an odd one as it is."""
    axis = values.movedim(dim, -1)
    even, odd = axis[..., 0 : 2 * angles.shape[-1] : 2], axis[..., 1 : 2 * angles.shape[-1] : 2]
    cos, sin = angles.cos(), angles.sin()
    pairs = torch.stack([cos * even - sin * odd, sin * even + cos * odd], dim=-1).flatten(-2)
    return torch.cat([pairs, axis[..., pairs.shape[-1] :]], dim=-1).movedim(-1, dim)
