"""The contract of a recurrent cell: how its past enters its present, one step at a time.

Axis letters: T time, B batch, I input, H hidden, G gates. A cell says *what* a step computes; how it is run over time
is an engine (``rnnbench.network.engines``), in which direction and depth a layer (``rnnbench.network.layers``).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar, Generic

from torch import Tensor, nn
from torch.nn.functional import linear

from rnnbench.network.states import S


class Cell(nn.Module, ABC, Generic[S]):
    """One recurrent cell: ``project`` everything that does not depend on the past, then ``step`` through time.

    A cell has up to two ``torch.nn.Linear``: ``input_projection`` (I -> G*H) and ``recurrent_projection`` (H -> G*H),
    in blocks of H rows, one a gate; ``input_blocks`` says so where those of the first are of other heights. Their
    parameters begin as U(-1/sqrt(H), 1/sqrt(H)), as in torch.nn; a cell whose paper says otherwise draws them again in
    its constructor, and so it does with parameters of any other kind.
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

    linear: bool = False
    """Whether s_t is linear in s_{t-1}, with coefficients that know only the input."""
    spectrum: str = "any"
    """What the eigenvalues of a step can be: ``positive`` and real, real and ``signed``, ``complex`` where units go in
    pairs or are complex, or ``any`` where a step mixes its units."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.input_projection = nn.Linear(input_size, sum(self.input_blocks.values()), bias=self.input_bias)
        if self.recurrent_gates:
            rows = len(self.recurrent_gates) * hidden_size
            self.recurrent_projection = nn.Linear(hidden_size, rows, bias=self.recurrent_bias)
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -(hidden_size**-0.5), hidden_size**-0.5)

    @property
    def input_blocks(self) -> dict[str, int]:
        """The rows of each block of ``input_projection`` by its name, in order: H for each gate."""
        return dict.fromkeys(self.gates, self.hidden_size)

    @property
    def recurrent_gates(self) -> tuple[str, ...]:
        """The names of the row blocks of ``recurrent_projection``; empty for a cell without a recurrent matrix."""
        return self.gates

    def project(self, inputs: Tensor) -> Tensor:
        """Return the drive [T, B, G*H]: what does not depend on the past, for all steps of ``inputs`` [T, B, I]."""
        return self.input_projection(inputs)

    @abstractmethod
    def step(self, state: S, drive: Tensor) -> S:
        """Return the state after one step by the paper's equations, from the state before it and ``drive`` [B, G*H]."""

    @abstractmethod
    def initial_state(self, batch: int) -> S:
        """Return s_0 for ``batch`` sequences, on the parameters' device and in their dtype: parts [B, *], mostly 0."""

    def readout(self, state: S, drive: Tensor) -> Tensor:
        """Return what the layer above sees after a step [..., O], given the state and the drive; h by default.

        It is given one step; a LinearCell also all T at once, parts [T, B, *] and a drive [T, B, *].
        """
        h: Tensor = state.h  # type: ignore[attr-defined]  # a cell whose state has no h overrides this
        return h

    @property
    def output_size(self) -> int:
        """O, the width of what ``readout`` returns."""
        return self.hidden_size

    def retention(self, state: S, drive: Tensor) -> Tensor | None:
        """Return the share [B, *] of its memory that each unit keeps in this step, in (0, 1); None without gates.

        It is of the shape of the memory: [B, H], or more where a unit remembers several numbers. A unit that keeps f of
        its memory each step has the time constant -1 / ln f steps (Tallec & Ollivier 2018).
        """
        return None

    @property
    def cannot(self) -> str:
        """What its states cannot do for sequences of any length at finite precision, and who proved it; or nothing."""
        return "parity (Grazzi et al. 2024)" if self.linear and self.spectrum == "positive" else ""

    def draw_as_paper(self, t_max: float | None, last: bool) -> None:  # most constructors do, or the paper says nothing
        """Draw the parameters in place as the paper does, where that differs from the constructor.

        ``t_max``: the steps that the memory should last, those of the task; ``last``: whether it is in the last layer.
        """

    def constrain(self) -> None:  # most cells are free
        """Move the parameters in place into the set that the paper allows. Called after every optimizer step."""

    def begin(self, batch: int) -> None:  # most cells draw nothing
        """Draw what stays the same over whole sequences. A layer calls it before each run over ``batch`` of them."""

    def recurrent(self, gate: str, vector: Tensor) -> Tensor:
        """Return the recurrent product of one gate alone, W_gate v + b_gate: [B, H] of ``vector`` [B, H]."""
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

    linear = True

    @property
    def recurrent_gates(self) -> tuple[str, ...]:
        return ()

    @abstractmethod
    def coefficients(self, drive: Tensor) -> tuple[Tensor, Tensor]:
        """Return (a, b) [..., *] of ``drive`` [..., G*H], for one step or for all at once; a constant a is [*]."""

    def memory(self, state: S) -> Tensor:
        """Return the part m [B, *] of a state that the recurrence carries."""
        h: Tensor = state.h  # type: ignore[attr-defined]
        return h

    @abstractmethod
    def emit(self, memory: Tensor, drive: Tensor) -> S:
        """Return the state at the memory [..., *] and ``drive`` [..., G*H], for one step or for all at once."""

    def step(self, state: S, drive: Tensor) -> S:
        decay, entering = self.coefficients(drive)
        return self.emit(decay * self.memory(state) + entering, drive)
