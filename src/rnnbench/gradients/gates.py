"""Gate time constants: how long a gated unit remembers.

Tallec & Ollivier 2018, "Can recurrent neural networks warp time?" (arXiv:1804.11188), section 2: a unit that keeps the
share f of its memory at every step forgets with the time constant tau = -1 / ln f steps, in which it falls to 1/e. A
gate that changes along a sequence keeps the product of its f, so tau uses the mean of ln f. What a cell keeps is
``cell.retention``: the LSTM's f, the GRU's 1 - z.
"""

from __future__ import annotations

from typing import NamedTuple

import torch

from rnnbench.gradients.trajectory import Array, Trajectory
from rnnbench.network.states import map_state

OPEN, CLOSED = 0.9, 0.1
"""A gate above the first remembers, one below the second forgets."""
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


class TimeConstants(NamedTuple):
    """How long the H units of one direction remember on a batch."""

    tau: Array
    """-1 / mean ln f over all valid steps and sequences, in steps: float64 [H]."""
    quantiles: Array
    """The quantiles QUANTILES of ``tau`` over units, in steps: float64 [5]."""
    share_open: float
    """The share of all f, over steps, sequences and units, above OPEN."""
    share_closed: float
    """The share of all f below CLOSED."""


@torch.no_grad()
def time_constants(path: Trajectory) -> TimeConstants | None:
    """The time constants of a cell's units along a path, or None for a cell without gates.

    A gate that rounds to 0 or 1 counts as the nearest number inside (0, 1), so tau is at most about 1 / eps of float64.
    """
    before = map_state(lambda part: part[:-1].flatten(0, 1), path.states)
    kept = path.cell.retention(before, path.drives.flatten(0, 1))
    if kept is None:
        return None
    kept = kept[path.valid.flatten()]
    limits = torch.finfo(kept.dtype)
    tau = -1 / kept.clamp(limits.tiny, 1 - limits.eps).double().log().mean(dim=0)
    quantiles = tau.quantile(tau.new_tensor(QUANTILES))
    shares = [float(chosen.double().mean()) for chosen in (kept > OPEN, kept < CLOSED)]
    return TimeConstants(tau.cpu().numpy(), quantiles.cpu().numpy(), *shares)
