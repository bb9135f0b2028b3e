"""The HGRN2: a gated linear memory whose keys are what its gates let in.

Paper: Qin, Yang, Sun, Shen, Li, Sun & Zhong 2024, "HGRN2: gated linear RNNs with state expansion" (arXiv:2404.07904).

    f = l + (1 - l) sigmoid(W_f x_t)          i = W_i x_t          o = silu(W_o x_t)
    S_t = diag(f) S_{t-1} + (1 - f) i^T          y_t = S_t^T o

Shapes: x_t [B, I]; N heads, f, o [B, N, K]; i, y [B, N, V]; S [B, N, K, V]; the layer above sees the heads' y_t side by
side, [B, N V]; by default K = V = H / N, the paper's expansion ratio. S_0 = 0.

l is ``lower_bound``, one number, 0 by default. Differs from the paper: there it is learned for each unit and grows from
layer to layer, from 0 in the first; and of its layer the norm after the recurrence is left out.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid, silu

from rnnbench.errors import check_range
from rnnbench.network.cells.matrix import Associations, LinearMatrixCell
from rnnbench.network.states import MatrixState


class HGRN2(LinearMatrixCell[MatrixState]):
    """The HGRN2 with N = ``heads``, K = ``key_size`` and V = ``value_size``, H / N by default.

    ``lower_bound`` is the least share that a step keeps, in [0, 1). Raises UserError for another number.
    """

    source = "Qin et al. 2024"
    spectrum = "positive"
    gates = ("query", "forget", "value")
    input_bias = False

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        heads: int = 4,
        key_size: int | None = None,
        value_size: int | None = None,
        lower_bound: float = 0.0,
    ) -> None:
        check_range("cell.lower_bound", lower_bound, at_least=0, below=1)
        super().__init__(input_size, hidden_size, heads, key_size, value_size)
        self.lower_bound = lower_bound

    @property
    def input_blocks(self) -> dict[str, int]:
        return super().input_blocks | {"forget": self.heads * self.key_size}

    def associations(self, drive: Tensor) -> Associations:
        query, forget, value = self.parts(drive)
        entering = (1 - self.lower_bound) * torch.sigmoid(-forget)  # 1 - f, exact where f is near 1
        log_decay = torch.log1p(-entering) if self.lower_bound else logsigmoid(forget)
        return Associations(silu(query), entering, value, log_decay)
