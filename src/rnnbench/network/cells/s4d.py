"""The diagonal state space model S4D: each unit is a linear system of N numbers of its own, discretised exactly.

Paper: Gu, Gupta, Goel & Re 2022, "On the parameterization and initialization of diagonal state space models"
(arXiv:2206.11893), sections 3 and 4; the initialisation is its S4D-Lin.

    u_t = W x_t + b
    x'_t = exp(dt A) * x'_{t-1} + (exp(dt A) - 1) / A * u_t
    y_t = gelu(2 Re(C x'_t) + D * u_t)

Shapes: x_t [B, I]; u_t, dt, D and y_t, what the layer above sees, [B, H]; the memory x', our h, and A and C complex [B,
H, N/2], because the other half is their conjugate. N is ``state_size``; the paper's B is 1, as in the authors' code,
whose convolution of u with the kernel 2 Re(C exp(dt A)^l (exp(dt A) - 1) / A), l = 0, 1, ... this is. Differs from the
paper: of the block around it (gated linear unit, skip connection, normalisation) there is the GELU alone, and none with
``activation=identity``. Their N is 64; by default it is that of S6 here. In half precision the
memory stays complex64.

Begins as the authors' code, with init=paper too: A_n = -1/2 + i pi n, n = 0, ..., N/2 - 1, in each unit; dt uniform in
its logarithm between .001 and .1, one a unit; C complex N(0, 1), D ~ N(0, 1).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from rnnbench.errors import check_choice, check_multiple, check_range
from rnnbench.network.cells.base import LinearCell
from rnnbench.network.cells.drawing import time_steps
from rnnbench.network.cells.lru import ACTIVATIONS, single
from rnnbench.network.states import HState


class S4D(LinearCell[HState]):
    """The S4D; ``activation`` is ``gelu`` or ``identity``. h is complex [B, H, ``state_size`` / 2].

    Raises UserError for another activation and for a state size that is odd or below 2.
    """

    source = "Gu et al. 2022"
    spectrum = "complex"
    paper = "cell.state_size=64"
    gates = ("content",)

    def __init__(self, input_size: int, hidden_size: int, state_size: int = 16, activation: str = "gelu") -> None:
        check_range("cell.state_size", state_size, at_least=2)
        check_multiple("cell.state_size", state_size, 2)
        check_choice("cell.activation", activation, ACTIVATIONS)
        super().__init__(input_size, hidden_size)
        self.activation = activation
        shape = hidden_size, state_size // 2
        self.log_dt = nn.Parameter(time_steps(hidden_size).log())
        self.log_a_real = nn.Parameter(torch.full(shape, 0.5).log())
        self.a_imaginary = nn.Parameter(
            math.pi * torch.arange(shape[1], dtype=torch.get_default_dtype()).repeat(shape[0], 1)
        )
        self.c = nn.Parameter(torch.randn(*shape, 2) * 0.5**0.5)
        self.d = nn.Parameter(torch.randn(hidden_size))

    def coefficients(self, drive: Tensor) -> tuple[Tensor, Tensor]:
        a = torch.complex(-single(self.log_a_real).exp(), single(self.a_imaginary))
        decay = torch.exp(single(self.log_dt).exp()[:, None] * a)
        return decay, (decay - 1) / a * single(drive)[..., None]

    def emit(self, memory: Tensor, drive: Tensor) -> HState:
        return HState(h=memory)

    def readout(self, state: HState, drive: Tensor) -> Tensor:
        real, imaginary = single(self.c).unbind(-1)
        seen = (torch.complex(real, imaginary) * state.h).sum(dim=-1).real
        return ACTIVATIONS[self.activation]((2 * seen).to(drive.dtype) + self.d * drive)

    def initial_state(self, batch: int) -> HState:
        zero = single(self.log_a_real.new_zeros(batch, *self.log_a_real.shape))
        return HState(h=torch.complex(zero, zero))

    def retention(self, state: HState, drive: Tensor) -> Tensor:
        """Return abs(exp(dt A)) [B, H, N/2]."""
        rate = single(self.log_dt).exp()[:, None] * single(self.log_a_real).exp()
        return torch.exp(-rate).expand(len(drive), -1, -1)
