"""Zoneout: at every step each unit keeps its old value with some probability.

Paper: Krueger et al. 2017, "Zoneout: regularizing RNNs by randomly preserving hidden activations" (arXiv:1606.01305),
eqs. 5 to 8.

    s_t = d_t * s_{t-1} + (1 - d_t) * step(s_{t-1}, x_t)        d_t ~ Bernoulli(rate), for every unit and step

for each part of the state; h is computed from the new c, not from the one that was zoned out, as in eq. 8. In
evaluation d_t is its expectation, the rate.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from rnnbench.errors import UserError
from rnnbench.network.cells.base import Cell
from rnnbench.network.cells.wrapper import Wrapper
from rnnbench.network.states import map_state


class Zoneout(Wrapper):
    """``cell`` with zoneout at ``rate`` on h and at ``memory_rate`` on the other parts of its state.

    Raises UserError for a ``rate`` where the state has no h.
    """

    def __init__(self, cell: Cell[Any], rate: float, memory_rate: float) -> None:
        start = cell.initial_state(1)
        if rate > 0 and "h" not in start._fields:
            raise UserError(
                f"network.zoneout={rate}: the state of {type(cell).__name__} has no h, only "
                f"{', '.join(start._fields)}; use network.zoneout_memory"
            )
        sizes = [part.numel() for part in start]
        super().__init__(cell, extra=sum(sizes))
        self.sizes = sizes
        self.rates = [rate if name == "h" else memory_rate for name in start._fields]

    def project(self, inputs: Tensor) -> Tensor:
        drive = self.cell.project(inputs)
        masks = torch.cat([drive.new_full((width,), rate) for width, rate in zip(self.sizes, self.rates, strict=True)])
        if self.training:
            masks = masks.expand(*drive.shape[:-1], self.extra).bernoulli()
        return self.append(drive, masks)

    def step(self, state: Any, drive: Tensor) -> Any:
        inner, masks = self.split(drive)
        after = self.cell.step(state, inner)
        kept = type(after)(*masks.split(self.sizes, dim=-1))
        return map_state(_mix, kept, state, after)


def _mix(kept: Tensor, old: Tensor, new: Tensor) -> Tensor:
    """Return ``old`` [B, *] where ``kept`` [B, N] is 1, ``new`` where it is 0."""
    d = kept.reshape(new.shape)
    return d * old + (1 - d) * new
