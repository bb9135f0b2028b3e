"""The decay of Mamba-2's heads, which other cells took over."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from rnnbench.network.cells.drawing import softplus_inverse, time_steps


class SoftplusDecay(nn.Module):
    """ln a = -exp(A) dt with dt = softplus(drive + d): one number a head (Dao & Gu 2024, arXiv:2405.21060).

    exp(A) begins as U(``least``, 16), softplus(d) log-uniform in [.001, .1], as in the authors' code.
    """

    def __init__(self, heads: int, least: float = 0.0) -> None:
        super().__init__()
        rates = torch.empty(heads).uniform_(least, 16).clamp_min(torch.finfo(torch.float32).tiny)
        self.log_rate = nn.Parameter(rates.log())
        self.step_bias = nn.Parameter(softplus_inverse(time_steps(heads)))

    def step_size(self, drive: Tensor) -> Tensor:
        """Return dt [..., N, 1] of ``drive`` [..., N, 1]."""
        return softplus(drive + self.step_bias[:, None])

    def forward(self, drive: Tensor) -> Tensor:
        """Return ln a [..., N, 1] of ``drive`` [..., N, 1]."""
        return -self.log_rate.exp()[:, None] * self.step_size(drive)
