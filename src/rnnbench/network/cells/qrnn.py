"""The quasi-recurrent network: gates of the input, and a recurrent pooling without weights.

Paper: Bradbury, Merity, Xiong & Socher 2017, "Quasi-recurrent neural networks" (arXiv:1611.01576), section 2.

    z_t = tanh(W_z x_t + b_z)        f_t, o_t, i_t = sigmoid(W_* x_t + b_*)
    fo:  c_t = f_t * c_{t-1} + (1 - f_t) * z_t        h_t = o_t * c_t
    ifo: c_t = f_t * c_{t-1} + i_t * z_t              h_t = o_t * c_t

Shapes: x_t [B, I]; h_t, c_t [B, H]. Differs from the paper: its convolutions have width 1, so that a step knows x_t
alone and all cells see the same input; its f-pooling is ``fo`` without the output gate, and left out.

Begins as in torch.nn, with init=paper too.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from rnnbench.errors import check_choice
from rnnbench.network.cells.base import LinearCell
from rnnbench.network.states import LSTMState

POOLINGS = {
    "fo": ("candidate", "forget", "output"),
    "ifo": ("candidate", "forget", "output", "input"),
}


class QRNN(LinearCell[LSTMState]):
    """The QRNN; ``pooling`` is ``fo`` or ``ifo``. Raises UserError for any other name."""

    source = "Bradbury et al. 2017"
    spectrum = "positive"
    memory_gates: ClassVar = {"forget": 1, "input": -1}

    def __init__(self, input_size: int, hidden_size: int, pooling: str = "fo") -> None:
        check_choice("cell.pooling", pooling, POOLINGS)
        self.gates = POOLINGS[pooling]
        super().__init__(input_size, hidden_size)

    def coefficients(self, drive: Tensor) -> tuple[Tensor, Tensor]:
        candidate, forget, _, *entry = drive.split(self.hidden_size, dim=-1)
        f = torch.sigmoid(forget)
        i = torch.sigmoid(entry[0]) if entry else 1 - f
        return f, i * torch.tanh(candidate)

    def memory(self, state: LSTMState) -> Tensor:
        return state.c

    def emit(self, memory: Tensor, drive: Tensor) -> LSTMState:
        output = drive.split(self.hidden_size, dim=-1)[2]
        return LSTMState(h=torch.sigmoid(output) * memory, c=memory)

    def initial_state(self, batch: int) -> LSTMState:
        return LSTMState(h=self._zeros(batch), c=self._zeros(batch))

    def retention(self, state: LSTMState, drive: Tensor) -> Tensor:
        """Return the forget gate f."""
        return self.coefficients(drive)[0]
