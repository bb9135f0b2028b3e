"""The real-gated linear recurrent unit of Griffin and Hawk: gates of the input, and a memory that keeps its variance.

Paper: De et al. 2024, "Griffin: mixing gated linear recurrences with local attention for efficient language models"
(arXiv:2402.19427), section 2.4.

    u_t = W x_t + b
    r_t = sigmoid(W_a u_t + b_a)      i_t = sigmoid(W_i u_t + b_i)      a = sigmoid(lambda)
    log a_t = 8 r_t * log a
    h_t = a_t * h_{t-1} + sqrt(1 - a_t^2) * (i_t * u_t)

Shapes: x_t [B, I]; lambda [H]; all others [B, H]. Differs from the paper: of its block, which convolves u_t before the
gates and gates h_t after it, there is the input map W alone; W_a and W_i are full, not block-diagonal. The authors'
code lets all of the first input in, h_1 = i_1 u_1; here every step is as in the paper. 1 - a_t^2 is at least the
smallest number, where the code bounds the gradient of its root.

By default a^8 ~ U(.9, .999), as the paper says; the code draws a^2 ~ U(.9^2, .999^2) and so forgets eight times as
fast. The rest begins as in torch.nn. init=paper draws all W ~ N(0, 1 / columns), and all b = 0.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import logsigmoid

from rnnbench.network.cells.base import LinearCell
from rnnbench.network.states import HState

C = 8
"""The paper's c: with r_t = 1 a step keeps a^c."""


class RGLRU(LinearCell[HState]):
    """The RG-LRU."""

    source = "De et al. 2024"
    spectrum = "positive"
    paper = "init=paper"
    gates = ("content",)

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.gate_projection = nn.Linear(hidden_size, 2 * hidden_size)  # W_a, W_i
        log_a = torch.empty(hidden_size).uniform_(0.9, 0.999).log() / C
        self.decay = nn.Parameter(log_a - torch.log(-torch.expm1(log_a)))  # lambda

    def draw_as_paper(self, t_max: float | None, last: bool) -> None:
        for projection in (self.input_projection, self.gate_projection):
            nn.init.normal_(projection.weight, std=projection.in_features**-0.5)
            nn.init.zeros_(projection.bias)

    def project(self, inputs: Tensor) -> Tensor:
        """Return u and the sums of both gates, of all steps: [T, B, 3H]."""
        u = self.input_projection(inputs)
        return torch.cat([u, self.gate_projection(u)], dim=-1)

    def coefficients(self, drive: Tensor) -> tuple[Tensor, Tensor]:
        u, r, i = drive.chunk(3, dim=-1)
        log_a = C * torch.sigmoid(r) * logsigmoid(self.decay)
        rest = -torch.expm1(2 * log_a)  # 1 - a^2
        entering = rest.clamp(min=torch.finfo(rest.dtype).tiny).sqrt()
        return torch.exp(log_a), entering * (torch.sigmoid(i) * u)

    def emit(self, memory: Tensor, drive: Tensor) -> HState:
        return HState(h=memory)

    def initial_state(self, batch: int) -> HState:
        return HState(h=self._zeros(batch))

    def retention(self, state: HState, drive: Tensor) -> Tensor:
        """Return a_t."""
        return self.coefficients(drive)[0]
