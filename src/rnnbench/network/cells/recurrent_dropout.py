"""Variational recurrent dropout: the same units of h_{t-1} are dropped at every step of a sequence.

Paper: Gal & Ghahramani 2016, "A theoretically grounded application of dropout in recurrent neural networks"
(arXiv:1512.05287), eq. 7.

    s_t = step((m * h_{t-1}, other parts), x_t)        m ~ Bernoulli(1 - rate) / (1 - rate), once a sequence and unit

In evaluation m is 1. For a cell that carries h itself over time, as the GRU does, the same mask at every step would
erase the dropped units and blow up the others, so that is an error. Dropout of the inputs is ``network.dropout``.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor

from rnnbench.errors import UserError
from rnnbench.network.cells.base import Cell
from rnnbench.network.cells.wrapper import Wrapper


class RecurrentDropout(Wrapper):
    """``cell`` with dropout of h_{t-1} at ``rate``. Raises UserError for a cell that carries h."""

    def __init__(self, cell: Cell[Any], rate: float) -> None:
        if cell.carries_h:
            raise UserError(
                f"network.recurrent_dropout={rate}: the cell {type(cell).__name__} carries h itself over time, which "
                "dropout would erase; use network.zoneout"
            )
        super().__init__(cell, extra=_carried(cell.initial_state(1), rate).numel())
        self.rate = rate
        self.mask: Tensor | None = None

    def begin(self, batch: int) -> None:
        super().begin(batch)
        if not self.training:  # a measurement must not change what training draws next
            return
        like = _carried(self.cell.initial_state(batch), self.rate).real
        self.mask = like.new_full((batch, self.extra), 1 - self.rate).bernoulli() / (1 - self.rate)

    def project(self, inputs: Tensor) -> Tensor:
        drive = self.cell.project(inputs)
        if not self.training:
            return self.append(drive, drive.new_ones(self.extra))
        assert self.mask is not None, "begin draws the mask of a sequence"
        return self.append(drive, self.mask)

    def step(self, state: Any, drive: Tensor) -> Any:
        inner, mask = self.split(drive)
        return self.cell.step(state._replace(h=mask.reshape(state.h.shape) * state.h), inner)


def _carried(state: Any, rate: float) -> Tensor:
    """Return the h of a state. Raises UserError where it has none."""
    if "h" not in state._fields:
        raise UserError(
            f"network.recurrent_dropout={rate}: drops units of h, and a {type(state).__name__} has only "
            f"{', '.join(state._fields)}; use network.zoneout_memory"
        )
    h: Tensor = state.h
    return h
