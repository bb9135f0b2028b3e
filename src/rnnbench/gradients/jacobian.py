"""Jacobians of one step, J_t = ds_t/ds_{t-1}, and of many, M_k = J_T J_{T-1} ... J_{T-k+1}: what they do to a gradient.

Pascanu, Mikolov & Bengio 2013 (arXiv:1211.5063), section 2: the gradient k steps back is a product of k of these, so
it vanishes where their largest singular values stay below 1 and can explode only where they exceed it, because
||M_k|| <= prod ||J_t||. For the tanh network J_t = diag(1 - h_t^2) W_hh. Here J_t is taken on the whole state s
(LSTM: [h; c]), S reals. Singular values of M_k: Saxe, McClelland & Ganguli 2014 (arXiv:1312.6120); Engelken 2023
(arXiv:2312.17306). T is each sequence's own last step, k = 0 .. T - 1 the lag as in the gradient profile.

A product underflows, and its small singular values drown in the rounding of the large ones. So every product is kept
as a matrix of norm 1 and the logarithm of its scale, and sigma_min(M_k) is 1 / sigma_max(M_k^-1), the inverse being
the product of the inverses of J_t. All is found in one sweep from the last step to the first, which holds a few J_t at
a time.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from rnnbench.gradients.diagnostic import Diagnostic, Found, Measured, Options
from rnnbench.gradients.measurement import Measurement
from rnnbench.gradients.path import Array, Path


class StepSpectra(NamedTuple):
    """The mean over sequences of what each J_t does, dimensionless; float64 [T], entry t - 1 is step t."""

    largest: Array
    """The largest singular value of J_t, its 2-norm."""
    smallest: Array
    """The smallest singular value of J_t; about the rounding of the largest where J_t is singular."""
    mean_log: Array
    """The mean natural log of the S singular values, (1/S) ln abs det J_t; each counts as at least ``floor``."""


class LongTerm(NamedTuple):
    """Means over the sequences longer than k, of natural logs: entry k is lag k; T entries, the first for M_0 = 1.

    An entry is None where it would be infinite for some sequence: a factor is zero, or, for the smallest singular
    value and the condition number, singular to rounding (``floor``).
    """

    log_largest: list[float | None]
    """ln sigma_max(M_k), the 2-norm."""
    log_smallest: list[float | None]
    """ln sigma_min(M_k)."""
    log_condition: list[float | None]
    """ln sigma_max(M_k) - ln sigma_min(M_k)."""
    log_bound: list[float | None]
    """The sum of ln sigma_max over the k factors: at least ``log_largest``; the gap is what misalignment loses."""


def step_jacobians(measurement: Measurement) -> list[list[Tensor]]:
    """Return J_1 .. J_T of each direction: [T, B, S, S], entry t - 1 is ds_t/ds_{t-1}, rows are outputs.

    Entries after a sequence's end are finite and mean nothing. A few sequences are enough: T * B * S * S numbers.
    """

    def jacobians(path: Path) -> Tensor:
        return path.jacobians(torch.arange(len(path.drives))[:, None].expand(path.drives.shape[:2]))

    return measurement.each(jacobians)


def step_spectra(measurement: Measurement) -> list[list[StepSpectra]]:
    """Return the singular values of each J_t of each direction, in float64."""
    return measurement.each(lambda path: _sweep(path)[0])


def long_term(measurement: Measurement) -> list[list[LongTerm]]:
    """Return the extreme singular values of the long-term Jacobians of each direction by lag, and the bound on them.

    A factor counts as singular from a condition number of about 1e15 / S.
    """
    return measurement.each(lambda path: _sweep(path)[1])


def floor(largest: Tensor, size: int, dtype: torch.dtype) -> Tensor:
    """Return the limit below which a singular value of an S x S matrix of ``dtype`` is rounding: S eps ``largest`` > 0.

    ``largest`` is the matrix's largest singular value, float64; so logarithms of values raised to it are finite.
    """
    return (size * torch.finfo(dtype).eps * largest).clamp(min=torch.finfo(torch.float64).tiny)


def _sweep(path: Path) -> tuple[StepSpectra, LongTerm]:
    size, sequences = path.size, torch.arange(len(path.lengths), device=path.lengths.device)
    zero = path.drives.new_zeros(len(sequences), dtype=torch.float64)
    one = torch.eye(size).to(zero)
    product = inverse = one.expand(len(sequences), -1, -1)
    largest = smallest = bound = scale = inverse_scale = zero
    values = zero.new_zeros(len(path.drives), len(sequences), size)
    result = LongTerm([], [], [], [])
    lags = torch.arange(len(path.drives), device=sequences.device)[:, None]
    steps = (path.lengths - 1 - lags).clamp(min=0)  # of those that have ended any: they are left out
    factors = (factor for piece in path.pieces() for factor in path.jacobians(steps[piece]))
    for lag, (step, factor) in enumerate(zip(steps, factors, strict=True)):
        alive = lag < path.lengths
        result.log_largest.append(_mean(largest, alive))
        result.log_smallest.append(_mean(smallest, alive))
        result.log_condition.append(_mean(largest - smallest, alive))
        result.log_bound.append(_mean(bound, alive))
        found = torch.linalg.svdvals(factor)
        values[step[alive], sequences[alive]] = found[alive]
        lost = found[:, -1] <= floor(found[:, 0], size, found.dtype)
        product, scale = _unit(product @ factor, scale)
        largest = scale + _norm(product).log()
        bound = bound + found[:, 0].log()
        if not (inverse_scale == math.inf).all():  # else no inverse will come again
            # A singular factor has no inverse: the identity stands in for it, and the infinite scale remembers.
            invertible = torch.where(lost[:, None, None], one, factor)
            inverse, inverse_scale = _unit(
                torch.linalg.solve(invertible, inverse), inverse_scale.masked_fill(lost, math.inf)
            )
            smallest = -inverse_scale - _norm(inverse).log()
    logs = values.maximum(floor(values[..., 0], size, values.dtype)[..., None]).log().mean(dim=-1)
    return StepSpectra(*map(path.sequence_mean, (values[..., 0], values[..., -1], logs))), result


def _norm(matrix: Tensor) -> Tensor:
    """Return the largest singular value [B] of ``matrix`` [B, S, S], by its square, which is faster and as exact."""
    return torch.linalg.eigvalsh(matrix.mT @ matrix)[..., -1].clamp(min=0).sqrt()


def _unit(matrix: Tensor, log_scale: Tensor) -> tuple[Tensor, Tensor]:
    """Return ``matrix`` [B, S, S] with norm 1, or zero, and the log of the scale [B] taken out of it."""
    norm = torch.linalg.matrix_norm(matrix)
    return matrix / norm.where(norm > 0, 1)[:, None, None], log_scale + norm.log()


def _mean(values: Tensor, alive: Tensor) -> float | None:
    mean = values[alive].mean().item()
    return mean if math.isfinite(mean) else None


def _of_path(path: Path, options: Options) -> Found:
    steps, lags = _sweep(path)
    arrays = {f"jacobian_{name}": Measured(("step",), values) for name, values in steps._asdict().items()}
    arrays |= {  # None becomes nan
        f"long_term_{name}": Measured(("lag",), np.array(values, float)) for name, values in lags._asdict().items()
    }
    return Found(arrays)


DIAGNOSTIC = Diagnostic(
    name="jacobian",
    title="how much one step, and how much k steps, can stretch and shrink a gradient",
    formula="the singular values of J_t = ds_t/ds_{t-1}, the extreme ones of M_k = J_T ... J_{T-k+1}, and prod ||J_t||",
    source="Pascanu, Mikolov & Bengio 2013, section 2; Saxe, McClelland & Ganguli 2014; Engelken 2023",
    needs=("paths", "jacobians"),
    cost="S vector-Jacobian products, three decompositions and three products of S x S matrices a step and sequence",
    law="tanh RNN at zero input, state and bias: J_t = W; ||M_k|| is at most the product of the ||J_t||",
    widest=512,
    of_path=_of_path,
)
