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

from rnnbench.cells.base import Cell
from rnnbench.cells.wrapper import Wrapper


class Zoneout(Wrapper):
    """``cell`` with zoneout at ``rate`` on h and at ``memory_rate`` on the other parts of its state."""

    def __init__(self, cell: Cell[Any], rate: float, memory_rate: float) -> None:
        widths = [part.shape[-1] for part in cell.initial_state(1)]
        super().__init__(cell, extra=sum(widths))
        self.widths = widths
        self.rates = [rate, *[memory_rate] * (len(widths) - 1)]

    def project(self, inputs: Tensor) -> Tensor:
        drive = self.cell.project(inputs)
        masks = torch.cat([drive.new_full((width,), rate) for width, rate in zip(self.widths, self.rates, strict=True)])
        if self.training:
            masks = masks.expand(*drive.shape[:-1], self.extra).bernoulli()
        return self.append(drive, masks)

    def step(self, state: Any, drive: Tensor) -> Any:
        inner, masks = self.split(drive)
        after = self.cell.step(state, inner)
        kept = masks.split(self.widths, dim=-1)
        return type(after)(*(d * old + (1 - d) * new for d, old, new in zip(kept, state, after, strict=True)))
