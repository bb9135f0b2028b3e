"""The mLSTM: exponential gates over a matrix memory, with a normaliser and a stabiliser.

Paper: Beck et al. 2024, "xLSTM: extended long short-term memory" (arXiv:2405.04517), eqs. 19-27 and appendix A.

    q, v = W_* x_t + b_*      k = (W_k x_t + b_k) / sqrt(K)      o = sigmoid(W_o x_t + b_o)
    C_t = f C_{t-1} + i k v^T      n_t = f n_{t-1} + i k      h_t = o * C_t^T q / max(|n_t . q|, 1)
    i = exp(i~), f = sigmoid(f~), each of w_* . x_t + b_*
    m_t = max(ln f + m_{t-1}, i~)      C and n are kept divided by exp(m_t): i' = exp(i~ - m_t) and
    f' = exp(ln f + m_{t-1} - m_t) instead of i and f, exp(-m_t) instead of 1; h_t stays the same

Shapes: x_t [B, I]; N heads, q, k, n [B, N, K]; v [B, N, V]; C [B, N, K, V]; m, i~, f~ [B, N]; o [B, N V]; the layer
above sees the heads' h_t side by side, [B, N V]. C_0 = n_0 = m_0 = 0.

Differs from the paper: the cell alone, without the convolution, norm and projections of its block. The paper's f may be
exp(f~) too; here as in the authors' code. Begins as in torch.nn; init=paper draws the gates as their code: no weights,
the forget biases from 3 in the first head to 6 in the last, the input biases N(0, .1).
"""

from __future__ import annotations

import math
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import logsigmoid

from rnnbench.network.cells.drawing import set_gate
from rnnbench.network.cells.matrix import Associations, LinearMatrixCell, outer, read


class MLSTMState(NamedTuple):
    """``C``: memory [B, N, K, V] and ``n``: normaliser [B, N, K], both over exp(``m``): stabiliser [B, N]."""

    C: Tensor
    n: Tensor
    m: Tensor


class MLSTM(LinearMatrixCell[MLSTMState]):
    """The mLSTM with N = ``heads``, K = ``key_size`` and V = ``value_size``, H / N by default."""

    source = "Beck et al. 2024"
    spectrum = "positive"
    paper = "init=paper"
    gates = ("query", "key", "value", "output", "input", "forget")
    memory_gates: ClassVar = {"forget": 1}

    @property
    def input_blocks(self) -> dict[str, int]:
        return super().input_blocks | {"output": self.heads * self.value_size}

    def draw_as_paper(self, t_max: float | None, last: bool) -> None:
        weights = self.input_projection.weight.split(list(self.input_blocks.values()))
        for gate in ("input", "forget"):
            nn.init.zeros_(weights[self.gates.index(gate)])
        set_gate(self, "forget", torch.linspace(3, 6, self.heads))
        set_gate(self, "input", 0.1 * torch.randn(self.heads))

    def associations(self, drive: Tensor) -> Associations:
        query, key, value, _, _, forget = self.parts(drive)
        counted = torch.cat([value, torch.ones_like(value[..., :1])], dim=-1)  # the last column of the memory is n
        return Associations(query, key * self.key_size**-0.5, counted, logsigmoid(forget))

    def step(self, state: MLSTMState, drive: Tensor) -> MLSTMState:
        _, k, v, _, i, f = self.parts(drive)
        k, i, log_f = k * self.key_size**-0.5, i[..., 0], logsigmoid(f[..., 0])
        m = torch.maximum(log_f + state.m, i)
        i, f = torch.exp(i - m)[..., None], torch.exp(log_f + state.m - m)[..., None]
        return MLSTMState(C=f[..., None] * state.C + outer(i * k, v), n=f * state.n + i * k, m=m)

    def over_time(self, drive: Tensor, state: MLSTMState) -> Associations:
        found = self.associations(drive)
        assert found.log_decay is not None
        total = found.log_decay.cumsum(dim=0)
        entry = self.parts(drive)[4]
        m = total + torch.maximum(state.m[..., None], (entry - total).cummax(dim=0).values)
        before = torch.cat([state.m[None, ..., None], m[:-1]])
        key = torch.exp(entry - m) * found.key
        return found._replace(key=key, log_decay=found.log_decay + before - m, log_scale=m)

    def memory(self, state: MLSTMState) -> Tensor:
        return torch.cat([state.C, state.n[..., None]], dim=-1)

    def emit(self, memory: Tensor, found: Associations) -> MLSTMState:
        assert found.log_scale is not None
        return MLSTMState(C=memory[..., :-1], n=memory[..., -1], m=found.log_scale[-1, ..., 0])

    def readout(self, state: MLSTMState, drive: Tensor) -> Tensor:
        query = self.parts(drive)[0]
        return self.output(read(self.memory(state), query), drive, state.m[..., None])

    def output(self, reading: Tensor, drive: Tensor, log_scale: Tensor | None = None) -> Tensor:
        assert log_scale is not None
        # beyond the limit the memory, or the 1, is nothing to the other
        limit = math.log(torch.finfo(log_scale.dtype).max) / 2
        weight = torch.maximum(reading[..., -1:].abs(), torch.exp((-log_scale).clamp(-limit, limit)))
        return torch.sigmoid(self.parts(drive)[3]).flatten(-2) * (reading[..., :-1] / weight).flatten(-2)

    def initial_state(self, batch: int) -> MLSTMState:
        zero = self.input_projection.weight.new_zeros(batch, self.heads, self.key_size, self.value_size)
        return MLSTMState(C=zero, n=zero[..., 0], m=zero[..., 0, 0])

    def retention(self, state: MLSTMState, drive: Tensor) -> Tensor:
        """Return f, the share of a head's memory that a step keeps: [B, N]."""
        return torch.sigmoid(self.parts(drive)[5]).flatten(1)
