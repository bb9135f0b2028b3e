"""The antisymmetric network: one Euler step a time step through a differential equation that forgets nothing.

Paper: Chang, Chen, Haber & Chi 2019, "AntisymmetricRNN: a dynamical system view on recurrent neural networks"
(arXiv:1902.09689), eq. 12; with ``gated``, eqs. 14 and 15.

    plain:  h_t = h_{t-1} + epsilon tanh(A h_{t-1} + V_h x_t + b_h),      A = W_h - W_h^T - gamma 1
    gated:  z_t = sigmoid(A h_{t-1} + V_z x_t + b_z)
            h_t = h_{t-1} + epsilon z_t * tanh(A h_{t-1} + V_h x_t + b_h)

The eigenvalues of W - W^T are imaginary, so the equation neither explodes nor vanishes; the diffusion gamma > 0 pays
for the error of the Euler step. Shapes: x_t [B, I], h_t [B, H]. Differs from the paper: W_h is a full matrix, not its
strictly upper triangle, which is the same set of A.

W_h ~ N(0, 1/H), V ~ N(0, 1/I), b = 0 at the start, with init=paper too: the paper searches the variance of W_h, epsilon
and gamma.

``recurrent_projection.weight`` is A, computed once a forward pass; what an init draws is W_h.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import register_parametrization

from rnnbench.errors import check_range
from rnnbench.network.cells.base import Cell
from rnnbench.network.states import HState


class Damped(nn.Module):
    """The parametrisation A = W - W^T - gamma 1 of a matrix [H, H]."""

    def __init__(self, gamma: float) -> None:
        super().__init__()
        self.gamma = gamma

    def forward(self, weight: Tensor) -> Tensor:
        return weight - weight.mT - self.gamma * torch.eye(len(weight), dtype=weight.dtype, device=weight.device)

    def right_inverse(self, weight: Tensor) -> Tensor:
        """Return W itself: setting the weight sets W."""
        return weight


class Antisymmetric(Cell[HState]):
    """The antisymmetric cell with step size ``epsilon`` and diffusion ``gamma``, ``gated`` or plain.

    Raises UserError for an epsilon that is not positive and a negative gamma.
    """

    source = "Chang et al. 2019"
    gates: tuple[str, ...] = ("hidden",)
    recurrent_gates = ("hidden",)
    recurrent_bias = False

    def __init__(
        self, input_size: int, hidden_size: int, epsilon: float = 0.1, gamma: float = 0.01, gated: bool = True
    ) -> None:
        check_range("cell.epsilon", epsilon, above=0)
        check_range("cell.gamma", gamma, at_least=0)
        if gated:
            self.gates = ("update", "hidden")
        super().__init__(input_size, hidden_size)
        self.epsilon = epsilon
        self.gated = gated
        nn.init.normal_(self.input_projection.weight, std=input_size**-0.5)
        nn.init.zeros_(self.input_projection.bias)
        nn.init.normal_(self.recurrent_projection.weight, std=hidden_size**-0.5)
        register_parametrization(self.recurrent_projection, "weight", Damped(gamma))

    def step(self, state: HState, drive: Tensor) -> HState:
        past = self.recurrent_projection(state.h)
        if not self.gated:
            return HState(h=state.h + self.epsilon * torch.tanh(past + drive))
        x_z, x_h = drive.chunk(2, dim=-1)
        z = torch.sigmoid(past + x_z)
        return HState(h=state.h + self.epsilon * z * torch.tanh(past + x_h))

    def initial_state(self, batch: int) -> HState:
        return HState(h=self._zeros(batch))
