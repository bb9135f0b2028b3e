"""The chunkwise engine: many steps of a linear matrix memory as a few matrix products.

Within a chunk of C steps from the memory S_0, with b_i the sum of ln a over its first i steps and u_j what is written:

    S_i = exp(b_i) S_0 + sum_{j<=i} exp(b_i - b_j) k_j u_j^T
    o_i = exp(b_i) S_0^T q_i + sum_{j<=i} (sum_k q_ik k_jk exp(b_ik - b_jk)) u_j

In the decay form u = v (Yang, Wang, Shen, Panda & Kim 2023, arXiv:2312.06635, section 4). In the delta form, where a is
one number a head, u solves a triangular system (Yang, Wang, Zhang, Shen & Kim 2024, arXiv:2406.06484, section 3; with
decay Yang, Kautz & Hatamizadeh 2024, arXiv:2412.06464):

    u_i + beta_i sum_{j<i} exp(b_i - b_j) (k_i . k_j) u_j = beta_i v_i - beta_i exp(b_i) S_0^T k_i

All chunks are computed side by side but for the products of S_0, which go from chunk to chunk. However fast a memory
decays, nothing overflows: for a <= 1 no exponent is above 0, or, where that is quicker, above ``MILD`` / 2.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from rnnbench.errors import UserError
from rnnbench.network.cells import Cell, LinearMatrixCell
from rnnbench.network.cells.matrix import Associations
from rnnbench.network.engines.fused import precision
from rnnbench.network.states import S

CHUNK = 32
"""C, a power of two."""
LOOP_TO = 6
"""Steps up to which the loop is as fast."""
MILD = 80.0
"""The decay over a chunk, as an exponent, of whose halves a float32 holds the exponentials."""
DTYPES = (torch.float32, torch.float64)


def supports(cell: Cell[Any]) -> bool:
    """Whether the cell's memory is a matrix in the decay or the delta form."""
    return isinstance(cell, LinearMatrixCell)


def suits(cell: Cell[Any], inputs: Tensor) -> bool:
    """Whether the engine is faster than the loop on these inputs, and as exact."""
    return supports(cell) and len(inputs) > LOOP_TO and precision(inputs) in DTYPES


def check(cell: Cell[Any]) -> None:
    """Raises UserError unless the engine can run ``cell``."""
    if not supports(cell):
        raise UserError(
            f"network.engine=chunkwise cannot run the cell {type(cell).__name__}: its memory is no matrix that is "
            "linear in its past; use network.engine=auto or network.engine=loop"
        )


def chunkwise(cell: LinearMatrixCell[S], inputs: Tensor, state: S, perturbation: Any = None) -> tuple[Tensor, S]:
    """Runs ``cell`` over ``inputs`` [T, B, I] from ``state``; returns outputs [T, B, O] and the final state.

    Raises UserError for a cell without a linear matrix memory, and for a perturbation.
    """
    check(cell)
    if perturbation is not None:
        raise UserError("engine=chunkwise cannot take a perturbation: it makes no S_t one by one; use loop")
    drive = cell.project(inputs)
    found = cell.over_time(drive, state)
    reading, memory = recall(_unrolled(found) if cell.micro_steps > 1 else found, cell.memory(state))
    outputs = cell.output(reading[cell.micro_steps - 1 :: cell.micro_steps], drive, found.log_scale)
    return outputs, cell.emit(memory, found)


def _unrolled(found: Associations) -> Associations:
    """Return the associations [T, B, M, N, *] of M steps within each step as those of T M steps [T M, B, N, *]."""
    return Associations._make(part if part is None else part.movedim(2, 1).flatten(0, 1) for part in found)


def recall(found: Associations, initial: Tensor) -> tuple[Tensor, Tensor]:
    """Return S_t^T q_t of all T steps, [T, B, N, V], and S_T, from S_0 = ``initial`` [B, N, K, V]."""
    steps = len(found.key)
    size = min(CHUNK, 2 ** math.ceil(math.log2(steps)))
    q, k, v, log_decay, rate, _ = (None if part is None else _chunked(part, size) for part in found)
    assert q is not None
    assert k is not None
    assert v is not None
    b = k.new_zeros(*k.shape[:-1], 1) if log_decay is None else log_decay.cumsum(dim=-2)
    from_start, to_end, whole = b.exp(), (b[..., -1:, :] - b).exp(), b[..., -1, :, None].exp()
    if rate is not None:
        between = _between(b)
        written, memories = _corrected(k, v, rate, between, from_start, to_end, whole, initial)
        reading = ((q @ k.mT) * between) @ written
    else:
        memories = _carried((k * to_end).mT @ v, whole, initial)
        reading = _within(q, k, v, b)
    reading = reading + (q * from_start) @ memories[:-1]
    return reading.permute(0, 3, 1, 2, 4).flatten(0, 1)[:steps], memories[-1]


def _chunked(values: Tensor, size: int) -> Tensor:
    """Return ``values`` [T, B, N, *] as [chunks, B, N, C, *], filled up with zeros, which write and decay nothing."""
    missing = -len(values) % size
    if missing:
        values = torch.cat([values, values.new_zeros(missing, *values.shape[1:])])
    return values.unflatten(0, (-1, size)).permute(0, 2, 3, 1, 4).contiguous()


def _between(b: Tensor) -> Tensor:
    """Return exp(b_i - b_j) for j <= i, and 0 for j > i: [..., C, C] of ``b`` [..., C, 1]."""
    early = torch.ones(b.shape[-2], b.shape[-2], dtype=torch.bool, device=b.device).triu(1)
    return (b - b.mT).masked_fill(early, -math.inf).exp()


def _within(q: Tensor, k: Tensor, v: Tensor, b: Tensor) -> Tensor:
    """Return sum_{j<=i} (sum_k q_ik k_jk exp(b_ik - b_jk)) v_j, what is read of a chunk's own steps: [..., C, V]."""
    if b.shape[-1] == 1:
        return ((q @ k.mT) * _between(b)) @ v
    if b.device.type != "cpu" or float(b.detach().amin()) < -MILD:  # a GPU would have to be waited for
        return _ByHalves.apply(q, k, v, b)
    middle = b[..., -1:, :].detach() / 2  # so that both exponents are at most half of all; it cancels
    return ((q * (b - middle).exp()) @ (k * (middle - b).exp()).mT).tril() @ v


class _ByHalves(torch.autograd.Function):
    """sum_{j<=i} (sum_k q_ik k_jk exp(b_ik - b_jk)) v_j: each row of the memory has its own decay.

    What the second half of a piece reads of its first goes through the decay at the border between them, so that one
    product of matrices serves them all; then the same within each half. In the gradient of b the borders cancel.
    """

    @staticmethod
    def forward(context: Any, q: Tensor, k: Tensor, v: Tensor, b: Tensor) -> Tensor:
        context.save_for_backward(q, k, v, b)
        found = (q * k).sum(dim=-1, keepdim=True) * v
        for half, later, earlier in _levels(b):
            weights = (_second(q, half) * later) @ (_first(k, half) * earlier).mT
            _second(found, half).add_(weights @ _first(v, half))
        return found

    @staticmethod
    @once_differentiable
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor, ...]:
        q, k, v, b = context.saved_tensors
        gradient = gradient.contiguous()
        same = (gradient * v).sum(dim=-1, keepdim=True)
        to_q, to_k, to_v = same * k, same * q, (q * k).sum(dim=-1, keepdim=True) * gradient
        for half, later, earlier in _levels(b):
            late, early, arriving = _second(q, half) * later, _first(k, half) * earlier, _second(gradient, half)
            to_weights = arriving @ _first(v, half).mT
            _first(to_v, half).add_((early @ late.mT) @ arriving)
            _second(to_q, half).addcmul_(to_weights @ early, later)
            _first(to_k, half).addcmul_(to_weights.mT @ late, earlier)
        return to_q, to_k, to_v, q * to_q - k * to_k


def _levels(b: Tensor) -> Iterator[tuple[int, Tensor, Tensor]]:
    """Yield the pieces of two halves of C = 1, 2, 4, ... steps: C, and the decays after and before their border."""
    half = 1
    while half < b.shape[-2]:
        border = _first(b, half)[..., -1:, :]
        yield half, (_second(b, half) - border).exp_(), (border - _first(b, half)).exp_()
        half *= 2


def _first(values: Tensor, half: int) -> Tensor:
    """Return the first half of each piece of 2 ``half`` steps: [..., pieces, half, *] of ``values`` [..., C, *]."""
    return values.unflatten(-2, (-1, 2, half))[..., 0, :, :]


def _second(values: Tensor, half: int) -> Tensor:
    return values.unflatten(-2, (-1, 2, half))[..., 1, :, :]


def _carried(added: Tensor, whole: Tensor, initial: Tensor) -> Tensor:
    """Return the memory before each chunk, and after the last: [chunks + 1, B, N, K, V]."""
    memories = [initial]
    for new, kept in zip(
        added.unbind(), whole.unbind(), strict=True
    ):  # one index into all would cost a gradient of all
        memories.append(torch.addcmul(new, kept, memories[-1]))
    return torch.stack(memories)


def _corrected(
    k: Tensor, v: Tensor, rate: Tensor, between: Tensor, from_start: Tensor, to_end: Tensor, whole: Tensor,
    initial: Tensor,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Return what the delta rule writes [chunks, B, N, C, V], and the memory before each chunk and after the last."""
    system = torch.eye(k.shape[-2]).to(k) + (rate * (k @ k.mT) * between).tril(-1)
    right = rate * torch.cat([v, k * from_start], dim=-1)
    solved = torch.linalg.solve_triangular(system, right, upper=False, unitriangular=True)
    own, of_memory = solved.split([v.shape[-1], k.shape[-1]], dim=-1)
    memories, written = [initial], []
    for mine, seen, late, kept in zip(own, of_memory, (k * to_end).mT, whole, strict=True):
        written.append(mine - seen @ memories[-1])
        memories.append(kept * memories[-1] + late @ written[-1])
    return torch.stack(written), torch.stack(memories)
