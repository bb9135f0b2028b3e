"""Initial distributions for the input, the recurrent and the bias parameters of a cell, each chosen by name.

A distribution fills one gate's block of rows at a time, so that ``orthogonal`` makes every gate's H x H block
orthogonal, not the stack of them. Sources: ``uniform`` is torch.nn's U(-1/sqrt(H), 1/sqrt(H)); ``glorot`` Glorot &
Bengio 2010, eq. 16; ``orthogonal`` Saxe, McClelland & Ganguli 2014 (arXiv:1312.6120); ``identity`` and ``small`` (sd
.001) Le, Jaitly & Hinton 2015 (arXiv:1504.00941); a forget-gate bias of one Gers et al. 2000, Jozefowicz et al. 2015.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from rnnbench.cells import Cell
from rnnbench.errors import UserError, check_choice

Distribution = Callable[[Tensor, int], object]
"""Fills one gate's block in place: a matrix [H, I] or [H, H], or a bias [H]; the second argument is H."""

INITS: dict[str, Distribution] = {
    "glorot": lambda block, hidden: nn.init.xavier_uniform_(block),
    "identity": lambda block, hidden: nn.init.eye_(block),
    "orthogonal": lambda block, hidden: nn.init.orthogonal_(block),
    "small": lambda block, hidden: nn.init.normal_(block, std=0.001),
    "uniform": lambda block, hidden: nn.init.uniform_(block, -(hidden**-0.5), hidden**-0.5),
    "zero": lambda block, hidden: nn.init.zeros_(block),
}

MATRIX_INITS = tuple(INITS)
BIAS_INITS = ("small", "uniform", "zero")  # the others are defined for matrices only


@torch.no_grad()
def initialize(cell: Cell[Any], input: str, recurrent: str, bias: str, forget_bias: float | None = None) -> None:
    """Draws a cell's parameters in place from torch's global generator.

    ``forget_bias`` sets the forget gate's pre-activation at zero input and zero state: the sum of its two biases.
    Raises UserError for an unknown distribution, and for ``forget_bias`` on a cell without a forget gate.
    """
    check_choice("init.input", input, MATRIX_INITS)
    check_choice("init.recurrent", recurrent, MATRIX_INITS)
    check_choice("init.bias", bias, BIAS_INITS)
    gates = len(cell.gates)
    for projection, name in ((cell.input_projection, input), (cell.recurrent_projection, recurrent)):
        for block in projection.weight.chunk(gates):
            INITS[name](block, cell.hidden_size)
        for block in projection.bias.chunk(gates):
            INITS[bias](block, cell.hidden_size)
    if forget_bias is not None:
        if "forget" not in cell.gates:
            raise UserError(
                f"init.forget_bias={forget_bias}: the cell {type(cell).__name__} has no forget gate; use another init"
            )
        index = cell.gates.index("forget")
        cell.input_projection.bias.chunk(gates)[index].fill_(forget_bias)
        cell.recurrent_projection.bias.chunk(gates)[index].zero_()
