"""The finite-time Lyapunov spectrum: the mean rates at which a network stretches its state along a real input.

Benettin et al. 1980; for recurrent networks Vogt et al. 2022 (arXiv:2006.14123) and Engelken, Wolf & Abbott 2023
(arXiv:2006.02427):

    Q_t R_t = qr(J_t Q_{t-1}),      lambda_i = mean over t of ln abs(R_t)_ii

The largest exponent is the rate at which a long-term Jacobian, hence a gradient, grows (> 0) or vanishes (< 0); a
spread spectrum says that it does so in few directions. All exponents together sum to the mean of ln abs det J_t. Q_0
is a random rotation, the same in every call; the first steps, in which Q_t aligns itself, can be left out.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from rnnbench.errors import check_range
from rnnbench.gradients.jacobian import floor, step_jacobian
from rnnbench.gradients.trajectory import Array, Trajectory, trajectory
from rnnbench.network.model import Model
from rnnbench.network.states import flatten


def lyapunov_spectrum(model: Model, batch: Any, count: int | None = None, warmup: int = 0) -> list[list[Array]]:
    """The exponents of every direction, natural log per step: [layer][direction], each float64 [count].

    ``count`` asks for that many of the largest exponents (all S of the state without it); the first ``warmup`` steps
    are followed but not counted. Exponents are taken per sequence, then their mean over sequences; they come in the
    order of the QR decomposition, the largest first once Q has aligned. All arithmetic is in float64.

    A factor that is rounding beside the step's largest counts as that rounding (``jacobian.floor``), so a direction
    that the network destroys has a finite exponent near ln(S eps), -36 to -30. Raises UserError for a count or warm-up
    out of range, FloatingPointError where a state is not finite.
    """
    return [[_spectrum(path, count, warmup) for path in layer] for layer in trajectory(model, batch)]


def _spectrum(path: Trajectory, count: int | None, warmup: int) -> Array:
    size = flatten(path.at(0), 1).shape[-1]
    count = size if count is None else count
    check_range("count", count, at_least=1, below=size + 1)
    check_range("warmup", warmup, at_least=0, below=int(path.lengths.min()))
    basis = _rotation(size, path.drives.device)[:, :count].expand(len(path.lengths), -1, -1)
    total = basis.new_zeros(len(path.lengths), count)
    for t, (drive, valid) in enumerate(zip(path.drives, path.valid, strict=True)):
        basis, triangle = torch.linalg.qr(step_jacobian(path.cell, path.at(t), drive) @ basis)
        if t >= warmup:
            factors = triangle.diagonal(dim1=-2, dim2=-1).abs()
            factors = factors.maximum(floor(factors.amax(dim=-1, keepdim=True), size, factors.dtype))
            total += factors.log().where(valid[:, None], 0)
    return (total / (path.lengths - warmup)[:, None]).mean(dim=0).cpu().numpy()


def _rotation(size: int, device: torch.device) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.linalg.qr(torch.randn(size, size, dtype=torch.float64, generator=generator)).Q.to(device)
