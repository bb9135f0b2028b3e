"""The contract of a recurrent cell: how its past enters its present, one step at a time.

Axis letters: T time, B batch, I input, H hidden, G gates. A cell says *what* a step computes; how it is run over time
is an engine (``rnnbench.engines``), in which direction and depth a layer (``rnnbench.layers``).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import ClassVar, Generic, NamedTuple, Protocol, TypeVar

from torch import Tensor, nn


class State(Protocol):
    """A NamedTuple of tensors [B, H]. The first field is always ``h``."""

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


S = TypeVar("S", bound=State)


def map_state(function: Callable[..., Tensor], first: S, *others: S) -> S:
    """The state whose parts are ``function`` of the corresponding parts of the given states."""
    return type(first)(*map(function, first, *others))


class Cell(nn.Module, ABC, Generic[S]):
    """One recurrent cell: ``project`` everything that does not depend on the past, then ``step`` through time.

    A cell has two ``torch.nn.Linear`` parameters: ``input_projection`` (I -> G*H) and ``recurrent_projection``
    (H -> G*H), with G = ``len(gates)`` blocks of H rows in the order of ``gates``. Both carry a bias, as in torch.nn,
    so parameter counts agree.
    """

    gates: ClassVar[tuple[str, ...]]
    """The names of the row blocks of both projections, in order."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.input_projection = nn.Linear(input_size, len(self.gates) * hidden_size)
        self.recurrent_projection = nn.Linear(hidden_size, len(self.gates) * hidden_size)

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

    def _zeros(self, batch: int) -> Tensor:
        return self.input_projection.weight.new_zeros(batch, self.hidden_size)
