"""The minGRU whose memory may change its sign: a decay in (-1, 1) in place of (0, 1).

There is no paper of this cell. The minGRU is that of Feng et al. 2024 (arXiv:2410.01201); Grazzi et al. 2024
(arXiv:2411.12537) and Merrill, Petty & Sabharwal 2024 (arXiv:2404.08819) show what a negative decay is for: a state
that flips on every 1 of a string is its parity. The two forms are those that a public implementation of the minGRU
documents as SignedMinGRU, with ``coupled`` False, its default, and True, its older one.

    z_t = sigmoid(W_z x_t + b_z)      s_t = tanh(W_s x_t + b_s)      h~_t = W_h x_t + b_h
    free:     h_t = s_t * h_{t-1} + z_t * h~_t
    coupled:  h_t = (1 - z_t) * s_t * h_{t-1} + z_t * h~_t

Shapes: x_t [B, I]; all others [B, H]. The coupled form needs an open and a shut gate at once for a decay near -1, and
its parity fades with length; published numbers of a signed minGRU of one layer that does so are of this form.

Begins as in torch.nn, with init=paper too.
"""

from __future__ import annotations

import torch
from torch import Tensor

from rnnbench.network.cells.base import LinearCell
from rnnbench.network.states import HState


class SignedMinGRU(LinearCell[HState]):
    """The signed minGRU; with ``coupled`` its decay is (1 - z) s, not s."""

    source = "Feng et al. 2024, Grazzi et al. 2024"
    spectrum = "signed"
    gates = ("update", "sign", "candidate")

    def __init__(self, input_size: int, hidden_size: int, coupled: bool = False) -> None:
        super().__init__(input_size, hidden_size)
        self.coupled = coupled

    def coefficients(self, drive: Tensor) -> tuple[Tensor, Tensor]:
        update, sign, candidate = drive.chunk(3, dim=-1)
        z, s = torch.sigmoid(update), torch.tanh(sign)
        return (1 - z) * s if self.coupled else s, z * candidate

    def emit(self, memory: Tensor, drive: Tensor) -> HState:
        return HState(h=memory)

    def initial_state(self, batch: int) -> HState:
        return HState(h=self._zeros(batch))

    def retention(self, state: HState, drive: Tensor) -> Tensor:
        """Return the absolute decay."""
        return self.coefficients(drive)[0].abs()
