"""The coupled oscillatory network: forced, damped oscillators, one pair (y, z) of position and velocity a unit.

Paper: Rusch & Mishra 2021, "Coupled oscillatory recurrent neural network (coRNN)" (arXiv:2010.00951), eq. 3.

    z_t = z_{t-1} + dt (tanh(W y_{t-1} + W' z_{t-1} + V u_t + b) - gamma y_{t-1} - epsilon z_{t-1})
    y_t = y_{t-1} + dt z_t

The time step dt, the frequency gamma and the damping epsilon are the paper's hyperparameters; it searches all three.
Shapes: u_t [B, I]; y_t (our h), z_t [B, H]. Eq. 3 leaves open whether the damping acts on z_{t-1} or on z_t; here it
is z_{t-1}, as in the authors' code.

By default all begins as in torch.nn. init=paper draws all from U(-1/sqrt(I + 2H), 1/sqrt(I + 2H)), as the authors'
code, where W, W' and V are one matrix.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from rnnbench.errors import check_range
from rnnbench.network.cells.base import Cell
from rnnbench.network.states import HZState


class CoRNN(Cell[HZState]):
    """The coRNN cell with time step ``dt``, frequency ``gamma`` and damping ``epsilon``.

    Raises UserError for a dt that is not positive, and a negative gamma or epsilon.
    """

    source = "Rusch & Mishra 2021"
    paper = "init=paper"
    gates = ("velocity",)
    recurrent_gates = ("position", "velocity")
    recurrent_bias = False

    def __init__(
        self, input_size: int, hidden_size: int, dt: float = 0.1, gamma: float = 1.0, epsilon: float = 1.0
    ) -> None:
        check_range("cell.dt", dt, above=0)
        check_range("cell.gamma", gamma, at_least=0)
        check_range("cell.epsilon", epsilon, at_least=0)
        super().__init__(input_size, hidden_size)
        self.dt = dt
        self.gamma = gamma
        self.epsilon = epsilon

    def draw_as_paper(self, t_max: float | None, last: bool) -> None:
        bound = (self.input_size + 2 * self.hidden_size) ** -0.5
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -bound, bound)

    def step(self, state: HZState, drive: Tensor) -> HZState:
        y, z = state
        force = torch.tanh(self.recurrent("position", y) + self.recurrent("velocity", z) + drive)
        z = z + self.dt * (force - self.gamma * y - self.epsilon * z)
        return HZState(h=y + self.dt * z, z=z)

    def initial_state(self, batch: int) -> HZState:
        return HZState(h=self._zeros(batch), z=self._zeros(batch))
