"""The finite-time Lyapunov spectrum: the mean rates at which a network stretches its state along a real input.

Benettin et al. 1980; for recurrent networks Vogt et al. 2022 (arXiv:2006.14123) and Engelken, Wolf & Abbott 2023
(arXiv:2006.02427):

    Q_t R_t = qr(J_t Q_{t-1}),      lambda_i = mean over t of ln abs(R_t)_ii

The largest exponent is the rate at which a long-term Jacobian, hence a gradient, grows (> 0) or vanishes (< 0); a
spread spectrum says that it does so in few directions. All exponents together sum to the mean of ln abs det J_t. Q_0
is a random rotation, the same in every call; the first steps, in which Q_t aligns itself, can be left out.
"""

from __future__ import annotations

import torch
from torch import Tensor

from rnnbench.errors import check_range
from rnnbench.gradients.diagnostic import Diagnostic, Found, Measured, Options
from rnnbench.gradients.jacobian import floor
from rnnbench.gradients.measurement import Measurement
from rnnbench.gradients.path import Array, Path


def lyapunov_spectrum(measurement: Measurement, count: int | None = None, warmup: int = 0) -> list[list[Array]]:
    """Return the exponents of every direction, natural log per step: [layer][direction], each float64 [count].

    ``count`` asks for that many of the largest exponents (all S of the state without it); the first ``warmup`` steps
    are followed but not counted. Exponents are taken per sequence, then their mean over sequences; they come in the
    order of the QR decomposition, the largest first once Q has aligned.

    A factor that is rounding beside the step's largest counts as that rounding (``jacobian.floor``), so a direction
    that the network destroys has a finite exponent near ln(S eps), -36 to -30. Raises UserError for a count or warm-up
    out of range, FloatingPointError where a state is not finite.
    """
    return measurement.each(lambda path: _spectrum(path, count, warmup))


def _spectrum(path: Path, count: int | None, warmup: int = 0) -> Array:
    size = path.size
    count = size if count is None else count
    check_range("count", count, at_least=1, below=size + 1)
    check_range("warmup", warmup, at_least=0, below=int(path.lengths.min()))
    basis = _rotation(size, path.drives.device)[:, :count].expand(len(path.lengths), -1, -1)
    total = basis.new_zeros(len(path.lengths), count)
    steps = torch.arange(len(path.drives), device=basis.device)[:, None].expand(path.drives.shape[:2])
    jacobians = (jacobian for piece in path.pieces() for jacobian in path.jacobians(steps[piece]))
    for t, (jacobian, valid) in enumerate(zip(jacobians, path.valid, strict=True)):
        basis, triangle = torch.linalg.qr(jacobian @ basis)
        if t >= warmup:
            factors = triangle.diagonal(dim1=-2, dim2=-1).abs()
            factors = factors.maximum(floor(factors.amax(dim=-1, keepdim=True), size, factors.dtype))
            total += factors.log().where(valid[:, None], 0)
    return (total / (path.lengths - warmup)[:, None]).mean(dim=0).cpu().numpy()


def _rotation(size: int, device: torch.device) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.linalg.qr(torch.randn(size, size, dtype=torch.float64, generator=generator)).Q.to(device)


def _of_path(path: Path, options: Options) -> Found:
    exponents = _spectrum(path, min(options.exponents, path.size))
    return Found({"lyapunov": Measured(("exponent",), exponents)}, {"lyapunov_max": float(exponents[0])})


DIAGNOSTIC = Diagnostic(
    name="lyapunov",
    title="the mean rates at which the network stretches its state",
    formula="Q_t R_t = qr(J_t Q_{t-1}); lambda_i = mean over t of ln |(R_t)_ii|",
    source="Benettin et al. 1980; Vogt et al. 2022; Engelken, Wolf & Abbott 2023",
    needs=("paths", "jacobians"),
    cost="one Jacobian and one QR decomposition of S x exponents a step and sequence",
    law="linear RNN: the largest tends to ln(spectral radius), all sum to ln |det W|",
    of_path=_of_path,
)
