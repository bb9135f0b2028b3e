"""The gated DeltaProduct: several steps of the delta rule within one step of the sequence.

Paper: Siems, Carstensen, Zela, Hutter, Pontil & Grazzi 2025, "DeltaProduct: improving state-tracking in linear RNNs via
Householder products" (arXiv:2502.10297).

    alpha = exp(-exp(A) softplus(w_a . x_t + d))          R_0 = alpha S_{t-1}
    R_j = (1 - beta_j k_j k_j^T) R_{j-1} + beta_j k_j v_j^T
    S_t = R_M          o_t = S_t^T q

for j = 1 to M, with k_j, v_j and beta_j as in ``deltanet``; alpha is 1 with gated=false.

Shapes: x_t [B, I]; N heads, q, k_j [B, N, K]; v_j, o [B, N, V]; S [B, N, K, V]; alpha, beta_j [B, N]; A, d [N]; the
layer above sees the heads' o_t side by side, [B, N V]. S_0 = 0. Two reflections make a rotation, so from M =
``micro_steps`` = 2 on a step can turn the memory, which one reflection cannot. By default the eigenvalues are signed
and the memory is gated, as in the authors' code; A and d begin as in ``gated_deltanet``.

Differs from the paper: the recurrence alone. The convolution over q, k and v is network.convolution=4 over x; the norm
of each head and the output gate are left out.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import silu

from rnnbench.errors import check_choice, check_range
from rnnbench.network.cells.decays import SoftplusDecay
from rnnbench.network.cells.deltanet import EIGENVALUES
from rnnbench.network.cells.matrix import Associations, LinearMatrixCell, outer, read, unit
from rnnbench.network.states import MatrixState


class DeltaProduct(LinearMatrixCell[MatrixState]):
    """The DeltaProduct of M = ``micro_steps``; ``eigenvalues`` is ``positive`` or ``signed``; ``gated`` decays.

    N = ``heads``, K = ``key_size`` and V = ``value_size``, H / N by default. Raises UserError for another name.
    """

    source = "Siems et al. 2025"
    gates: tuple[str, ...] = ("query", "key", "value", "rate", "decay")
    input_bias = False

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        heads: int = 4,
        key_size: int | None = None,
        value_size: int | None = None,
        micro_steps: int = 2,
        eigenvalues: str = "signed",
        gated: bool = True,
    ) -> None:
        check_choice("cell.eigenvalues", eigenvalues, EIGENVALUES)
        check_range("cell.micro_steps", micro_steps, at_least=1)
        self.micro_steps = micro_steps
        if not gated:
            self.gates = self.gates[:-1]
        super().__init__(input_size, hidden_size, heads, key_size, value_size)
        self.eigenvalues = eigenvalues
        if micro_steps == 1:  # more of them are no symmetric matrix
            self.spectrum = eigenvalues
        self.decay = SoftplusDecay(self.heads) if gated else None

    @property
    def input_blocks(self) -> dict[str, int]:
        """Keys, values and rates have M times the rows."""
        times = {"key": self.micro_steps, "value": self.micro_steps, "rate": self.micro_steps}
        return {gate: rows * times.get(gate, 1) for gate, rows in super().input_blocks.items()}

    def associations(self, drive: Tensor) -> Associations:
        query, *written = self.parts(drive)
        key, value, rate = (part.unflatten(-1, (self.micro_steps, -1)).transpose(-3, -2) for part in written[:3])
        beta = EIGENVALUES[self.eigenvalues] * torch.sigmoid(rate)
        asked = (unit(silu(query)) * self.key_size**-0.5)[..., None, :, :].expand_as(key)  # by the last alone
        log_decay = None
        if self.decay is not None:  # in the first alone
            first = self.decay(written[3])[..., None, :, :]
            log_decay = torch.cat([first, torch.zeros_like(beta[..., 1:, :, :])], dim=-3)
        return Associations(asked, unit(silu(key)), silu(value), log_decay, beta)

    def step(self, state: MatrixState, drive: Tensor) -> MatrixState:
        _, k, v, log_decay, beta, _ = self.associations(drive)
        assert beta is not None
        S = state.S if log_decay is None else log_decay[:, 0].exp()[..., None] * state.S
        for j in range(self.micro_steps):
            S = S + outer(k[:, j], beta[:, j] * (v[:, j] - read(S, k[:, j])))
        return MatrixState(S)

    def readout(self, state: MatrixState, drive: Tensor) -> Tensor:
        query = self.associations(drive).query[..., -1, :, :]
        return self.output(read(state.S, query), drive)

    def transition(self, drive: Tensor) -> Tensor:
        steps = super().transition(drive)
        A = steps[..., 0, :, :, :]
        for j in range(1, self.micro_steps):
            A = steps[..., j, :, :, :] @ A
        return A

    def retention(self, state: MatrixState, drive: Tensor) -> Tensor | None:
        """Return alpha, the share of a head's memory that the decay keeps: [B, N]."""
        log_decay = self.associations(drive).log_decay
        return None if log_decay is None else log_decay[:, 0].exp().flatten(1)
