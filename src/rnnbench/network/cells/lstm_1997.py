"""The LSTM as it was first published: no forget gate, and memory blocks whose cells share their gates.

Paper: Hochreiter & Schmidhuber 1997, "Long short-term memory", Neural Computation 9(8), section 4 and appendix A.1.

    in, out = sigmoid(W_x* x_t + W_h* h_{t-1} + b_*)              one of each for every memory block
    s_t = s_{t-1} + in * g(W_xc x_t + W_hc h_{t-1} + b_c)         g(a) = 4 sigmoid(a) - 2, in (-2, 2)
    h_t = out * h(s_t)                                            h(a) = 2 sigmoid(a) - 1, in (-1, 1)

Shapes: x_t [B, I]; h_t (their y^c) and s_t (called c in the state) [B, H]; S = ``block_size`` neighbouring units are
the cells of one block, so there are H / S input and as many output gates, whose rows are repeated to H where the
project reads them. Differs from the paper: no unit sees the gates or any conventional hidden unit, the gradient is the
full one (they cut it where it leaves a cell through its gates or its input), and every cell has a bias.

By default all begins as in torch.nn. init=paper draws all from U(-.1, .1), as they do for adding; other experiments
have U(-.2, .2), and some negative biases of gates: +init.gate_bias.output=-1.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import register_parametrization

from rnnbench.errors import UserError, check_range
from rnnbench.network.cells.base import Cell
from rnnbench.network.cells.drawing import assign
from rnnbench.network.states import LSTMState


class SharedRows(nn.Module):
    """A parametrisation: row k of the whole is row ``rows[k]`` of the parameter, which holds every row once.

    Row j of the parameter is first seen in row ``first[j]`` of the whole.
    """

    rows: Tensor
    first: Tensor

    def __init__(self, rows: Tensor, first: Tensor) -> None:
        super().__init__()
        self.register_buffer("rows", rows, persistent=False)
        self.register_buffer("first", first, persistent=False)

    def forward(self, parameter: Tensor) -> Tensor:
        return parameter[self.rows]

    def right_inverse(self, whole: Tensor) -> Tensor:
        return whole[self.first]


class LSTM1997(Cell[LSTMState]):
    """The LSTM cell of 1997. Raises UserError unless ``hidden_size`` is a multiple of ``block_size``."""

    source = "Hochreiter & Schmidhuber 1997"
    paper = "init=paper"
    gates = ("input", "candidate", "output")
    recurrent_bias = False
    carries_h = False

    def __init__(self, input_size: int, hidden_size: int, block_size: int = 1) -> None:
        check_range("cell.block_size", block_size, at_least=1)
        if hidden_size % block_size:
            raise UserError(f"cell.block_size={block_size}: must divide network.hidden_size={hidden_size}")
        super().__init__(input_size, hidden_size)
        self.block_size = block_size
        if block_size > 1:
            blocks = hidden_size // block_size
            unit = torch.arange(hidden_size)
            leader = unit[::block_size]  # of each block
            rows = torch.cat([unit // block_size, blocks + unit, blocks + hidden_size + unit // block_size])
            first = torch.cat([leader, hidden_size + unit, 2 * hidden_size + leader])
            for projection, name in self._shared():
                register_parametrization(projection, name, SharedRows(rows, first))

    def draw_as_paper(self, t_max: float | None, last: bool) -> None:
        for projection, name in self._shared():
            assign(projection, name, torch.empty_like(getattr(projection, name)).uniform_(-0.1, 0.1))

    def step(self, state: LSTMState, drive: Tensor) -> LSTMState:
        y_in, net_c, y_out = (drive + self.recurrent_projection(state.h)).chunk(3, dim=-1)
        s = state.c + torch.sigmoid(y_in) * (4 * torch.sigmoid(net_c) - 2)
        return LSTMState(h=torch.sigmoid(y_out) * (2 * torch.sigmoid(s) - 1), c=s)

    def initial_state(self, batch: int) -> LSTMState:
        return LSTMState(h=self._zeros(batch), c=self._zeros(batch))

    def retention(self, state: LSTMState, drive: Tensor) -> Tensor:
        """Return 1: the constant error carousel keeps everything."""
        return torch.ones_like(state.c)

    def _shared(self) -> list[tuple[nn.Linear, str]]:
        """Return all parameters, whose rows the cells of a block share."""
        own, past = self.input_projection, self.recurrent_projection
        return [(own, "weight"), (own, "bias"), (past, "weight")]
