"""Cells whose memory is a matrix: N heads that each write values under keys, and read with a query.

Axis letters besides those of ``base``: N heads, K key, V value. In both forms a_t, k_t, v_t and beta_t know only the
input, so the memory is linear, and the engine ``chunkwise`` computes many steps at once:

    decay form    S_t = diag(a_t) S_{t-1} + k_t v_t^T
    delta form    S_t = S' + beta_t k_t (v_t - S'^T k_t)^T    with S' = a_t S_{t-1}, a_t one number a head
    both          o_t = S_t^T q_t                             S [K, V]

The heads' o_t lie side by side in what the layer above sees: O = N V, which is H where V = H / N.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import NamedTuple

import torch
from torch import Tensor, nn

from rnnbench.errors import UserError, check_range
from rnnbench.network.cells.base import Cell
from rnnbench.network.states import MatrixState, S

EPSILON = 1e-6
"""What is added to a squared norm, so that a vector of zeros has one."""


class Associations(NamedTuple):
    """What is written and read in one step, ``...`` being [B], or in all of them, [T, B]."""

    query: Tensor
    """q: [..., N, K]."""
    key: Tensor
    """k: [..., N, K]."""
    value: Tensor
    """v: [..., N, V]."""
    log_decay: Tensor | None = None
    """ln a: [..., N, K], or [..., N, 1] where one number decays a head; None where nothing decays."""
    rate: Tensor | None = None
    """beta of the delta form: [..., N, 1]; None in the decay form."""
    log_scale: Tensor | None = None
    """ln of the number by which the memory after the step is divided: [..., N, 1]; None for 1."""


class MatrixCell(Cell[S]):
    """A cell of N heads, each of which has a matrix S [K, V] for its memory.

    ``heads`` is N; ``key_size`` is K and ``value_size`` V, by default ``key_share`` and ``value_share`` of H / N.
    Raises UserError where H / N is needed and no whole number.
    """

    key_share: float = 1.0
    value_share: float = 1.0

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        heads: int = 4,
        key_size: int | None = None,
        value_size: int | None = None,
    ) -> None:
        check_range("cell.heads", heads, at_least=1)
        if hidden_size % heads and (key_size is None or value_size is None):
            raise UserError(f"cell.heads={heads}: does not divide the width {hidden_size}; give cell.key_size and "
                            "cell.value_size, or another network.hidden_size")  # fmt: skip
        width = hidden_size // heads
        self.heads = heads
        self.key_size = max(1, round(self.key_share * width)) if key_size is None else key_size
        self.value_size = max(1, round(self.value_share * width)) if value_size is None else value_size
        super().__init__(input_size, hidden_size)

    @property
    def input_blocks(self) -> dict[str, int]:
        """The rows of each block: N K of queries and keys, N V of values, N of any other gate."""
        keys, values = self.heads * self.key_size, self.heads * self.value_size
        sizes = {"query": keys, "key": keys, "value": values}
        return {gate: sizes.get(gate, self.heads) for gate in self.gates}

    @property
    def recurrent_gates(self) -> tuple[str, ...]:
        return ()

    @property
    def output_size(self) -> int:
        return self.heads * self.value_size

    def parts(self, drive: Tensor) -> list[Tensor]:
        """Return the blocks of ``drive`` [..., G], each as heads [..., N, its rows / N]."""
        return [part.unflatten(-1, (self.heads, -1)) for part in drive.split(list(self.input_blocks.values()), dim=-1)]

    def transition(self, drive: Tensor) -> Tensor | None:
        """Return A [..., N, K, K] of a step S_t = A S_{t-1} + k v^T by ``drive`` [..., G]; None where it is not one."""
        return None

    def initial_state(self, batch: int) -> S:
        shape = batch, self.heads, self.key_size, self.value_size
        return MatrixState(self.input_projection.weight.new_zeros(shape))  # type: ignore[return-value]


class LinearMatrixCell(MatrixCell[S]):
    """A cell with a memory in the decay or the delta form; ``associations`` says what it writes and reads."""

    linear = True
    micro_steps: int = 1
    """M. Above 1, ``associations`` has before the heads an axis of M steps within a step, of which the last reads."""

    @abstractmethod
    def associations(self, drive: Tensor) -> Associations:
        """Return what is written and read by ``drive`` [..., G], in one step or in all at once."""

    def step(self, state: S, drive: Tensor) -> S:
        found = self.associations(drive)
        memory = self.memory(state)
        if found.log_decay is not None:
            memory = found.log_decay.exp()[..., None] * memory
        written = found.value
        if found.rate is not None:
            written = found.rate * (found.value - read(memory, found.key))
        return self.emit(memory + outer(found.key, written), found)

    def readout(self, state: S, drive: Tensor) -> Tensor:
        return self.output(read(self.memory(state), self.associations(drive).query), drive)

    def over_time(self, drive: Tensor, state: S) -> Associations:
        """Return the associations of T steps, ``drive`` [T, B, G], from the state before the first."""
        return self.associations(drive)

    def memory(self, state: S) -> Tensor:
        """Return the memory [B, N, K, V] of a state."""
        memory: Tensor = state.S  # type: ignore[attr-defined]  # a cell with another state overrides this
        return memory

    def emit(self, memory: Tensor, found: Associations) -> S:
        """Return the state with ``memory`` [B, N, K, V] after the steps of ``found``."""
        return MatrixState(memory)  # type: ignore[return-value]

    def output(self, reading: Tensor, drive: Tensor, log_scale: Tensor | None = None) -> Tensor:
        """Return what the layer above sees [..., O] of S^T q [..., N, V]: its heads side by side."""
        return reading.flatten(-2)

    def transition(self, drive: Tensor) -> Tensor:
        found = self.associations(drive)
        A = torch.eye(self.key_size).to(found.key).expand(*found.key.shape, -1)
        if found.log_decay is not None:
            A = found.log_decay.exp()[..., None] * A
        return A if found.rate is None else A - found.rate[..., None] * outer(found.key, read(A, found.key))

    def retention(self, state: S, drive: Tensor) -> Tensor | None:
        """Return a, the share of each row of the memory that a step keeps: [B, N K], or [B, N] of one number a head."""
        log_decay = self.associations(drive).log_decay
        return None if log_decay is None else log_decay.exp().flatten(1)


class LowRank(nn.Module):
    """W_2 (W_1 x) + b, [..., I] to [..., O] through ``rank`` numbers, of which ``inner`` may be a nonlinearity."""

    def __init__(self, input_size: int, rank: int, output_size: int, inner: nn.Module | None = None) -> None:
        super().__init__()
        self.down = nn.Linear(input_size, rank, bias=False)
        self.up = nn.Linear(rank, output_size)
        self.inner = inner

    def forward(self, inputs: Tensor) -> Tensor:
        low = self.down(inputs)
        found: Tensor = self.up(low if self.inner is None else self.inner(low))
        return found


def outer(key: Tensor, value: Tensor) -> Tensor:
    """Return k v^T [..., K, V]."""
    return key[..., :, None] * value[..., None, :]


def read(memory: Tensor, query: Tensor) -> Tensor:
    """Return S^T q [..., V] of ``memory`` [..., K, V] and ``query`` [..., K]."""
    return (query[..., None, :] @ memory)[..., 0, :]


def unit(vector: Tensor) -> Tensor:
    """Return ``vector`` over its norm, along the last axis; zeros stay zeros. In half precision a square is nothing."""
    wide = vector.to(torch.promote_types(vector.dtype, torch.float32))
    return (wide * torch.rsqrt(wide.square().sum(dim=-1, keepdim=True) + EPSILON)).to(vector.dtype)
