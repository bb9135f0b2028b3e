"""The sLSTM: exponential gates, a normaliser that counts what was let in, and a stabiliser that keeps both in range.

Paper: Beck et al. 2024, "xLSTM: extended long short-term memory" (arXiv:2405.04517), eqs. 8-17.

    c_t = f c_{t-1} + i z          n_t = f n_{t-1} + i         h_t = o * c_t / n_t
    z = tanh(z~)     i = exp(i~)     f = exp(f~) or sigmoid(f~)     o = sigmoid(o~)     each of W x_t + R h_{t-1} + b
    m_t = max(log f + m_{t-1}, i~)      c and n are kept divided by exp(m_t):
    i' = exp(i~ - m_t)      f' = exp(log f + m_{t-1} - m_t)      instead of i and f in c and n; h_t stays the same

Shapes: x_t [B, I]; h, c, n, m [B, H]. c_0 = n_0 = 0, whose m_0 is the logarithm of nothing: the lowest number here, as
the authors' code takes m_1 = i~. Then n_t >= 1, and |h_t| < 1. Differs from the paper: the cell alone, that is one head
(a full R) and no group norm, convolution or block around it. ``forget`` is ``sigmoid``, as in their code, or ``exp``.

By default all begins as in torch.nn, as in ``lstm``. init=paper draws as their code: R = 0, the forget bias of unit j
is 5 - 12 (j / (H - 1))^.3, that of the first of their blocks, and the other biases are 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import logsigmoid

from rnnbench.errors import check_choice
from rnnbench.network.cells.base import Cell
from rnnbench.network.cells.drawing import set_gate

LOG_FORGET = {"exp": lambda f: f, "sigmoid": logsigmoid}


class SLSTMState(NamedTuple):
    """``h``: hidden state; ``c``: cell state and ``n``: normaliser, both over exp(``m``): stabiliser. All [B, H]."""

    h: Tensor
    c: Tensor
    n: Tensor
    m: Tensor


class SLSTM(Cell[SLSTMState]):
    """The sLSTM cell; ``forget`` is ``exp`` or ``sigmoid``. Raises UserError for any other name."""

    source = "Beck et al. 2024"
    paper = "init=paper"
    gates = ("input", "forget", "candidate", "output")
    recurrent_bias = False
    carries_h = False

    def __init__(self, input_size: int, hidden_size: int, forget: str = "sigmoid") -> None:
        check_choice("cell.forget", forget, LOG_FORGET)
        super().__init__(input_size, hidden_size)
        self.forget = forget

    @property  # the initialisations of memory gates suppose a sigmoid; i only weighs new against old
    def memory_gates(self) -> Mapping[str, int]:  # type: ignore[override]
        return {"forget": 1} if self.forget == "sigmoid" else {}

    def draw_as_paper(self, t_max: float | None, last: bool) -> None:
        nn.init.zeros_(self.recurrent_projection.weight)
        nn.init.zeros_(self.input_projection.bias)
        place = torch.linspace(0, 1, self.hidden_size)
        set_gate(self, "forget", 5 - 12 * place**0.3)

    def step(self, state: SLSTMState, drive: Tensor) -> SLSTMState:
        i, f, z, o = (drive + self.recurrent_projection(state.h)).chunk(4, dim=-1)
        log_f = LOG_FORGET[self.forget](f)
        m = torch.maximum(log_f + state.m, i)
        i, f = torch.exp(i - m), torch.exp(log_f + state.m - m)
        c = f * state.c + i * torch.tanh(z)
        n = f * state.n + i
        return SLSTMState(h=torch.sigmoid(o) * c / n, c=c, n=n, m=m)

    def initial_state(self, batch: int) -> SLSTMState:
        """Return an empty memory: c = n = 0, and m the lowest number there is."""
        zero = self._zeros(batch)
        return SLSTMState(h=zero, c=zero, n=zero, m=torch.full_like(zero, torch.finfo(zero.dtype).min))

    def retention(self, state: SLSTMState, drive: Tensor) -> Tensor:
        """Return f n_{t-1} / n_t: the weight of the old c / n, a mean of all z, in the new one; 1 where it was none."""
        after = self.step(state, drive)
        i, _, _, _ = (drive + self.recurrent_projection(state.h)).chunk(4, dim=-1)
        return torch.where(state.n > 0, 1 - torch.exp(i - after.m) / after.n, 1)
