"""Gate time constants: how long a gated unit remembers.

Tallec & Ollivier 2018, "Can recurrent neural networks warp time?" (arXiv:1804.11188), section 2: a unit that keeps the
share f of its memory at every step forgets with the time constant tau = -1 / ln f steps, in which it falls to 1/e. A
gate that changes along a sequence keeps the product of its f, so tau uses the mean of ln f. What a cell keeps is
``cell.retention``: the LSTM's f, the GRU's 1 - z.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch

from rnnbench.gradients.diagnostic import Diagnostic, Found, Measured, Options
from rnnbench.gradients.measurement import Measurement
from rnnbench.gradients.path import Array, Path
from rnnbench.network.states import map_state

OPEN, CLOSED = 0.9, 0.1
"""A gate above the first remembers, one below the second forgets."""
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


class TimeConstants(NamedTuple):
    """How long the units of one direction remember on a batch: H, or all numbers of a memory of more."""

    tau: Array
    """-1 / mean ln f over all valid steps and sequences, in steps: float64 [U]."""
    quantiles: Array
    """The quantiles QUANTILES of ``tau`` over units, in steps: float64 [5]."""
    share_open: float
    """The share of all f, over steps, sequences and units, above OPEN."""
    share_closed: float
    """The share of all f below CLOSED."""


def time_constants(measurement: Measurement) -> list[list[TimeConstants | None]]:
    """Return the time constants of the units of each direction; None for a cell without gates.

    A gate that rounds to 0 or 1 counts as the nearest number inside (0, 1), so tau is at most about 1 / eps of float64.
    """
    return measurement.each(_time_constants)


@torch.no_grad()
def _time_constants(path: Path) -> TimeConstants | None:
    before = map_state(lambda part: part[:-1].flatten(0, 1), path.states)
    kept = path.cell.retention(before, path.drives.flatten(0, 1))
    if kept is None:
        return None
    kept = kept[path.valid.flatten()].flatten(1)
    limits = torch.finfo(kept.dtype)
    tau = -1 / kept.clamp(limits.tiny, 1 - limits.eps).double().log().mean(dim=0)
    quantiles = tau.quantile(tau.new_tensor(QUANTILES))
    shares = [float(chosen.double().mean()) for chosen in (kept > OPEN, kept < CLOSED)]
    return TimeConstants(tau.cpu().numpy(), quantiles.cpu().numpy(), *shares)


def _of_path(path: Path, options: Options) -> Found:
    gates = _time_constants(path)
    if gates is None:
        return Found()
    arrays = {
        "time_constant": Measured(("unit",), gates.tau),
        "share_open": Measured((), np.array(gates.share_open)),
        "share_closed": Measured((), np.array(gates.share_closed)),
    }
    numbers = {
        "time_constant_median": float(np.median(gates.tau)),
        "share_open": gates.share_open,
        "share_closed": gates.share_closed,
    }
    return Found(arrays, dict(numbers))


DIAGNOSTIC = Diagnostic(
    name="gates",
    title="how long gated units remember",
    formula="tau = -1 / mean ln f of each unit, f the share of its memory that it keeps in a step",
    source="Tallec & Ollivier 2018",
    needs=("paths", "gates"),
    cost="one step on all states at once",
    law="an LSTM without recurrent weights and with forget bias b has tau = -1 / ln sigmoid(b)",
    of_path=_of_path,
)
