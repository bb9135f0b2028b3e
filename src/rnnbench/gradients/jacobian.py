"""One-step Jacobians J_t = ds_t/ds_{t-1}: what a single step does to a gradient.

Pascanu, Mikolov & Bengio 2013 (arXiv:1211.5063), section 2: the gradient k steps back is a product of k of these, so
it vanishes where their largest singular values stay below 1 and can explode only where they exceed it. For the tanh
network J_t = diag(1 - h_t^2) W_hh. Here J_t is taken on the whole state s (LSTM: [h; c]) from ``cell.step`` alone, by
reverse-mode differentiation, so it holds for any cell. Axis letter S: the size of the state as one real vector.

Rows are outputs: J[i, j] = ds_t[i] / ds_{t-1}[j], so a gradient, a row vector, flows back as g_{t-1} = g_t J_t.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor

from rnnbench.gradients.trajectory import Array, Trajectory
from rnnbench.network.cells import Cell
from rnnbench.network.states import flatten, unflatten


class StepSpectra(NamedTuple):
    """The mean over sequences of what each J_t does, dimensionless; float64 [T], entry t - 1 is step t."""

    largest: Array
    """The largest singular value of J_t, its 2-norm."""
    smallest: Array
    """The smallest singular value of J_t; about the rounding of the largest where J_t is singular."""
    mean_log: Array
    """The mean natural log of the S singular values, (1/S) ln abs det J_t; each counts as at least ``floor``."""
    radius: Array
    """The spectral radius of J_t, its largest absolute eigenvalue."""


def pull_back(cell: Cell[Any], state: Any, drive: Tensor) -> Callable[[Tensor], Tensor]:
    """The function g -> g J for g [B, S], J the Jacobian of ``cell.step`` at ``state`` (parts [B, *]) and ``drive``."""
    product = torch.func.vjp(lambda flat: flatten(cell.step(unflatten(flat, state), drive), 1), flatten(state, 1))[1]
    return lambda gradient: product(gradient)[0]


@torch.no_grad()
def step_jacobian(cell: Cell[Any], state: Any, drive: Tensor) -> Tensor:
    """ds'/ds [B, S, S] of one step s' = step(s, drive), for every sequence, in the state's dtype."""
    product, flat = pull_back(cell, state, drive), flatten(state, 1)
    rows = torch.eye(flat.shape[1], dtype=flat.dtype, device=flat.device)
    return torch.func.vmap(lambda row: product(row.expand_as(flat)))(rows).transpose(0, 1)


def step_jacobians(path: Trajectory) -> Tensor:
    """J_1 .. J_T along a path: [T, B, S, S], entry t - 1 is ds_t/ds_{t-1}; computed one step at a time.

    Entries after a sequence's end are finite and mean nothing. The result holds T * B * S * S numbers, 420 MB for 200
    steps of 4 sequences through an LSTM of 128 units in float64: a few sequences are enough.
    """
    return torch.stack([step_jacobian(path.cell, path.at(t), drive) for t, drive in enumerate(path.drives)])


def floor(largest: Tensor, size: int, dtype: torch.dtype) -> Tensor:
    """The value below which a singular value of an S x S matrix of ``dtype`` is rounding: S eps ``largest``, above 0.

    ``largest`` is the matrix's largest singular value, float64; so logarithms of values raised to it are finite.
    """
    return (size * torch.finfo(dtype).eps * largest).clamp(min=torch.finfo(torch.float64).tiny)


def step_spectra(path: Trajectory) -> StepSpectra:
    """Singular values and spectral radius of each J_t along a path, in float64."""
    jacobians = step_jacobians(path)
    values = torch.linalg.svdvals(jacobians.double())
    largest = values[..., 0]
    logs = values.maximum(floor(largest, values.shape[-1], jacobians.dtype)[..., None]).log().mean(dim=-1)
    radius = torch.linalg.eigvals(jacobians.double()).abs().amax(dim=-1)
    return StepSpectra(*map(path.sequence_mean, (largest, values[..., -1], logs, radius)))
