"""The LSTM with peepholes: the vanilla LSTM of "a search space odyssey", and what each of its parts is worth.

Papers: Gers, Schraudolph & Schmidhuber 2002, "Learning precise timing with LSTM recurrent networks", JMLR 3 (the
peepholes); Greff et al. 2015, "LSTM: a search space odyssey" (arXiv:1503.04069), section II, whose y is h here.

    z = g(W_z x_t + R_z h_{t-1} + b_z)                            g = tanh
    i = sigmoid(W_i x_t + R_i h_{t-1} + p_i * c_{t-1} + b_i)      f likewise
    c_t = z * i + c_{t-1} * f
    o = sigmoid(W_o x_t + R_o h_{t-1} + p_o * c_t + b_o)
    h_t = h(c_t) * o                                              h = tanh

Shapes: x_t [B, I]; h_t, c_t and the peepholes p [H]. ``ablation`` removes one part, as their eight variants do (the
eighth, full gate recurrence, has a state of its own: ``lstm_full_gate``): without a gate, the gate is 1 and has no
parameters; without an activation, g or h is the identity; ``coupled`` is f = 1 - i. One bias, as they
count parameters.

By default peepholes begin as N(0, .1^2), as in Greff et al., and the rest as in torch.nn. init=paper draws the matrices
from N(0, .1^2) too, with zero biases.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from rnnbench.errors import check_choice
from rnnbench.network.cells.base import Cell
from rnnbench.network.states import LSTMState

ABSENT_GATE = {
    "none": None,
    "no_peepholes": None,
    "no_input_gate": "input",
    "no_forget_gate": "forget",
    "no_output_gate": "output",
    "no_input_activation": None,
    "no_output_activation": None,
    "coupled": "forget",
}
"""The ablations, and the gate that has no parameters."""


class PeepholeLSTM(Cell[LSTMState]):
    """The LSTM cell with peepholes; ``ablation`` is a key of ABSENT_GATE. Raises UserError for any other name."""

    source = "Gers et al. 2002, Greff et al. 2015"
    paper = "init=paper"
    carries_h = False
    recurrent_bias = False

    def __init__(self, input_size: int, hidden_size: int, ablation: str = "none") -> None:
        check_choice("cell.ablation", ablation, ABSENT_GATE)
        self.gates = tuple(g for g in ("input", "forget", "candidate", "output") if g != ABSENT_GATE[ablation])
        super().__init__(input_size, hidden_size)
        self.ablation = ablation
        sighted = [gate for gate in self.gates if gate != "candidate" and ablation != "no_peepholes"]
        self.peephole = nn.ParameterDict({gate: 0.1 * torch.randn(hidden_size) for gate in sighted})
        self.g = nn.Identity() if ablation == "no_input_activation" else nn.Tanh()
        self.h = nn.Identity() if ablation == "no_output_activation" else nn.Tanh()

    @property  # without a forget gate nothing is forgotten, and no gate decides how long the memory lasts
    def memory_gates(self) -> Mapping[str, int]:  # type: ignore[override]
        return {} if self.ablation == "no_forget_gate" else {"forget": 1, "input": -1}

    def draw_as_paper(self, t_max: float | None, last: bool) -> None:
        nn.init.normal_(self.input_projection.weight, std=0.1)
        nn.init.zeros_(self.input_projection.bias)
        nn.init.normal_(self.recurrent_projection.weight, std=0.1)

    def step(self, state: LSTMState, drive: Tensor) -> LSTMState:
        sums = self._sums(state, drive)
        i, f = self._input_and_forget(sums, state.c)
        c = self.g(sums["candidate"]) * i + state.c * f
        return LSTMState(h=self.h(c) * self._gate("output", sums, c), c=c)

    def initial_state(self, batch: int) -> LSTMState:
        return LSTMState(h=self._zeros(batch), c=self._zeros(batch))

    def retention(self, state: LSTMState, drive: Tensor) -> Tensor:
        """Return the forget gate f."""
        return self._input_and_forget(self._sums(state, drive), state.c)[1]

    def _sums(self, state: LSTMState, drive: Tensor) -> dict[str, Tensor]:
        """Return W x_t + R h_{t-1} + b of every gate."""
        return dict(
            zip(self.gates, (drive + self.recurrent_projection(state.h)).chunk(len(self.gates), -1), strict=True)
        )

    def _input_and_forget(self, sums: dict[str, Tensor], c: Tensor) -> tuple[Tensor, Tensor]:
        i = self._gate("input", sums, c)
        return i, 1 - i if self.ablation == "coupled" else self._gate("forget", sums, c)

    def _gate(self, gate: str, sums: dict[str, Tensor], c: Tensor) -> Tensor:
        """Return a gate that looks at ``c``; 1 where it was removed."""
        if gate not in sums:
            return torch.ones_like(c)
        return torch.sigmoid(sums[gate] + self.peephole[gate] * c if gate in self.peephole else sums[gate])
