"""The IRNN: an Elman network of rectified linear units that begins as a copy of its past.

Paper: Le, Jaitly & Hinton 2015, "A simple way to initialize recurrent networks of rectified linear units"
(arXiv:1504.00941).

    h_t = relu(W_xh x_t + b_xh + W_hh h_{t-1} + b_hh),      W_hh = 1, W_xh ~ N(0, .001^2), b = 0 at the start

Without input the network keeps its state, and the gradient of an active unit is constant over time, until training
moves W_hh. Shapes: x_t [B, I], h_t [B, H]. Differs from the paper: two biases are kept, as in torch.nn.RNN. With a
scale below 1, init.recurrent=identity, it is the paper's scaled identity for tasks of less memory.

Begins as the paper says, with init=paper too.
"""

from __future__ import annotations

from torch import nn

from rnnbench.network.cells.elman import Elman


class IRNN(Elman):
    """The Elman cell with ReLU, drawn as the paper says; only its initial values differ."""

    source = "Le et al. 2015"

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size, nonlinearity="relu")
        nn.init.normal_(self.input_projection.weight, std=0.001)
        nn.init.eye_(self.recurrent_projection.weight)
        nn.init.zeros_(self.input_projection.bias)
        nn.init.zeros_(self.recurrent_projection.bias)
