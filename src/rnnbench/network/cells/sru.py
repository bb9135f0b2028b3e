"""The simple recurrent unit: gates that see the memory of their own unit alone, and a highway around it.

Paper: Lei, Zhang, Wang, Dai & Artzi 2018, "Simple recurrent units for highly parallelizable recurrence"
(arXiv:1709.02755), section 3.

    f_t = sigmoid(W_f x_t + v_f * c_{t-1} + b_f)      r_t = sigmoid(W_r x_t + v_r * c_{t-1} + b_r)
    c_t = f_t * c_{t-1} + (1 - f_t) * (W x_t)
    h_t = r_t * c_t + (1 - r_t) * x'_t

Shapes: x_t [B, I]; h_t, c_t, v_f, v_r [B, H]. Both gates look at the old c. x' is alpha x_t where I = H and W' x_t
where it is not; alpha = sqrt(1 + 2 exp(``highway_bias``)) keeps the variance of deep stacks. ``sru_linear`` is the cell
without v, that of the paper's first version: its memory is a linear recurrence and runs in parallel over time.

Differs from the paper: W and W' have a bias too. By default the weights begin as in torch.nn, v ~ U(-1, 1) / sqrt(H),
and the biases at 0 but for b_r = highway_bias. init=paper draws as the authors' code: W ~ U(-1, 1) sqrt(3 / I), W_f and
W_r sqrt(1/2) and W' alpha times that, v ~ U(-1, 1) sqrt(3 / 2).
"""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from torch import Tensor, nn

from rnnbench.errors import check_range
from rnnbench.network.cells.base import Cell, LinearCell
from rnnbench.network.states import LSTMState


class Highway(Cell[LSTMState]):
    """What both forms share: the projection of the input, the way around the memory, and where they begin."""

    source = "Lei et al. 2018"
    paper = "init=paper"
    memory_gates: ClassVar = {"forget": 1}

    def __init__(self, input_size: int, hidden_size: int, highway_bias: float = 0.0) -> None:
        check_range("cell.highway_bias", highway_bias, at_least=-100, at_most=100)
        self.gates = ("candidate", "forget", "reset", *(() if input_size == hidden_size else ("highway",)))
        super().__init__(input_size, hidden_size)
        self.alpha = math.sqrt(1 + 2 * math.exp(highway_bias))
        nn.init.zeros_(self.input_projection.bias)
        nn.init.constant_(self.input_projection.bias.detach()[2 * hidden_size : 3 * hidden_size], highway_bias)

    def draw_as_paper(self, t_max: float | None, last: bool) -> None:
        bound = (3 / self.input_size) ** 0.5
        scales = {"candidate": 1.0, "highway": self.alpha}
        for gate, block in zip(self.gates, self.input_projection.weight.split(self.hidden_size), strict=True):
            nn.init.uniform_(block, -bound, bound).mul_(scales.get(gate, 0.5**0.5))

    def project(self, inputs: Tensor) -> Tensor:
        """Return the sums of W, W_f and W_r and x' of all steps, side by side: [T, B, 4H]."""
        sums = self.input_projection(inputs)
        return sums if "highway" in self.gates else torch.cat([sums, self.alpha * inputs], dim=-1)

    def initial_state(self, batch: int) -> LSTMState:
        return LSTMState(h=self._zeros(batch), c=self._zeros(batch))


class SRU(Highway):
    """The SRU; ``highway_bias`` is where b_r begins. Raises UserError for one that is not finite or beyond 100."""

    spectrum = "signed"

    recurrent_gates = ()

    def __init__(self, input_size: int, hidden_size: int, highway_bias: float = 0.0) -> None:
        super().__init__(input_size, hidden_size, highway_bias)
        bound = hidden_size**-0.5
        self.peephole = nn.ParameterDict(
            {gate: torch.empty(hidden_size).uniform_(-bound, bound) for gate in ("forget", "reset")}
        )

    def draw_as_paper(self, t_max: float | None, last: bool) -> None:
        super().draw_as_paper(t_max, last)
        for each in self.peephole.values():
            nn.init.uniform_(each, -(1.5**0.5), 1.5**0.5)

    def step(self, state: LSTMState, drive: Tensor) -> LSTMState:
        candidate, forget, reset, x = drive.chunk(4, dim=-1)
        f = torch.sigmoid(forget + self.peephole["forget"] * state.c)
        r = torch.sigmoid(reset + self.peephole["reset"] * state.c)
        c = f * state.c + (1 - f) * candidate
        return LSTMState(h=r * c + (1 - r) * x, c=c)

    def retention(self, state: LSTMState, drive: Tensor) -> Tensor:
        """Return the forget gate f."""
        return torch.sigmoid(drive.chunk(4, dim=-1)[1] + self.peephole["forget"] * state.c)


class LinearSRU(Highway, LinearCell[LSTMState]):
    """The SRU without v. Raises UserError for a ``highway_bias`` that is not finite or beyond 100."""

    spectrum = "positive"

    def coefficients(self, drive: Tensor) -> tuple[Tensor, Tensor]:
        candidate, forget, _, _ = drive.chunk(4, dim=-1)
        f = torch.sigmoid(forget)
        return f, (1 - f) * candidate

    def memory(self, state: LSTMState) -> Tensor:
        return state.c

    def emit(self, memory: Tensor, drive: Tensor) -> LSTMState:
        _, _, reset, x = drive.chunk(4, dim=-1)
        r = torch.sigmoid(reset)
        return LSTMState(h=r * memory + (1 - r) * x, c=memory)

    def retention(self, state: LSTMState, drive: Tensor) -> Tensor:
        """Return the forget gate f."""
        return self.coefficients(drive)[0]
