"""The linear recurrent unit: a complex diagonal linear recurrence, stable by its parametrisation.

Paper: Orvieto et al. 2023, "Resurrecting recurrent neural networks for long sequences" (arXiv:2303.06349), sections 3.2
to 3.4 and appendix A.

    lambda = exp(-exp(nu) + i exp(theta))
    h_t = lambda * h_{t-1} + exp(gamma) * (B x_t)
    y_t = f(Re(C h_t))

Shapes: x_t [B, I]; h_t complex [B, H]; y_t, what the layer above sees, [B, H]. At initialisation abs(lambda)^2 is
uniform in [r_min^2, r_max^2] and the phase in [0, max_phase], B and C are complex Gaussian, and exp(gamma) = sqrt(1 -
abs(lambda)^2), the normaliser, which keeps E|h|^2 near E|Bx|^2. Differs from the paper: y_t lacks the term D x_t, a way
around the recurrence (C B x_t in y_t is such a way too), and of the block around its LRU (GELU, gated linear unit, skip
connection, normalisation) f is the GELU alone. With ``activation=identity`` a whole stack of LRUs is a linear network.
With parameters in half precision h_t stays complex64.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu

from rnnbench.cells.base import HState, LinearCell
from rnnbench.errors import check_choice

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {"gelu": gelu, "identity": lambda value: value}


def single(values: Tensor) -> Tensor:
    """``values`` in single precision at least: there are no complex numbers of half precision to compute with."""
    return values.to(torch.promote_types(values.dtype, torch.float32))


class LRU(LinearCell[HState]):
    """The LRU with eigenvalues in a ring; ``normalise=False`` leaves exp(gamma) out.

    ``activation`` is ``gelu`` or ``identity``. Raises UserError for any other name.
    """

    source = "Orvieto et al. 2023"
    gates = ("real", "imaginary")
    input_bias = False

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        r_min: float = 0.0,
        r_max: float = 0.999,
        max_phase: float = 2 * math.pi,
        normalise: bool = True,
        activation: str = "gelu",
    ) -> None:
        check_choice("cell.activation", activation, ACTIVATIONS)
        super().__init__(input_size, hidden_size)
        self.activation = activation
        nn.init.normal_(self.input_projection.weight, std=(2 * input_size) ** -0.5)
        squares = torch.empty(hidden_size).uniform_(r_min**2, r_max**2)
        self.nu = nn.Parameter((-squares.log() / 2).log())
        self.theta = nn.Parameter(torch.empty(hidden_size).uniform_(0, max_phase).log())
        self.gamma = nn.Parameter((1 - squares).log() / 2) if normalise else None
        self.output_projection = nn.Linear(2 * hidden_size, hidden_size, bias=False)  # Re(C h) = Re C Re h - Im C Im h
        nn.init.normal_(self.output_projection.weight, std=hidden_size**-0.5)

    def decay(self) -> Tensor:
        """lambda: complex [H]."""
        return torch.polar(torch.exp(-single(self.nu).exp()), single(self.theta).exp())

    def coefficients(self, drive: Tensor) -> tuple[Tensor, Tensor]:
        entering = torch.complex(*single(drive).chunk(2, dim=-1))
        return self.decay(), entering if self.gamma is None else single(self.gamma).exp() * entering

    def emit(self, memory: Tensor, drive: Tensor) -> HState:
        return HState(h=memory)

    def readout(self, state: HState) -> Tensor:
        h = torch.cat([state.h.real, state.h.imag], dim=-1).to(self.output_projection.weight.dtype)
        return ACTIVATIONS[self.activation](self.output_projection(h))

    def initial_state(self, batch: int) -> HState:
        zero = single(self._zeros(batch))
        return HState(h=torch.complex(zero, zero))

    def retention(self, state: HState, drive: Tensor) -> Tensor:
        """abs(lambda) of each unit."""
        return torch.exp(-single(self.nu).exp()).expand(len(drive), -1)
