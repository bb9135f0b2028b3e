"""The contract of a recurrent cell: how its past enters its present, one step at a time.

Axis letters: T time, B batch, I input, H hidden, G gates. A cell says *what* a step computes; how it is run over time
is an engine (``rnnbench.network.engines``), in which direction and depth a layer (``rnnbench.network.layers``).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from typing import ClassVar, Generic, NamedTuple, Protocol, TypeVar

import torch
from torch import Tensor, nn
from torch.nn.functional import linear


class State(Protocol):
    """A NamedTuple of tensors, mostly [B, H], in general [B, *] of any shape. The first field is always ``h``."""

    @property
    def h(self) -> Tensor: ...

    def __iter__(self) -> Iterator[Tensor]: ...


class HState(NamedTuple):
    """The state of a cell that carries one vector. ``h``: [B, H]."""

    h: Tensor


class LSTMState(NamedTuple):
    """The state of an LSTM. ``h``: hidden state [B, H]; ``c``: cell state [B, H]."""

    h: Tensor
    c: Tensor


class HZState(NamedTuple):
    """The state of two coupled differential equations. ``h``: the paper's y [B, H]; ``z``: its companion [B, H]."""

    h: Tensor
    z: Tensor


S = TypeVar("S", bound=State)


def map_state(function: Callable[..., Tensor], first: S, *others: S) -> S:
    """The state whose parts are ``function`` of the corresponding parts of the given states."""
    return type(first)(*map(function, first, *others))


def select_state(chosen: Tensor, new: S, old: S) -> S:
    """The state of ``new`` for the sequences that ``chosen`` [B] marks, and of ``old`` for the others."""

    def part(one: Tensor, other: Tensor) -> Tensor:
        return torch.where(chosen.reshape(len(chosen), *[1] * (one.dim() - 1)), one, other)

    return map_state(part, new, old)


class Cell(nn.Module, ABC, Generic[S]):
    """One recurrent cell: ``project`` everything that does not depend on the past, then ``step`` through time.

    A cell has up to two ``torch.nn.Linear``: ``input_projection`` (I -> G*H) and ``recurrent_projection`` (H -> G*H),
    in blocks of H rows, one a gate. Their parameters begin as U(-1/sqrt(H), 1/sqrt(H)), as in torch.nn; a cell whose
    paper says otherwise draws them anew in its constructor, and so it does with parameters of any other kind.
    """

    source: ClassVar[str]
    """The paper, by authors and year."""
    paper: ClassVar[str] = ""
    """The overrides on the command line with which the cell is the paper's; none where its defaults are, or where the
    paper leaves open what they decide."""
    gates: tuple[str, ...]
    """The names of the row blocks of ``input_projection``, in order."""
    input_bias: ClassVar[bool] = True
    """Whether ``input_projection`` has a bias."""
    recurrent_bias: ClassVar[bool] = True
    """Whether ``recurrent_projection`` has a bias too, as in torch.nn, so that parameter counts agree."""
    memory_gates: ClassVar[Mapping[str, int]] = {}
    """The gates that decide how long the memory lasts: 1 where an open one keeps it, -1 where it lets new in."""
    carries_h: ClassVar[bool] = True
    """Whether h_{t-1} enters h_t by itself, and not through the recurrent product alone."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.input_projection = nn.Linear(input_size, len(self.gates) * hidden_size, bias=self.input_bias)
        if self.recurrent_gates:
            rows = len(self.recurrent_gates) * hidden_size
            self.recurrent_projection = nn.Linear(hidden_size, rows, bias=self.recurrent_bias)
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -(hidden_size**-0.5), hidden_size**-0.5)

    @property
    def recurrent_gates(self) -> tuple[str, ...]:
        """The names of the row blocks of ``recurrent_projection``; empty for a cell without a recurrent matrix."""
        return self.gates

    def project(self, inputs: Tensor) -> Tensor:
        """The drive [T, B, G*H]: what does not depend on the past, for every step of ``inputs`` [T, B, I] at once."""
        return self.input_projection(inputs)

    @abstractmethod
    def step(self, state: S, drive: Tensor) -> S:
        """The paper's equations: the state after one step, from the state before it and ``drive`` [B, G*H]."""

    @abstractmethod
    def initial_state(self, batch: int) -> S:
        """Zeros for ``batch`` sequences, on the parameters' device and in their dtype."""

    def readout(self, state: S) -> Tensor:
        """What the layer above sees of a state: [B, H]."""
        return state.h

    def retention(self, state: S, drive: Tensor) -> Tensor | None:
        """The share [B, H] of its memory that each unit keeps in this step, in (0, 1); None for a cell without gates.

        A unit that keeps f of its memory each step has the time constant -1 / ln f steps (Tallec & Ollivier 2018).
        """
        return None

    def draw_as_paper(self, t_max: float | None, last: bool) -> None:  # most constructors do, or the paper says nothing
        """Draws the parameters in place as the paper does, where the constructor drew them otherwise.

        ``t_max``: the steps that the memory should last, those of the task; ``last``: whether it is in the last layer.
        """

    def constrain(self) -> None:  # most cells are free
        """Moves the parameters in place into the set that the paper allows. Called after every optimizer step."""

    def begin(self, batch: int) -> None:  # most cells draw nothing
        """Draws what stays the same over whole sequences. A layer calls it before each run over ``batch`` of them."""

    def recurrent(self, gate: str, vector: Tensor) -> Tensor:
        """The recurrent product of one gate alone, W_gate v + b_gate: [B, H] of ``vector`` [B, H]."""
        start = self.recurrent_gates.index(gate) * self.hidden_size
        rows, bias = slice(start, start + self.hidden_size), self.recurrent_projection.bias
        return linear(vector, self.recurrent_projection.weight[rows], None if bias is None else bias[rows])

    def _zeros(self, batch: int) -> Tensor:
        return self.input_projection.weight.new_zeros(batch, self.hidden_size)


class LinearCell(Cell[S]):
    """A cell whose memory is a linear recurrence m_t = a_t * m_{t-1} + b_t, where a_t and b_t know only the input.

    Hence all m_t can be computed in parallel (Blelloch 1990, "Prefix sums and their applications"); the engine
    ``associative`` does. The memory is h, unless ``memory`` and ``emit`` say otherwise. It may be complex.
    """

    @property
    def recurrent_gates(self) -> tuple[str, ...]:
        return ()

    @abstractmethod
    def coefficients(self, drive: Tensor) -> tuple[Tensor, Tensor]:
        """(a, b) [..., H] of ``drive`` [..., G*H], for one step or for all at once."""

    def memory(self, state: S) -> Tensor:
        """The part m of a state [B, H] that the recurrence carries."""
        return state.h

    @abstractmethod
    def emit(self, memory: Tensor, drive: Tensor) -> S:
        """The state at the memory [..., H] and ``drive`` [..., G*H], for one step or for all at once."""

    def step(self, state: S, drive: Tensor) -> S:
        decay, entering = self.coefficients(drive)
        return self.emit(decay * self.memory(state) + entering, drive)
