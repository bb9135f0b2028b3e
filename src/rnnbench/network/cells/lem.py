"""Long expressive memory: two coupled states whose time steps are learned, one for every unit and step.

Paper: Rusch, Mishra, Erichson & Mahoney 2022, "Long expressive memory for sequence modeling" (arXiv:2110.04744), eq. 3.

    Dt_t  = dt sigmoid(W_1 y_{t-1} + V_1 u_t + b_1)
    Dt'_t = dt sigmoid(W_2 y_{t-1} + V_2 u_t + b_2)
    z_t = (1 - Dt_t) * z_{t-1} + Dt_t * tanh(W_z y_{t-1} + V_z u_t + b_z)
    y_t = (1 - Dt'_t) * y_{t-1} + Dt'_t * tanh(W_y z_t + V_y u_t + b_y)

Shapes: u_t [B, I]; y_t (our h), z_t [B, H]. dt is the largest time step; above 1 a state can overshoot what it moves
to.

All parameters begin as U(-1/sqrt(H), 1/sqrt(H)), as in the authors' code, with init=paper too.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from rnnbench.errors import check_range
from rnnbench.network.cells.base import Cell
from rnnbench.network.states import HZState


class LEM(Cell[HZState]):
    """The LEM cell with the largest time step ``dt``. Raises UserError for a dt that is not positive."""

    source = "Rusch et al. 2022"
    gates = ("step_z", "step_y", "candidate_z", "candidate_y")
    recurrent_bias = False
    memory_gates: ClassVar = {"step_z": -1, "step_y": -1}

    def __init__(self, input_size: int, hidden_size: int, dt: float = 1.0) -> None:
        check_range("cell.dt", dt, above=0)
        super().__init__(input_size, hidden_size)
        self.dt = dt

    def step(self, state: HZState, drive: Tensor) -> HZState:
        y, z = state
        u_1, u_2, u_z, u_y = drive.chunk(4, dim=-1)
        step_z = self.dt * torch.sigmoid(self.recurrent("step_z", y) + u_1)
        step_y = self.dt * torch.sigmoid(self.recurrent("step_y", y) + u_2)
        z = (1 - step_z) * z + step_z * torch.tanh(self.recurrent("candidate_z", y) + u_z)
        y = (1 - step_y) * y + step_y * torch.tanh(self.recurrent("candidate_y", z) + u_y)
        return HZState(h=y, z=z)

    def initial_state(self, batch: int) -> HZState:
        return HZState(h=self._zeros(batch), z=self._zeros(batch))

    def retention(self, state: HZState, drive: Tensor) -> Tensor:
        """Return 1 - Dt_t, the share of z, the state that the input enters first."""
        u_1, *_ = drive.chunk(4, dim=-1)
        return 1 - self.dt * torch.sigmoid(self.recurrent("step_z", state.h) + u_1)
