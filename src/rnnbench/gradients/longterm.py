"""Long-term Jacobians M_k = ds_T/ds_{T-k} = J_T J_{T-1} ... J_{T-k+1}: what k steps do to a gradient.

Singular values: Saxe, McClelland & Ganguli 2014 (arXiv:1312.6120); Engelken 2023 (arXiv:2312.17306). The bound
||M_k|| <= prod ||J_t||: Pascanu, Mikolov & Bengio 2013 (arXiv:1211.5063), section 2.1. T is each sequence's own last
step, k = 0 .. T - 1 the lag as in the gradient profile.

A product underflows, and its small singular values drown in the rounding of the large ones. So every product is kept
as a matrix of norm 1 and the logarithm of its scale, and sigma_min(M_k) is 1 / sigma_max(M_k^-1), the inverse being
the product of the inverses of J_t. Results are natural logarithms, and None where a factor is singular.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from rnnbench.gradients.jacobian import floor, step_jacobians
from rnnbench.gradients.trajectory import Trajectory
from rnnbench.network.layers import reversal


class LongTerm(NamedTuple):
    """Means over the sequences longer than k, of natural logs: entry k is lag k; T entries, the first for M_0 = 1.

    An entry is None where it would be infinite for some sequence: a factor is zero, or, for the smallest singular
    value and the condition number, singular to rounding (``jacobian.floor``).
    """

    log_largest: list[float | None]
    """ln sigma_max(M_k), the 2-norm."""
    log_smallest: list[float | None]
    """ln sigma_min(M_k)."""
    log_condition: list[float | None]
    """ln sigma_max(M_k) - ln sigma_min(M_k)."""
    log_bound: list[float | None]
    """The sum of ln sigma_max over the k factors: at least ``log_largest``; the gap is what misalignment loses."""


def long_term(path: Trajectory) -> LongTerm:
    """The extreme singular values of the long-term Jacobians along a path by lag, and the bound on them.

    A factor counts as singular from a condition number of about 1e15 / S.
    """
    jacobians = step_jacobians(path)
    dtype, size = jacobians.dtype, jacobians.shape[-1]
    order = reversal(jacobians, path.lengths)[:, :, None, None]
    backwards = jacobians.double().gather(0, order.expand_as(jacobians))
    values = torch.linalg.svdvals(backwards)
    singular = values[..., -1] <= floor(values[..., 0], size, dtype)

    product = inverse = torch.eye(size, dtype=torch.float64, device=jacobians.device).expand_as(backwards[0])
    largest = smallest = bound = torch.zeros(len(path.lengths), dtype=torch.float64, device=jacobians.device)
    scale = inverse_scale = largest
    result = LongTerm([], [], [], [])
    for lag in range(len(backwards)):
        alive = lag < path.lengths
        result.log_largest.append(_mean(largest, alive))
        result.log_smallest.append(_mean(smallest, alive))
        result.log_condition.append(_mean(largest - smallest, alive))
        result.log_bound.append(_mean(bound, alive))
        factor, lost = backwards[lag], singular[lag]
        product, scale = _unit(product @ factor, scale)
        # A singular factor has no inverse: the identity stands in for it, and the infinite scale remembers.
        invertible = torch.where(lost[:, None, None], torch.eye(size).to(factor), factor)
        inverse, inverse_scale = _unit(
            torch.linalg.solve(invertible, inverse), inverse_scale.masked_fill(lost, math.inf)
        )
        largest = scale + torch.linalg.matrix_norm(product, 2).log()
        smallest = -inverse_scale - torch.linalg.matrix_norm(inverse, 2).log()
        bound = bound + values[lag, :, 0].log()
    return result


def _unit(matrix: Tensor, log_scale: Tensor) -> tuple[Tensor, Tensor]:
    """``matrix`` [B, S, S] with norm 1, or zero, and the log of the scale [B] taken out of it."""
    norm = torch.linalg.matrix_norm(matrix)
    return matrix / norm.where(norm > 0, 1)[:, None, None], log_scale + norm.log()


def _mean(values: Tensor, alive: Tensor) -> float | None:
    mean = values[alive].mean().item()
    return mean if math.isfinite(mean) else None
