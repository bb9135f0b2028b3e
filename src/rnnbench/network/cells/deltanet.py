"""The DeltaNet: what a key holds is replaced by a new value, at a rate of the input.

Papers: Schlag, Irie & Schmidhuber 2021, "Linear transformers are secretly fast weight programmers" (arXiv:2102.11174);
as here Yang, Wang, Zhang, Shen & Kim 2024, "Parallelizing linear transformers with the delta rule over sequence length"
(arXiv:2406.06484); eigenvalues below 0: Grazzi, Siems, Franke, Zela, Hutter & Pontil 2024 (arXiv:2411.12537).

    q = u(W_q x_t) / sqrt(K)      k = u(W_k x_t)      v = silu(W_v x_t)      u(a) = silu(a) / ||silu(a)||
    beta = sigmoid(w_b . x_t), or 2 sigmoid(w_b . x_t) with eigenvalues=signed
    S_t = (1 - beta k k^T) S_{t-1} + beta k v^T          o_t = S_t^T q

Shapes: x_t [B, I]; N heads, q, k [B, N, K]; v, o [B, N, V]; S [B, N, K, V]; beta [B, N]; the layer above sees the
heads' o_t side by side, [B, N V]. S_0 = 0. A step has the eigenvalue 1 - beta along k, in (0, 1) or in (-1, 1), and 1
across it.

Differs from the papers: the recurrence alone. Their convolution over q, k and v is network.convolution=4 over x, and
the norm a head is left out.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import silu

from rnnbench.errors import check_choice
from rnnbench.network.cells.matrix import Associations, LinearMatrixCell, unit
from rnnbench.network.states import MatrixState

EIGENVALUES = {"positive": 1, "signed": 2}
"""The largest beta: the eigenvalue along k is in (0, 1), or in (-1, 1)."""


class DeltaNet(LinearMatrixCell[MatrixState]):
    """The DeltaNet; ``eigenvalues`` is ``positive`` or ``signed``. Raises UserError for any other name.

    N = ``heads``, K = ``key_size`` and V = ``value_size``, H / N by default.
    """

    source = "Schlag et al. 2021"
    gates: tuple[str, ...] = ("query", "key", "value", "rate")
    input_bias = False

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        heads: int = 4,
        key_size: int | None = None,
        value_size: int | None = None,
        eigenvalues: str = "positive",
    ) -> None:
        check_choice("cell.eigenvalues", eigenvalues, EIGENVALUES)
        super().__init__(input_size, hidden_size, heads, key_size, value_size)
        self.eigenvalues = self.spectrum = eigenvalues

    def associations(self, drive: Tensor) -> Associations:
        query, key, value, rate = self.parts(drive)[:4]
        beta = EIGENVALUES[self.eigenvalues] * torch.sigmoid(rate)
        return Associations(unit(silu(query)) * self.key_size**-0.5, unit(silu(key)), silu(value), rate=beta)
