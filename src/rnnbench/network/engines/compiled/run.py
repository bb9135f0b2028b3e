"""The compiled engine as a function of tensors that torch differentiates, once."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from rnnbench.errors import UserError
from rnnbench.network.cells import Cell
from rnnbench.network.engines.compiled import blas, pool
from rnnbench.network.engines.compiled.products import multiply
from rnnbench.network.engines.compiled.program import Program


def run(program: Program, drive: Tensor, state: list[Tensor], weights: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
    """Outputs [T, B, O] and the parts of the final state, of a drive [T, B, D] and the parts of a state [B, *]."""
    blas.threads.follow()
    tensors = (drive, *state, *weights)
    if torch.is_grad_enabled() and any(each.requires_grad for each in tensors):
        outputs, *final = _Run.apply(program, len(state), *tensors)
        return outputs, final
    with torch.no_grad():
        outputs, final, _ = program.forward(*_plain(len(state), tensors), keep=False)
    return outputs, final


def _plain(parts: int, tensors: tuple[Tensor, ...]) -> tuple[Tensor, list[Tensor], list[Tensor]]:
    """(drive, parts of the state, weights) as the kernels take them."""
    drive, *others = [each.detach() for each in tensors]
    return drive.contiguous(), [each.contiguous() for each in others[:parts]], others[parts:]


def project(program: Program, cell: Cell[Any], inputs: Tensor, weights: list[Tensor]) -> Tensor:
    """The drive [T, B, D] of ``inputs`` [T, B, I]: in memory of the pool, and by a faster gradient, where it is a
    product of them.
    """
    product = program.traced.product
    if product is None:
        return cell.project(inputs)
    bias = None if product.bias is None else weights[product.bias]
    drive: Tensor = _Linear.apply(inputs, weights[product.weight], bias)
    return drive


class _Linear(torch.autograd.Function):
    """torch.nn.functional.linear, whose gradient multiplies the few inputs by the many units, not these by those.

    With two inputs that is six times faster.
    """

    @staticmethod
    def forward(context: Any, inputs: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        context.save_for_backward(inputs, weight)
        return _times(inputs, weight.T, bias)

    @staticmethod
    @once_differentiable
    def backward(context: Any, arriving: Tensor) -> tuple[Tensor | None, ...]:
        inputs, weight = context.saved_tensors
        rows = arriving.flatten(0, 1)
        wanted = context.needs_input_grad
        return (
            _times(arriving, weight) if wanted[0] else None,
            (inputs.flatten(0, 1).T @ rows).T if wanted[1] else None,
            rows.sum(0) if wanted[2] else None,
        )


def _times(rows: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """rows [T, B, I] @ weight [I, D] + bias [D], [T, B, D]."""
    steps, batch, _ = rows.shape
    result = pool.empty((steps, batch, weight.shape[1]), rows.dtype)
    multiply(rows.flatten(0, 1), weight, bias, result.flatten(0, 1))
    return result


class _Run(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, program: Program, parts: int, *tensors: Tensor) -> tuple[Tensor, ...]:
        drive, state, weights = _plain(parts, tensors)
        outputs, final, arrays = program.forward(drive, state, weights, keep=True)
        context.program, context.parts, context.names = program, parts, list(arrays)
        context.set_materialize_grads(False)
        context.save_for_backward(*state, *tensors[1 + parts :], *arrays.values())
        return outputs, *final

    @staticmethod
    def backward(context: Any, arriving: Tensor | None, *final: Tensor | None) -> tuple[Tensor | None, ...]:
        if torch.is_grad_enabled():
            raise UserError(
                "network.engine=compiled: its gradient cannot be differentiated again (create_graph=True); use "
                "network.engine=loop"
            )
        program, parts, saved = context.program, context.parts, context.saved_tensors
        count = len(saved) - len(context.names)
        arrays = dict(zip(context.names, saved[count:], strict=True))
        if arriving is None:
            arriving = torch.zeros_like(arrays[program.plan.output[0].name])
        to_drive, to_states, to_weights = program.backward(
            arrays, list(saved[:parts]), list(saved[parts:count]), arriving.contiguous(), list(final),
            list(context.needs_input_grad[3 + parts :]),
        )  # fmt: skip
        return None, None, to_drive, *to_states, *to_weights
