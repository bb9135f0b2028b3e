"""The minimal gated recurrent unit whose gate sees the input alone, so that all steps run in parallel.

Paper: Feng, Tung, Ahmed, Bengio & Hajimirsadeghi 2024, "Were RNNs all we needed?" (arXiv:2410.01201), section 3.1.

    z_t = sigmoid(W_z x_t + b_z)        h~_t = W_h x_t + b_h
    h_t = (1 - z_t) * h_{t-1} + z_t * h~_t

Shapes: x_t [B, I], h_t [B, H]. With ``candidate=positive`` h~_t = g(W_h x_t + b_h), where g(v) = v + .5 for v >= 0 and
sigmoid(v) below: the form of the paper's appendix B, with which the authors trained, and which needs it to compute in
logarithms. Here the scan works on the numbers themselves and is as exact as the loop, so nothing else differs between
the two. h_0 = 0 in both.

Begins as in torch.nn, with init=paper too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import torch
from torch import Tensor

from rnnbench.errors import check_choice
from rnnbench.network.cells.base import LinearCell
from rnnbench.network.states import HState


def positive(value: Tensor) -> Tensor:
    """Return g of the paper's appendix B.2: v + .5 for v >= 0, else sigmoid(v)."""
    return torch.where(value >= 0, value + 0.5, torch.sigmoid(value))


CANDIDATES: dict[str, Callable[[Tensor], Tensor]] = {"linear": lambda value: value, "positive": positive}


class MinGRU(LinearCell[HState]):
    """The minGRU; ``candidate`` is ``linear`` or ``positive``. Raises UserError for any other name."""

    source = "Feng et al. 2024"
    spectrum = "positive"
    paper = "cell.candidate=positive"
    gates = ("update", "candidate")
    memory_gates: ClassVar = {"update": -1}

    def __init__(self, input_size: int, hidden_size: int, candidate: str = "linear") -> None:
        check_choice("cell.candidate", candidate, CANDIDATES)
        super().__init__(input_size, hidden_size)
        self.candidate = candidate

    def coefficients(self, drive: Tensor) -> tuple[Tensor, Tensor]:
        update, candidate = drive.chunk(2, dim=-1)
        z = torch.sigmoid(update)
        return 1 - z, z * CANDIDATES[self.candidate](candidate)

    def emit(self, memory: Tensor, drive: Tensor) -> HState:
        return HState(h=memory)

    def initial_state(self, batch: int) -> HState:
        return HState(h=self._zeros(batch))

    def retention(self, state: HState, drive: Tensor) -> Tensor:
        """Return 1 - z, the share of the old state."""
        return self.coefficients(drive)[0]
