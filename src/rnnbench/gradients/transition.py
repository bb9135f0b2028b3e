"""The eigenvalues of one step: what a state can do again and again.

The transition is J_t = ds_t/ds_{t-1}: for a linear cell its matrix A_t, as a diagonal decay or 1 - beta ||k||^2. A
single layer whose eigenvalues are all positive cannot count modulo two (Grazzi, Siems, Franke, Zela, Hutter & Pontil
2024, arXiv:2411.12537); those near 1 remember, 1 / (1 - |lambda|) steps. Of a matrix memory S_t = A_t S_{t-1} + ...
they are the eigenvalues of each head's A_t, once for all columns of S.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from rnnbench.gradients.diagnostic import Diagnostic, Found, Measured, Options
from rnnbench.gradients.measurement import Measurement
from rnnbench.gradients.path import Array, Path
from rnnbench.network.cells import MatrixCell

SAMPLES = 16
"""Steps at most, evenly spaced: eigenvalues of a matrix that is not symmetric cost most."""
LONG = 0.99
NEGATIVE = -1e-9


def transition_eigenvalues(measurement: Measurement) -> list[list[Array]]:
    """Return the eigenvalues of J_t at up to SAMPLES steps of each direction: complex128 [samples, B, S], of A_t N K.

    Each sequence's steps are evenly spaced over its own length, its first and its last among them.
    """
    return measurement.each(lambda path: _eigenvalues(path).cpu().numpy())


@torch.no_grad()
def _eigenvalues(path: Path) -> Tensor:
    count = min(SAMPLES, len(path.drives))
    places = torch.linspace(0, 1, count, dtype=torch.float64, device=path.lengths.device)
    steps = (places[:, None] * (path.lengths - 1)).round().long()
    if isinstance(path.cell, MatrixCell):
        drives = path.drives[steps, torch.arange(steps.shape[1], device=steps.device)]
        of_rows = path.cell.transition(drives)
        if of_rows is not None:
            return torch.linalg.eigvals(of_rows).flatten(2)
    return torch.linalg.eigvals(path.jacobians(steps))


def _of_path(path: Path, options: Options) -> Found:
    values = _eigenvalues(path)
    size = values.abs()
    numbers = {
        "spectral_radius": float(size.amax(dim=-1).mean()),
        "share_negative": float((values.real < NEGATIVE).double().mean()),
        "share_long": float((size > LONG).double().mean()),
    }
    real, imaginary = (part[:, 0].cpu().numpy() for part in (values.real, values.imag))
    order = np.argsort(-np.hypot(real, imaginary), axis=-1)
    axes = ("sample", "rank")
    arrays = {
        "eigenvalue_real": Measured(axes, np.take_along_axis(real, order, axis=-1)),
        "eigenvalue_imaginary": Measured(axes, np.take_along_axis(imaginary, order, axis=-1)),
    }
    return Found(arrays, dict(numbers))


DIAGNOSTIC = Diagnostic(
    name="transition",
    title="the eigenvalues of a step: the largest, the share below zero, the share that remembers",
    formula="eigenvalues of J_t at 16 steps; mean of max |lambda|, shares with Re lambda < 0 and |lambda| > 0.99",
    source="Pascanu, Mikolov & Bengio 2013; Grazzi et al. 2024; Orvieto et al. 2023",
    needs=("paths", "jacobians"),
    cost="16 decompositions of an S x S matrix for each sequence",
    law="linear RNN: those of W",
    of_path=_of_path,
)
