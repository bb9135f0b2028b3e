"""The gated DeltaNet: the delta rule on a memory that decays by a gate.

Paper: Yang, Kautz & Hatamizadeh 2024, "Gated delta networks: improving Mamba2 with delta rule" (arXiv:2412.06464).

    alpha = exp(-exp(A) softplus(w_a . x_t + d))
    S_t = alpha (1 - beta k k^T) S_{t-1} + beta k v^T          o_t = S_t^T q

with q, k, v and beta as in ``deltanet``.

Shapes: x_t [B, I]; N heads, q, k [B, N, K]; v, o [B, N, V]; S [B, N, K, V]; alpha, beta [B, N]; A, d [N]; the layer
above sees the heads' o_t side by side, [B, N V]; by default K = .75 H / N and V = 2 K, as in the authors' code. S_0 =
0.

A and d begin as in the authors' code: exp(A) ~ U(0, 16) and softplus(d) log-uniform in [.001, .1]. Differs from the
paper: the recurrence alone. The convolution over q, k and v is network.convolution=4 over x; the norm of each head and
the output gate are left out.
"""

from __future__ import annotations

from torch import Tensor

from rnnbench.network.cells.decays import SoftplusDecay
from rnnbench.network.cells.deltanet import DeltaNet
from rnnbench.network.cells.matrix import Associations


class GatedDeltaNet(DeltaNet):
    """The gated DeltaNet; ``eigenvalues`` of 1 - beta k k^T are ``positive`` or ``signed``.

    N = ``heads``; K = ``key_size``, .75 H / N by default; V = ``value_size``, 1.5 H / N by default. Raises UserError
    for another name of eigenvalues.
    """

    source = "Yang et al. 2024"
    gates = ("query", "key", "value", "rate", "decay")
    key_share = 0.75
    value_share = 1.5

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        heads: int = 4,
        key_size: int | None = None,
        value_size: int | None = None,
        eigenvalues: str = "positive",
    ) -> None:
        super().__init__(input_size, hidden_size, heads, key_size, value_size, eigenvalues)
        self.decay = SoftplusDecay(self.heads)

    def associations(self, drive: Tensor) -> Associations:
        return super().associations(drive)._replace(log_decay=self.decay(self.parts(drive)[4]))
