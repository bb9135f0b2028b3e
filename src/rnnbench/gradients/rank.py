"""The effective rank: in how many directions the states vary.

Roy & Vetterli 2007, "The effective rank: a measure of effective dimensionality": exp of the entropy of the normalised
singular values, from 1 to the number of them. Of the states of all steps and sequences as rows of one matrix, less
their mean; and, where a part of the state is a matrix of associations, of each such matrix (Siems et al. 2025,
arXiv:2502.10297, follow it over a sequence).
"""

from __future__ import annotations

import torch
from torch import Tensor

from rnnbench.gradients.diagnostic import Diagnostic, Found, Number, Options
from rnnbench.gradients.measurement import Measurement
from rnnbench.gradients.path import Path
from rnnbench.network.states import flatten


def effective_rank(matrix: Tensor) -> Tensor:
    """Return exp of the entropy of the normalised singular values of ``matrix`` [..., N, M]: [...], 0 for zeros."""
    values = torch.linalg.svdvals(matrix)
    total = values.sum(dim=-1, keepdim=True)
    shares = values / total.where(total > 0, 1)
    return torch.special.entr(shares).sum(dim=-1).exp().where(total[..., 0] > 0, 0)


def state_ranks(measurement: Measurement) -> list[list[dict[str, Number]]]:
    """Return ``effective_rank`` of the states, and ``matrix_rank``, the mean of matrices that are parts of a state.

    The latter is None for a state of vectors.
    """
    return measurement.each(_ranks)


def _ranks(path: Path) -> dict[str, Number]:
    valid = path.valid
    states = flatten(path.states, 2)[1:][valid]
    axes = max(4, *(part.dim() for part in path.states))  # beside a matrix of each head there may be a vector of each
    matrices = [part[1:][valid].flatten(0, -3) for part in path.states if part.dim() == axes]
    ranks = [effective_rank(part).mean() for part in matrices]
    return {
        "effective_rank": float(effective_rank(states - states.mean(dim=0))),
        "matrix_rank": float(torch.stack(ranks).mean()) if ranks else None,
    }


def _of_network(measurement: Measurement, options: Options) -> Found:
    return Found(by_direction={path.layer_direction: _ranks(path) for layer in measurement.paths for path in layer})


DIAGNOSTIC = Diagnostic(
    name="rank",
    title="in how many directions the states vary",
    formula="exp(-sum p ln p), p the singular values of the states over their sum",
    source="Roy & Vetterli 2007; Siems et al. 2025",
    needs=("paths",),
    cost="one decomposition of a matrix of all states",
    law="r for states that vary alike in r orthogonal directions",
    of_network=_of_network,
)
