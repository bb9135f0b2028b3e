"""The recurrent weights by themselves: how far they are from orthogonal, and from normal.

Singular values and the distance from orthogonality: Vorontsov et al. 2017 (arXiv:1702.00071). Departure from
normality, after Henrici 1962, for recurrent networks Kerg et al. 2019 (arXiv:1905.12080):

    d(W) = sqrt( ||W||_F^2 - sum abs(eigenvalue)^2 )

0 for a normal W, whose powers neither grow nor shrink faster than its eigenvalues say; a non-normal W can amplify for
a while although its spectral radius is below 1.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from rnnbench.gradients.diagnostic import Diagnostic, Found, Measured, Options
from rnnbench.gradients.measurement import Measurement
from rnnbench.gradients.path import Array, Path
from rnnbench.network.cells import Cell


class WeightSpectrum(NamedTuple):
    """What one H x H block W of the recurrent weights does, dimensionless, computed in float64."""

    singular_values: Array
    """The singular values of W, largest first: float64 [H]."""
    orthogonality_gap: float
    """||W^T W - 1||_F; 0 for an orthogonal W."""
    nonnormality: float
    """Henrici's departure from normality; its rounding is about sqrt(eps) ||W||_F, because squares are subtracted."""


def weight_spectra(measurement: Measurement) -> list[list[dict[str, WeightSpectrum]]]:
    """Return the spectrum of each gate's block of ``recurrent_projection``, by gate, of each direction.

    Empty for a cell without a recurrent matrix.
    """
    return measurement.each(lambda path: _spectra(path.cell))


def _spectra(cell: Cell[Any]) -> dict[str, WeightSpectrum]:
    if not cell.recurrent_gates:
        return {}
    blocks = cell.recurrent_projection.weight.detach().split(cell.hidden_size)
    return {gate: _spectrum(block) for gate, block in zip(cell.recurrent_gates, blocks, strict=True)}


def _spectrum(weight: Tensor) -> WeightSpectrum:
    gram = weight.T @ weight
    excess = weight.square().sum() - torch.linalg.eigvals(weight).abs().square().sum()
    return WeightSpectrum(
        singular_values=torch.linalg.svdvals(weight).cpu().numpy(),
        orthogonality_gap=float(torch.linalg.matrix_norm(gram - torch.eye(len(gram)).to(gram))),
        nonnormality=float(excess.clamp(min=0).sqrt()),
    )


def _of_path(path: Path, options: Options) -> Found:
    weights = _spectra(path.cell).values()
    if not weights:
        return Found()
    return Found({
        "weight_singular_values": Measured(("gate", "unit"), np.stack([each.singular_values for each in weights])),
        "weight_orthogonality_gap": Measured(("gate",), np.array([each.orthogonality_gap for each in weights])),
        "weight_nonnormality": Measured(("gate",), np.array([each.nonnormality for each in weights])),
    })  # fmt: skip


DIAGNOSTIC = Diagnostic(
    name="weights",
    title="how far the recurrent weights are from orthogonal, and from normal",
    formula="singular values of W; ||W^T W - 1||_F; sqrt(||W||_F^2 - sum |eigenvalue|^2)",
    source="Vorontsov et al. 2017; Henrici 1962; Kerg et al. 2019",
    needs=("weights",),
    cost="two decompositions of each H x H block",
    law="both distances are zero for an orthogonal W",
    of_path=_of_path,
)
