"""Which cells can count: an LSTM and a rectified network without limit, a GRU and a tanh network only so far.

Weiss, Goldberg & Yahav 2018, "On the practical computational power of finite precision RNNs for language recognition"
(arXiv:1805.04908): at finite precision LSTM and ReLU networks recognise a^n b^n for every n, because
their states are unbounded counters; those of a tanh network and a GRU stay in (-1, 1), where a grid of finite precision
holds finitely many values. Here that grid has steps of 2^-8, the resolution of bfloat16 below 1: after each step every
part of a state is rounded to it. One unit then has 2^9 + 1 values, so it counts to at most 512.

Measured on the suite's cells in float32, as users run them, with constructed weights, among 4 units with random ones.
Counters: a cell state that gates of 1 leave alone and a candidate of +-1 changes; two rectified units, one a symbol,
whose difference is read. A tanh network counts by h = tanh(w h + u) for an a and tanh(w h - v) for a b; the GRU can do
so too, its update gate open, or let its gates depend on h. For these two the best of 256 random single units is taken,
whatever threshold reads it. Strings: a^n b^n and the near misses a^(n+1) b^n, a^n b^(n+1). Numbers:

    lstm errors, relu errors                    of 3000 strings, n = 1 .. 1000: 0
    lstm errors on the grid, relu errors on the grid    the same with states on the grid: 0
    tanh counts to, gru counts to               the largest N for which all strings with n <= N are told apart, on the
                                                grid, tried up to 256
    tanh errors tiny step, gru errors tiny step    of 3000 strings, w = 1 and u = v = 2^-40 in float32 without the grid:
                                                0, for a floating-point number is finer near 0, and its 24 bits count

The last line is no contradiction: it says that the theorem rests on a fixed resolution, which float32 is not.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from rnnbench.laws.parts import drawing, silence_biases
from rnnbench.network.cells import GRU, LSTM, Cell, Elman
from rnnbench.network.states import map_state

LONGEST = 1000
TRIED = 256
BITS = 8
TINY = 2.0**-40
UNITS = 4
CANDIDATES = 256
AT_ONCE = 32
"""Candidates in one network: its recurrent matrix is diagonal, and costs the square."""
OPEN = 30.0
"""A pre-activation whose sigmoid and tanh are 1 in float32."""


class Endings(NamedTuple):
    """What is read after the strings with n = 1 .. N, each [N, H]."""

    equal: Tensor
    """After a^n b^n."""
    fewer: Tensor
    """After a^(n+1) b^n."""
    more: Tensor
    """After a^n b^(n+1)."""


def measure(seed: int) -> dict[str, float]:
    """Return the errors of the counters and how far the bounded cells count."""
    with drawing(seed):
        lstm, relu = _lstm(), _relu()
        bounded: dict[str, list[Cell[Any]]] = {
            "tanh": [_tanh_candidates() for _ in range(CANDIDATES // AT_ONCE)],
            "gru": [_gru_candidates() for _ in range(CANDIDATES // AT_ONCE)],
        }
        tiny: dict[str, Cell[Any]] = {"tanh": _tanh(torch.ones(1), torch.full((2, 1), TINY)), "gru": _gru(_tiny_gru())}
    found = {}
    for suffix, grid in (("", None), (" on the grid", BITS)):
        counter, pair = _endings(lstm, LONGEST, grid), _endings(relu, LONGEST, grid)
        found[f"lstm errors{suffix}"] = _errors(Endings(*[h[:, 0] for h in counter]), 0.5)
        found[f"relu errors{suffix}"] = _errors(Endings(*[h[:, 0] - h[:, 1] for h in pair]), 0.5)
    for name, cells in bounded.items():
        found[f"{name} counts to"] = max(_counted(_endings(cell, TRIED, BITS)) for cell in cells)
        found[f"{name} errors tiny step"] = _errors(_endings(tiny[name], LONGEST, None), TINY / 2)
    return found


@torch.no_grad()
def _endings(cell: Cell[Any], longest: int, grid: int | None) -> Endings:
    """Return h of ``cell`` after the strings; with ``grid`` its states are rounded to multiples of 2^-grid."""

    def step(state: Any, drive: Tensor) -> Any:
        after = cell.step(state, drive)
        return after if grid is None else map_state(lambda part: (part * 2**grid).round() / 2**grid, after)

    a, b = cell.project(torch.eye(2)[:, None]).unbind()
    state, prefixes = cell.initial_state(1), []
    for _ in range(longest + 1):
        state = step(state, a)
        prefixes.append(state)
    state = map_state(lambda *parts: torch.cat(parts), *prefixes)  # row n - 1: after a^n
    equal, fewer, more = [], [], []
    for n in range(1, longest + 2):
        state = step(state, b.expand(longest + 1, -1))
        if n <= longest:
            equal.append(state.h[n - 1])
            fewer.append(state.h[n])
        if n > 1:
            more.append(state.h[n - 2])
    return Endings(torch.stack(equal), torch.stack(fewer), torch.stack(more))


def _errors(read: Endings, threshold: float) -> float:
    """Return how many strings are wrong where abs(what is read) < ``threshold`` accepts."""
    accepted = Endings(*(values.abs() < threshold for values in read))
    return float((~accepted.equal).sum() + accepted.fewer.sum() + accepted.more.sum())


def _counted(read: Endings) -> float:
    """Return the largest N for which thresholds tell all strings with n <= N apart, of the best unit."""
    below = read.equal.cummax(dim=0).values < read.fewer.cummin(dim=0).values
    above = read.equal.cummin(dim=0).values > read.more.cummax(dim=0).values
    return float((below & above).int().cumprod(dim=0).sum(dim=0).max())


@torch.no_grad()
def _lstm() -> LSTM:
    cell = LSTM(2, UNITS)
    first = torch.arange(len(cell.gates)) * UNITS  # unit 0 of each gate
    cell.recurrent_projection.weight[first] = 0
    for projection in (cell.input_projection, cell.recurrent_projection):
        projection.bias[first] = OPEN / 2
    cell.input_projection.weight[first] = 0
    candidate = UNITS * cell.gates.index("candidate")
    cell.input_projection.bias[candidate] = cell.recurrent_projection.bias[candidate] = 0
    cell.input_projection.weight[candidate] = torch.tensor([OPEN, -OPEN])
    return cell


@torch.no_grad()
def _relu() -> Elman:
    cell = Elman(2, UNITS, nonlinearity="relu")
    for projection in (cell.input_projection, cell.recurrent_projection):
        projection.bias[:2] = 0
        projection.weight[:2] = torch.eye(2, projection.in_features)
    return cell


def _tanh_candidates() -> Elman:
    return _tanh(*_loops())


def _loops() -> tuple[Tensor, Tensor]:
    """Draw w around 1, and u and v, a few steps of the grid: [N] and [2, N]."""
    size = 2.0**-BITS * torch.empty(AT_ONCE).uniform_(0, 3).exp2()
    return torch.empty(AT_ONCE).uniform_(0.98, 1.08), torch.stack(
        [size, size * torch.empty(AT_ONCE).uniform_(0.9, 1.1)]
    )


@torch.no_grad()
def _tanh(loop: Tensor, steps: Tensor) -> Elman:
    """Return units that go to tanh(w h + u) on an a and tanh(w h - v) on a b: ``loop`` w [N], ``steps`` u, v [2, N]."""
    cell = Elman(2, len(loop))
    silence_biases(cell)
    cell.recurrent_projection.weight.copy_(loop.diag())
    cell.input_projection.weight.copy_(torch.stack([steps[0], -steps[1]], dim=1))
    return cell


class Gates(NamedTuple):
    """A GRU of single units: each gate's weight by h [N], by a and by b [2, N], and its bias [N]."""

    loops: dict[str, Tensor]
    moves: dict[str, Tensor]
    biases: dict[str, Tensor]


@torch.no_grad()
def _gru(gates: Gates) -> GRU:
    loops, moves, biases = (torch.cat([part[gate] for gate in GRU.gates], dim=-1) for part in gates)
    cell = GRU(2, len(loops) // len(GRU.gates))
    silence_biases(cell)
    cell.recurrent_projection.weight.copy_(torch.cat([part.diag() for part in loops.split(cell.hidden_size)]))
    cell.input_projection.weight.copy_(moves.T)
    cell.input_projection.bias.copy_(biases)
    return cell


def _tiny_gru() -> Gates:
    zero, still, wide = torch.zeros(1), torch.zeros(2, 1), torch.full((1,), OPEN)
    moves = torch.tensor([[TINY], [-TINY]])
    return Gates(
        {"reset": zero, "update": zero, "candidate": torch.ones(1)},
        {"reset": still, "update": still, "candidate": moves},
        {"reset": wide, "update": wide, "candidate": zero},
    )


def _gru_candidates() -> GRU:
    """Draw units of three kinds: the tanh network's, one whose reset gate grows with h, one that moves towards +-1."""
    w, steps = _loops()
    kind = torch.randint(3, (AT_ONCE,))
    reset_bias, reset_loop = torch.empty(AT_ONCE).uniform_(0, 4), torch.empty(AT_ONCE).uniform_(0, 3)
    update_bias, update_loop = torch.empty(AT_ONCE).uniform_(-6, -2), torch.empty(AT_ONCE).uniform_(-1, 3)
    zero, wide = torch.zeros(AT_ONCE), torch.full((AT_ONCE,), OPEN)
    still = torch.zeros(2, AT_ONCE)
    signs = torch.tensor([[1.0], [-1.0]])
    loops = {
        "reset": torch.where(kind == 1, reset_loop, zero),
        "update": torch.where(kind == 2, update_loop, zero),
        "candidate": torch.stack([w, w / torch.sigmoid(reset_bias), zero])[kind, torch.arange(AT_ONCE)],
    }
    biases = {
        "reset": torch.where(kind == 1, reset_bias, wide),
        "update": torch.where(kind == 2, update_bias, wide),
        "candidate": zero,
    }
    moves = torch.where(kind == 2, OPEN, steps) * signs
    return _gru(Gates(loops, {"reset": still, "update": still, "candidate": moves}, biases))
