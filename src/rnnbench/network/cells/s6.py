"""The selective state space model S6 of Mamba: N numbers a unit, and the input decides what enters, stays and is read.

Paper: Gu & Dao 2023, "Mamba: linear-time sequence modeling with selective state spaces" (arXiv:2312.00752), algorithm
2 and section 3.6.

    u_t = W x_t + b
    dt_t = softplus(W_dt W_low u_t + b_dt)      B_t = W_B u_t      C_t = W_C u_t
    h_t = exp(dt_t A) * h_{t-1} + dt_t B_t * u_t
    y_t = C_t h_t + D * u_t

Shapes: x_t [B, I]; u_t, dt_t, D and y_t, what the layer above sees, [B, H]; B_t, C_t [B, N]; h_t [B, H, N]; A < 0 [H,
N]. N is ``state_size``, and W_low has H / 16 rows, rounded up. As in the authors' code A is discretised exactly and B
by Euler's rule, dt B. With ``decay=signed`` the decay is 2 exp(dt_t A) - 1, in (-1, 1) in place of (0, 1), the range
that Grazzi et al. 2024 (arXiv:2411.12537) show to be needed for parity. Differs from the paper: of its block, which
widens by 2, convolves, applies SiLU and gates the output, there is the input map W alone; ``network.block=residual
network.convolution=4`` puts a convolution before it.

Begins as the authors' code, with init=paper too: A = -(1, ..., N) for each unit, D = 1, W_dt ~ U(-1, 1) / sqrt(its
columns), and b_dt such that softplus(b_dt) is uniform in its logarithm between .001 and .1; the rest as in torch.nn.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from rnnbench.errors import check_choice, check_range
from rnnbench.network.cells.base import LinearCell
from rnnbench.network.cells.drawing import softplus_inverse, time_steps
from rnnbench.network.states import HState

DECAYS: dict[str, Callable[[Tensor], Tensor]] = {"positive": lambda a: a, "signed": lambda a: 2 * a - 1}


class S6(LinearCell[HState]):
    """The S6; ``decay`` is ``positive`` or ``signed``. h is [B, H, ``state_size``].

    Raises UserError for another decay and for a state size below 1.
    """

    source = "Gu & Dao 2023"
    gates = ("content",)

    def __init__(self, input_size: int, hidden_size: int, state_size: int = 16, decay: str = "positive") -> None:
        check_range("cell.state_size", state_size, at_least=1)
        check_choice("cell.decay", decay, DECAYS)
        super().__init__(input_size, hidden_size)
        self.state_size = state_size
        self.decay = self.spectrum = decay
        self.rank = math.ceil(hidden_size / 16)
        self.selection = nn.Linear(hidden_size, self.rank + 2 * state_size, bias=False)  # W_low, W_B, W_C
        self.step_projection = nn.Linear(self.rank, hidden_size)
        nn.init.uniform_(self.step_projection.weight, -(self.rank**-0.5), self.rank**-0.5)
        self.step_projection.bias = nn.Parameter(softplus_inverse(time_steps(hidden_size)))
        self.log_a = nn.Parameter(torch.arange(1, state_size + 1.0).log().repeat(hidden_size, 1))
        self.d = nn.Parameter(torch.ones(hidden_size))

    def project(self, inputs: Tensor) -> Tensor:
        """Return u, dt, B and C of all steps, side by side: [T, B, 2H + 2N]."""
        u = self.input_projection(inputs)
        low, selected = self.selection(u).split([self.rank, 2 * self.state_size], dim=-1)
        return torch.cat([u, softplus(self.step_projection(low)), selected], dim=-1)

    def coefficients(self, drive: Tensor) -> tuple[Tensor, Tensor]:
        u, dt, b, _ = self._parts(drive)
        decay = torch.exp(dt[..., None] * -torch.exp(self.log_a))
        return DECAYS[self.decay](decay), (dt * u)[..., None] * b[..., None, :]

    def emit(self, memory: Tensor, drive: Tensor) -> HState:
        return HState(h=memory)

    def readout(self, state: HState, drive: Tensor) -> Tensor:
        u, _, _, c = self._parts(drive)
        return (state.h @ c[..., None]).squeeze(-1) + self.d * u

    def initial_state(self, batch: int) -> HState:
        return HState(h=self.log_a.new_zeros(batch, *self.log_a.shape))

    def retention(self, state: HState, drive: Tensor) -> Tensor:
        """Return the absolute decay [B, H, N]."""
        return self.coefficients(drive)[0].abs()

    def _parts(self, drive: Tensor) -> tuple[Tensor, ...]:
        return drive.split([self.hidden_size] * 2 + [self.state_size] * 2, dim=-1)
