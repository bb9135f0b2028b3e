"""Wrappers: a cell inside a cell, so that any cell can be regularised without knowing of it.

Randomness is data: a wrapper draws its masks in ``project`` and appends them to the drive, so every engine and every
diagnostic that runs on that drive sees the same ones.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from rnnbench.network.cells.base import Cell


class Wrapper(Cell[Any]):
    """``cell`` with ``extra`` more numbers a step at the end of its drive."""

    def __init__(self, cell: Cell[Any], extra: int) -> None:
        nn.Module.__init__(self)
        self.cell = cell
        self.extra = extra
        self.input_size, self.hidden_size = cell.input_size, cell.hidden_size
        self.gates = cell.gates

    @property
    def recurrent_gates(self) -> tuple[str, ...]:
        return self.cell.recurrent_gates

    @property
    def recurrent_projection(self) -> nn.Linear:  # type: ignore[override]
        return self.cell.recurrent_projection

    def initial_state(self, batch: int) -> Any:
        return self.cell.initial_state(batch)

    @property
    def output_size(self) -> int:
        return self.cell.output_size

    def readout(self, state: Any, drive: Tensor) -> Tensor:
        return self.cell.readout(state, self.split(drive)[0])

    def retention(self, state: Any, drive: Tensor) -> Tensor | None:
        """Return the retention of the step itself, without the wrapper."""
        return self.cell.retention(state, self.split(drive)[0])

    def constrain(self) -> None:
        self.cell.constrain()

    def begin(self, batch: int) -> None:
        self.cell.begin(batch)

    def split(self, drive: Tensor) -> tuple[Tensor, Tensor]:
        """Return the cell's own drive, and the wrapper's masks [..., extra]."""
        return drive[..., : -self.extra], drive[..., -self.extra :]

    def append(self, drive: Tensor, masks: Tensor) -> Tensor:
        return torch.cat([drive, masks.expand(*drive.shape[:-1], self.extra)], dim=-1)
