"""The associative engine: all steps of a linear recurrence m_t = a_t * m_{t-1} + b_t at once.

Pairs (a, b) compose associatively, so the recurrence is a prefix scan (Blelloch 1990, "Prefix sums and their
applications"; Martin & Cundy 2018, arXiv:1709.04057). T steps are cut into about sqrt(T) chunks: first, all chunks side
by side, where each ends that starts from zero, and the product of its a; then the carries from chunk to chunk; then all
chunks again from their carries. That is 3 sqrt(T) operations in a row instead of T, at twice the arithmetic, and a
product of many a < 1 underflows to 0, as it does in the loop. The backward pass is the same scan in reverse time.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from rnnbench.errors import UserError
from rnnbench.network.cells import Cell, LinearCell
from rnnbench.network.states import S, map_state

LOOP_FROM = 2**14
"""On a CPU the loop is faster from memories m_t of this many numbers on: there their size decides, not the steps."""


def supports(cell: Cell[Any]) -> bool:
    """Whether the cell's memory is a linear recurrence."""
    return isinstance(cell, LinearCell)


def check(cell: Cell[Any]) -> None:
    """Raises UserError unless the engine can run ``cell``."""
    if not supports(cell):
        raise UserError(
            f"network.engine=associative cannot run the cell {type(cell).__name__}: its step is not linear in its "
            "memory; use network.engine=auto or network.engine=loop"
        )


def associative(cell: LinearCell[S], inputs: Tensor, state: S, perturbation: Any = None) -> tuple[Tensor, S]:
    """Runs ``cell`` over ``inputs`` [T, B, I] from ``state``; returns outputs [T, B, H] and the final state.

    Raises UserError for a cell that is not linear, and for a perturbation.
    """
    check(cell)
    if perturbation is not None:
        raise UserError("engine=associative cannot take a perturbation: it makes no h_t one by one; use loop")
    drive = cell.project(inputs)
    decay, entering = cell.coefficients(drive)
    states = cell.emit(scan(decay, entering, cell.memory(state)), drive)
    return cell.readout(states, drive), map_state(lambda part: part[-1], states)


def faster_than_loop(cell: LinearCell[S], inputs: Tensor) -> bool:
    """Whether the engine is faster than ``loop`` for inputs of this size on this kind of device."""
    return inputs.device.type != "cpu" or inputs.shape[1] * cell.memory(cell.initial_state(1)).numel() < LOOP_FROM


def scan(decay: Tensor, entering: Tensor, initial: Tensor) -> Tensor:
    """All m_t = decay_t * m_{t-1} + entering_t with m_0 = ``initial``: [T, B, *].

    ``initial`` is [B, *], ``entering`` [T, B, *], ``decay`` too or, where it is constant, [*]. Real or complex.
    """
    memory: Tensor = _Scan.apply(decay, entering, initial)
    return memory


class _Scan(torch.autograd.Function):
    """The scan, and its gradient, which is the scan in reverse: g_t = dL/dm_t + conj(a_{t+1}) * g_{t+1}."""

    @staticmethod
    def forward(context: Any, decay: Tensor, entering: Tensor, initial: Tensor) -> Tensor:
        memory = _ahead(decay, entering, initial)
        context.save_for_backward(decay, initial, memory)
        return memory

    @staticmethod
    @once_differentiable
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        decay, initial, memory = context.saved_tensors
        conjugate = decay.conj().resolve_conj()
        to_entering = _back(conjugate, gradient)
        constant = decay.dim() < gradient.dim()
        to_initial = to_entering[0] * (conjugate if constant else conjugate[0])
        to_decay = torch.empty_like(memory)
        torch.mul(to_entering[0], initial.conj(), out=to_decay[0])
        torch.mul(to_entering[1:], memory[:-1].conj(), out=to_decay[1:])
        return to_decay.sum(dim=(0, 1)) if constant else to_decay, to_entering, to_initial


def _ahead(decay: Tensor, entering: Tensor, initial: Tensor) -> Tensor:
    """m_t = decay_t * m_{t-1} + entering_t from m_0 = ``initial``, without a gradient."""
    steps = len(entering)
    a, b = _chunked(decay, entering), _chunked(entering, entering)
    memory = torch.empty_like(b)
    chunks, size = b.shape[:2]
    end, whole = b[:, 0].clone(), a[:, 0].clone()
    for k in range(1, size):
        torch.addcmul(b[:, k], a[:, k], end, out=end)
        whole.mul_(a[:, k])
    whole = whole.expand(chunks, *whole.shape[1:])
    carry = [initial]
    for chunk in range(chunks - 1):
        carry.append(torch.addcmul(end[chunk], whole[chunk], carry[-1]))
    torch.addcmul(b[:, 0], a[:, 0], torch.stack(carry), out=memory[:, 0])
    for k in range(1, size):
        torch.addcmul(b[:, k], a[:, k], memory[:, k - 1], out=memory[:, k])
    return memory.flatten(0, 1)[:steps]


def _back(decay: Tensor, entering: Tensor) -> Tensor:
    """g_t = entering_t + decay_{t+1} * g_{t+1} from g_T = entering_T, without a gradient."""
    steps = len(entering)
    a, b = _chunked(decay, entering), _chunked(entering, entering)
    gradient = torch.empty_like(b)
    chunks, size = b.shape[:2]
    start, whole = b[:, -1].clone(), a[:, -1].clone()
    for k in reversed(range(size - 1)):
        torch.addcmul(b[:, k], a[:, k + 1], start, out=start)
        whole.mul_(a[:, k])
    # What enters a chunk from behind has passed the first decay of the chunk behind it; ``whole`` counts it there.
    whole, first = (part.expand(chunks, *part.shape[1:]) for part in (whole, a[:, 0]))
    carry = [torch.zeros_like(start[0])]
    for chunk in reversed(range(1, chunks)):
        carry.append(torch.addcmul(first[chunk] * start[chunk], whole[chunk], carry[-1]))
    torch.add(b[:, -1], torch.stack(carry[::-1]), out=gradient[:, -1])
    for k in reversed(range(size - 1)):
        torch.addcmul(b[:, k], a[:, k + 1], gradient[:, k + 1], out=gradient[:, k])
    return gradient.flatten(0, 1)[:steps]


def _chunked(values: Tensor, entering: Tensor) -> Tensor:
    """``values`` [T, B, *] as [chunks, about sqrt(T), B, *], filled up with zeros; [*] expanded to one such chunk.

    T is that of ``entering`` [T, B, *].
    """
    steps = len(entering)
    size = math.isqrt(steps - 1) + 1
    if values.dim() < entering.dim():
        return values.expand(1, size, 1, *values.shape)
    missing = -steps % size
    if missing:
        values = torch.cat([values, values.new_zeros(missing, *values.shape[1:])])
    return values.unflatten(0, (-1, size))
