"""The minimal LSTM whose gates see the input alone, so that all steps run in parallel.

Paper: Feng, Tung, Ahmed, Bengio & Hajimirsadeghi 2024, "Were RNNs all we needed?" (arXiv:2410.01201), section 3.2.

    f_t, i_t = sigmoid(W_* x_t + b_*)        h~_t = W_h x_t + b_h
    f'_t = f_t / (f_t + i_t)                 i'_t = i_t / (f_t + i_t)
    h_t = f'_t * h_{t-1} + i'_t * h~_t

Shapes: x_t [B, I], h_t [B, H]. f' and i' are computed as sigmoid(ln f - ln i) and its complement, which does not divide
0 by 0 where both gates are shut. ``candidate=positive`` is as in the minGRU, the form with which the authors trained.
h_0 = 0.

Begins as in torch.nn, with init=paper too.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from rnnbench.errors import check_choice
from rnnbench.network.cells.base import LinearCell
from rnnbench.network.cells.mingru import CANDIDATES
from rnnbench.network.states import HState


class MinLSTM(LinearCell[HState]):
    """The minLSTM; ``candidate`` is ``linear`` or ``positive``. Raises UserError for any other name."""

    source = "Feng et al. 2024"
    spectrum = "positive"
    paper = "cell.candidate=positive"
    gates = ("forget", "input", "candidate")
    memory_gates: ClassVar = {"forget": 1, "input": -1}

    def __init__(self, input_size: int, hidden_size: int, candidate: str = "linear") -> None:
        check_choice("cell.candidate", candidate, CANDIDATES)
        super().__init__(input_size, hidden_size)
        self.candidate = candidate

    def coefficients(self, drive: Tensor) -> tuple[Tensor, Tensor]:
        forget, entry, candidate = drive.chunk(3, dim=-1)
        odds = logsigmoid(forget) - logsigmoid(entry)
        return torch.sigmoid(odds), torch.sigmoid(-odds) * CANDIDATES[self.candidate](candidate)

    def emit(self, memory: Tensor, drive: Tensor) -> HState:
        return HState(h=memory)

    def initial_state(self, batch: int) -> HState:
        return HState(h=self._zeros(batch))

    def retention(self, state: HState, drive: Tensor) -> Tensor:
        """Return f', the share of the old state."""
        return self.coefficients(drive)[0]
