"""The undamped independent controlled oscillatory network: a Hamiltonian system whose units do not see each other.

Paper: Rusch & Mishra 2021, "UnICORNN: a recurrent model for learning very long time dependencies" (arXiv:2103.05487),
eqs. 5 and 6, one layer of it.

    z_t = z_{t-1} - dt sigmoid(c) * (tanh(w * y_{t-1} + V u_t + b) + alpha y_{t-1})
    y_t = y_{t-1} + dt sigmoid(c) * z_t

The symplectic Euler step keeps volumes in the space of (y, z) exactly, so no gradient can vanish in all directions.
Shapes: u_t [B, I]; y_t (our h), z_t [B, H]; w, c [H]. The paper's network is more than its recurrence: stacked
layers, residual connections between some of them, dropout that is constant over time. These are outside the cell:
``network.depth`` stacks it plainly.

At the start w ~ U(0, 1), c ~ U(-.1, .1), b = 0 and V ~ U(-1, 1) sqrt(6 / (65 I)), Kaiming's with slope 8, as in the
authors' code, with init=paper too.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from rnnbench.errors import check_range
from rnnbench.network.cells.base import Cell
from rnnbench.network.states import HZState


class UnICORNN(Cell[HZState]):
    """The UnICORNN cell with time step ``dt`` and frequency ``alpha``.

    Raises UserError for a dt that is not positive, and a negative alpha.
    """

    source = "Rusch & Mishra 2021"
    spectrum = "complex"
    gates = ("velocity",)
    recurrent_gates = ()

    def __init__(self, input_size: int, hidden_size: int, dt: float = 0.1, alpha: float = 1.0) -> None:
        check_range("cell.dt", dt, above=0)
        check_range("cell.alpha", alpha, at_least=0)
        super().__init__(input_size, hidden_size)
        self.dt = dt
        self.alpha = alpha
        nn.init.kaiming_uniform_(self.input_projection.weight, a=8)
        nn.init.zeros_(self.input_projection.bias)
        self.recurrent_weight = nn.Parameter(torch.empty(hidden_size).uniform_(0, 1))
        self.step_weight = nn.Parameter(torch.empty(hidden_size).uniform_(-0.1, 0.1))

    def step(self, state: HZState, drive: Tensor) -> HZState:
        y, z = state
        step = self.dt * torch.sigmoid(self.step_weight)
        z = z - step * (torch.tanh(self.recurrent_weight * y + drive) + self.alpha * y)
        return HZState(h=y + step * z, z=z)

    def initial_state(self, batch: int) -> HZState:
        return HZState(h=self._zeros(batch), z=self._zeros(batch))
