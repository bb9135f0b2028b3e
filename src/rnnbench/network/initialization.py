"""Initial distributions for the input, the recurrent and the bias parameters of a cell, each chosen by name.

A distribution fills one gate's block of rows at a time, so that ``orthogonal`` makes every gate's H x H block
orthogonal, not the stack of them; then a scale multiplies it. ``default`` leaves what the cell's constructor drew.

    uniform             U(-1/sqrt(H), 1/sqrt(H)), that of torch.nn
    flat                U(-1, 1): the scale is the bound, as in Hochreiter & Schmidhuber 1997
    gaussian            N(0, 1): the scale is the standard deviation
    glorot, glorot_normal   Glorot & Bengio 2010, eq. 16
    he                  He et al. 2015 (arXiv:1502.01852), eq. 10
    orthogonal          Saxe, McClelland & Ganguli 2014 (arXiv:1312.6120)
    identity            Le, Jaitly & Hinton 2015 (arXiv:1504.00941); with a scale below 1 their scaled identity
    henaff              2 x 2 rotations by U(-pi, pi), Henaff, Szlam & LeCun 2016 (arXiv:1602.06662)
    cayley              2 x 2 rotations by U(0, pi/2), Helfrich, Willmott & Ye 2018 (arXiv:1707.09520), section 3.2
    sparse              15 weights a unit, N(0, 1), Sutskever et al. 2013; the scale is the spectral radius
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from rnnbench.errors import UserError, check_choice
from rnnbench.extensions import load, one_line
from rnnbench.network.cells import Cell
from rnnbench.network.cells.drawing import assign, chrono, set_gate
from rnnbench.network.cells.orthogonal import Orthogonal, rotations

Distribution = Callable[[Tensor, int], object]
"""Fills one gate's block in place: a matrix [H, I] or [H, H], or a bias [H]; the second argument is H."""

SPARSE_WEIGHTS = 15


def _sparse(block: Tensor) -> None:
    chosen = torch.rand_like(block).argsort(dim=1) < SPARSE_WEIGHTS
    block.normal_().mul_(chosen)
    block.div_(torch.linalg.eigvals(block).abs().max())


INITS: dict[str, Distribution] = {
    "cayley": lambda block, hidden: rotations(block, 0, math.pi / 2),
    "flat": lambda block, hidden: nn.init.uniform_(block, -1, 1),
    "gaussian": lambda block, hidden: nn.init.normal_(block),
    "glorot": lambda block, hidden: nn.init.xavier_uniform_(block),
    "glorot_normal": lambda block, hidden: nn.init.xavier_normal_(block),
    "he": lambda block, hidden: nn.init.kaiming_normal_(block),
    "henaff": lambda block, hidden: rotations(block, -math.pi, math.pi),
    "identity": lambda block, hidden: nn.init.eye_(block),
    "orthogonal": lambda block, hidden: nn.init.orthogonal_(block),
    "sparse": lambda block, hidden: _sparse(block),
    "uniform": lambda block, hidden: nn.init.uniform_(block, -(hidden**-0.5), hidden**-0.5),
    "zero": lambda block, hidden: nn.init.zeros_(block),
}

DEFAULT = "default"
SQUARE_ONLY = {"cayley", "henaff", "sparse"}  # defined for recurrent matrices only
RECURRENT_INITS = (DEFAULT, *INITS)
INPUT_INITS = (DEFAULT, *(name for name in INITS if name not in SQUARE_ONLY))
BIAS_INITS = (DEFAULT, "flat", "gaussian", "uniform", "zero")  # the others are defined for matrices only


def _uniform_gate(hidden: int) -> Tensor:
    """Draw gates that start uniform in (1/H, 1 - 1/H) (Gu et al. 2020, arXiv:1910.09890, section 3.1)."""
    if hidden < 2:
        raise UserError("init.memory=uniform_gate: needs a width of at least 2, network.hidden_size=2")
    return torch.empty(hidden).uniform_(1 / hidden, 1 - 1 / hidden).logit()


MEMORY_INITS = (DEFAULT, "chrono", "uniform_gate")


@torch.no_grad()
def initialize(
    cell: Cell[Any],
    input: str = DEFAULT,
    recurrent: str = DEFAULT,
    bias: str = DEFAULT,
    *,
    paper: bool = False,
    input_scale: float = 1.0,
    recurrent_scale: float = 1.0,
    bias_scale: float = 1.0,
    gate_bias: Mapping[str, float] | None = None,
    memory: str = DEFAULT,
    t_max: float | None = None,
    last: bool = True,
    target: str | None = None,
    arguments: Mapping[str, Any] | None = None,
) -> None:
    """Draw a cell's parameters in place from torch's global generator.

    With ``paper`` first as the cell's paper does, in the last layer or, by ``last``, in another. ``gate_bias`` sets
    gates by name to a pre-activation at zero input and zero state, the sum of their two biases; ``memory`` (chrono up
    to ``t_max`` steps, or uniform_gate) does so for the gates that decide how long the memory lasts. At last comes the
    function called ``target`` with the cell and ``arguments``. Raises UserError for an unknown name, and for what the
    cell does not have.
    """
    check_choice("init.input", input, INPUT_INITS)
    check_choice("init.recurrent", recurrent, RECURRENT_INITS)
    check_choice("init.bias", bias, BIAS_INITS)
    check_choice("init.memory", memory, MEMORY_INITS)
    if paper:
        cell.draw_as_paper(t_max, last)
    if input != DEFAULT:
        if not cell.gates:
            raise UserError(f"init.input={input}: the cell {type(cell).__name__} says nothing of its parameters; "
                            "use init=default")  # fmt: skip
        _fill(cell.input_projection, "weight", INITS[input], cell.input_blocks.values(), input_scale)
    if recurrent != DEFAULT:
        if not cell.recurrent_gates:
            raise UserError(
                f"init.recurrent={recurrent}: the cell {type(cell).__name__} has no recurrent matrix; "
                "use init.recurrent=default"
            )
        _fill(cell.recurrent_projection, "weight", INITS[recurrent], _recurrent_rows(cell), recurrent_scale)
        weight = cell.recurrent_projection.weight
        if isinstance(cell, Orthogonal) and torch.linalg.matrix_rank(weight) < len(weight):
            raise UserError(
                f"init.recurrent={recurrent}: a singular matrix has no orthogonal factor, which cell=orthogonal needs; "
                "use another distribution"
            )
    if bias != DEFAULT:
        for projection, rows in _biased(cell):
            _fill(projection, "bias", INITS[bias], rows, bias_scale)
    if memory != DEFAULT:
        _set_memory(cell, memory, t_max)
    for gate, value in (gate_bias or {}).items():
        _check_gate(cell, f"init.gate_bias.{gate}={value}", gate)
        set_gate(cell, gate, torch.full((cell.input_blocks[gate],), float(value)))
    if target is not None:
        _draw_own(cell, target, arguments or {})


def _draw_own(cell: Cell[Any], target: str, arguments: Mapping[str, Any]) -> None:
    """Call the function ``target``, which draws parameters in place."""
    draw = load("init._target_", target, "function")
    try:
        draw(cell, **arguments)
    except UserError:
        raise
    except Exception as error:  # external code can raise anything
        raise UserError(
            f"init._target_={target}: cannot draw the cell {type(cell).__name__} ({one_line(error)})"
        ) from error


def _fill(projection: nn.Linear, name: str, distribution: Distribution, rows: Iterable[int], scale: float) -> None:
    """Draw a parameter gate by gate, in blocks of ``rows``."""
    values = torch.empty_like(getattr(projection, name))
    for block in values.split(list(rows)):
        distribution(block, len(block))
    assign(projection, name, values.mul_(scale))


def _recurrent_rows(cell: Cell[Any]) -> list[int]:
    return [cell.hidden_size] * len(cell.recurrent_gates)


def _biased(cell: Cell[Any]) -> list[tuple[nn.Linear, Iterable[int]]]:
    """Return the projections that have a bias, and the rows of their blocks."""
    projections: list[tuple[nn.Linear, Iterable[int]]] = []
    if cell.gates:
        projections.append((cell.input_projection, cell.input_blocks.values()))
    if cell.recurrent_gates:
        projections.append((cell.recurrent_projection, _recurrent_rows(cell)))
    return [(projection, rows) for projection, rows in projections if projection.bias is not None]


def _set_memory(cell: Cell[Any], memory: str, t_max: float | None) -> None:
    gates = {gate: sign for gate, sign in cell.memory_gates.items() if gate in cell.gates}
    if not gates:
        raise UserError(f"init.memory={memory}: the cell {type(cell).__name__} has no gate that keeps its memory")
    key = f"init.memory={memory}"
    rows = cell.input_blocks[next(iter(gates))]
    keep = chrono(rows, t_max, key) if memory == "chrono" else _uniform_gate(rows)
    for gate, sign in gates.items():
        _check_gate(cell, key, gate)
        set_gate(cell, gate, sign * keep)


def _check_gate(cell: Cell[Any], key: str, gate: str) -> None:
    if gate not in cell.gates or not cell.input_bias:
        raise UserError(
            f"{key}: the cell {type(cell).__name__} has no gate '{gate}', only {', '.join(cell.gates)}; "
            "use another init"
        )
