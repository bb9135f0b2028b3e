"""The orthogonal network: its recurrent matrix stays orthogonal, because its parameters can say nothing else.

Papers: Lezcano-Casado & Martinez-Rubio 2019, "Cheap orthogonal constraints in neural networks" (arXiv:1901.08428,
expRNN) for the map ``matrix_exp``; Helfrich, Willmott & Ye 2018, "Orthogonal recurrent neural networks with scaled
Cayley transform" (arXiv:1707.09520, scoRNN) for ``cayley``.

    h_t = f(W h_{t-1} + V x_t + a),      W = W_0 map(A),      A = L - L^T with L lower triangular
    matrix_exp: exp(A)      cayley: (1 - A/2)^-1 (1 + A/2)

W_0 is fixed and A begins at zero, so W begins at W_0: 2 x 2 rotations by U(-pi, pi) (Henaff, Szlam & LeCun 2016) for
matrix_exp, by U(0, pi/2) for cayley, as in the papers' experiments. V begins as Glorot & Bengio 2010, a at zero, the
bias of modReLU as U(-.01, .01). Shapes: x_t [B, I], h_t [B, H]. Differs from the papers: the parametrisation is
torch.nn.utils.parametrizations.orthogonal, Lezcano-Casado's trivialisation around W_0 (arXiv:1909.09501), in which W_0
also takes the part of scoRNN's signs D; one learning rate for all; the additive bias a; f may be tanh, relu or linear.

What an init draws for W is replaced by its orthogonal factor Q of W = QR, with positive diagonal of R: a scale has no
effect, and a singular matrix is an error. ``parametrizations.weight.original`` counts H^2 parameters; the H (H + 1) / 2
on and above its diagonal are without effect.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import orthogonal

from rnnbench.errors import UserError, check_choice
from rnnbench.network.cells.base import Cell
from rnnbench.network.cells.elman import NONLINEARITIES
from rnnbench.network.cells.modrelu import modrelu, modrelu_bias
from rnnbench.network.states import HState

FIRST_ANGLES = {"matrix_exp": (-math.pi, math.pi), "cayley": (0.0, math.pi / 2)}
"""The range of the rotation angles that W begins with, for each map."""


@torch.no_grad()
def rotations(block: Tensor, least: float, most: float) -> None:
    """Make ``block`` a diagonal of 2 x 2 rotations by angles from U(least, most); an odd last unit keeps itself."""
    pairs = len(block) // 2
    angles = torch.empty(pairs).uniform_(least, most)
    cosine, sine = angles.cos(), angles.sin()
    turns = torch.stack([cosine, -sine, sine, cosine], dim=-1).view(pairs, 2, 2)
    block.copy_(torch.block_diag(*turns, *torch.ones(len(block) % 2, 1)))


class Orthogonal(Cell[HState]):
    """The cell whose recurrent matrix is orthogonal by its ``map``, ``matrix_exp`` or ``cayley``.

    ``nonlinearity`` is ``modrelu``, ``tanh``, ``relu`` or ``linear``. Raises UserError for any other name.
    """

    source = "Lezcano-Casado & Martinez-Rubio 2019, Helfrich et al. 2018"
    gates = ("hidden",)
    recurrent_bias = False
    carries_h = False

    def __init__(
        self, input_size: int, hidden_size: int, map: str = "matrix_exp", nonlinearity: str = "modrelu"
    ) -> None:
        check_choice("cell.map", map, FIRST_ANGLES)
        check_choice("cell.nonlinearity", nonlinearity, ["linear", "modrelu", *NONLINEARITIES])
        super().__init__(input_size, hidden_size)
        self.nonlinearity = nonlinearity
        self.linear = nonlinearity == "linear"
        nn.init.xavier_uniform_(self.input_projection.weight)
        nn.init.zeros_(self.input_projection.bias)
        rotations(self.recurrent_projection.weight, *FIRST_ANGLES[map])
        if not self.recurrent_projection.weight.is_meta:  # shapes alone: they are the same, and W_0 cannot be checked
            orthogonal(self.recurrent_projection, orthogonal_map=map)
        if nonlinearity == "modrelu":
            self.modrelu_bias = modrelu_bias(hidden_size)

    def project(self, inputs: Tensor) -> Tensor:
        """Return the drive, as any cell.

        Raises UserError for parameters of half precision, in which the map does not exist.
        """
        dtype = self.input_projection.weight.dtype
        if dtype.itemsize < torch.float32.itemsize:
            raise UserError(
                f"cell=orthogonal cannot run in {dtype}: its matrix would not be orthogonal; keep its parameters in "
                "float32 (precision=bf16-mixed instead of bf16-true)"
            )
        return super().project(inputs)

    def step(self, state: HState, drive: Tensor) -> HState:
        return HState(h=self.activate(drive + self.recurrent_projection(state.h)))

    def activate(self, values: Tensor) -> Tensor:
        """Return the nonlinearity f."""
        if self.nonlinearity == "modrelu":
            return modrelu(values, self.modrelu_bias)
        return values if self.nonlinearity == "linear" else NONLINEARITIES[self.nonlinearity](values)

    def initial_state(self, batch: int) -> HState:
        return HState(h=self._zeros(batch))
