"""The linear recurrent unit: a complex diagonal linear recurrence, stable by its parametrisation.

Paper: Orvieto et al. 2023, "Resurrecting recurrent neural networks for long sequences" (arXiv:2303.06349), sections 3.2
to 3.4 and appendix A.

    lambda = exp(-exp(nu) + i exp(theta))
    h_t = lambda * h_{t-1} + exp(gamma) * (B x_t)
    y_t = f(Re(C h_t) + D x_t)

Shapes: x_t [B, I]; h_t complex [B, H]; y_t, what the layer above sees, [B, H]. At initialisation abs(lambda)^2 is
uniform in [r_min^2, r_max^2] and the phase in [0, max_phase], B and C are complex Gaussian, and exp(gamma) = sqrt(1 -
abs(lambda)^2), the normaliser, which keeps E|h|^2 near E|Bx|^2. Differs from the paper: of the block around its LRU
(GELU, gated linear unit, skip connection, normalisation) f is the GELU alone. With ``activation=identity`` a whole
stack of LRUs is a linear network. With parameters in half precision h_t stays complex64.

D x_t, a way around the recurrence, is left out by default; ``skip`` puts it in. The authors' code has a vector D ~ N(0,
1), because all its layers are of one width. Here I may differ from H, so D is a matrix [H, I] ~ N(0, 1/I), with which
D x_t varies as much. It is a third block of rows of ``input_projection``.

By default r_max is .999, at which a unit forgets within about a thousand steps; init=paper draws with r_max = 1.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu

from rnnbench.errors import check_choice
from rnnbench.network.cells.base import LinearCell
from rnnbench.network.states import HState

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {"gelu": gelu, "identity": lambda value: value}


def single(values: Tensor) -> Tensor:
    """Return ``values`` in at least single precision: torch computes with no complex numbers of half precision."""
    return values.to(torch.promote_types(values.dtype, torch.float32))


class LRU(LinearCell[HState]):
    """The LRU with eigenvalues in a ring; ``normalise=False`` leaves exp(gamma) out, ``skip`` adds D x_t.

    h is complex. ``activation`` is ``gelu`` or ``identity``. Raises UserError for any other name.
    """

    source = "Orvieto et al. 2023"
    spectrum = "complex"
    paper = "init=paper cell.skip=true"
    gates: tuple[str, ...] = ("real", "imaginary")
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
        skip: bool = False,
    ) -> None:
        check_choice("cell.activation", activation, ACTIVATIONS)
        if skip:
            self.gates = ("real", "imaginary", "skip")
        super().__init__(input_size, hidden_size)
        self.r_min = r_min
        self.activation = activation
        self.skip = skip
        nn.init.normal_(self.input_projection.weight, std=(2 * input_size) ** -0.5)
        if skip:
            nn.init.normal_(self.input_projection.weight.detach()[2 * hidden_size :], std=input_size**-0.5)
        squares = torch.empty(hidden_size).uniform_(r_min**2, r_max**2)
        self.nu = nn.Parameter((-squares.log() / 2).log())
        self.theta = nn.Parameter(torch.empty(hidden_size).uniform_(0, max_phase).log())
        self.gamma = nn.Parameter((1 - squares).log() / 2) if normalise else None
        self.output_projection = nn.Linear(2 * hidden_size, hidden_size, bias=False)  # Re(C h) = Re C Re h - Im C Im h
        nn.init.normal_(self.output_projection.weight, std=hidden_size**-0.5)

    def draw_as_paper(self, t_max: float | None, last: bool) -> None:
        limits = torch.finfo(self.nu.dtype)  # a number that rounds to 0 or 1 has no logarithm or no normaliser
        squares = torch.empty_like(self.nu).uniform_(self.r_min**2, 1).clamp_(limits.tiny, 1 - limits.eps)
        self.nu.copy_((-squares.log() / 2).log())
        if self.gamma is not None:
            self.gamma.copy_((1 - squares).log() / 2)

    def decay(self) -> Tensor:
        """Return lambda: complex [H]."""
        return torch.polar(torch.exp(-single(self.nu).exp()), single(self.theta).exp())

    def coefficients(self, drive: Tensor) -> tuple[Tensor, Tensor]:
        real, imaginary, *_ = single(drive).split(self.hidden_size, dim=-1)
        entering = torch.complex(real, imaginary)
        return self.decay(), entering if self.gamma is None else single(self.gamma).exp() * entering

    def emit(self, memory: Tensor, drive: Tensor) -> HState:
        return HState(h=memory)

    def readout(self, state: HState, drive: Tensor) -> Tensor:
        h = torch.cat([state.h.real, state.h.imag], dim=-1).to(self.output_projection.weight.dtype)
        y = self.output_projection(h)
        return ACTIVATIONS[self.activation](y + drive[..., 2 * self.hidden_size :] if self.skip else y)

    def initial_state(self, batch: int) -> HState:
        zero = single(self._zeros(batch))
        return HState(h=torch.complex(zero, zero))

    def retention(self, state: HState, drive: Tensor) -> Tensor:
        """Return abs(lambda) of each unit."""
        return torch.exp(-single(self.nu).exp()).expand(len(drive), -1)
