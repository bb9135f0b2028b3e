"""All diagnostics of one network on one batch: arrays with named axes, and the numbers that sum them up.

Everything is computed in float64, on one copy. An entry of an array is nan where it does not exist (a long-term
Jacobian with a singular factor); what a cell does not have (gates, a recurrent matrix) is absent.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from rnnbench.gradients.decay import fit_decay
from rnnbench.gradients.gates import time_constants
from rnnbench.gradients.jacobian import step_spectra
from rnnbench.gradients.longterm import long_term
from rnnbench.gradients.lyapunov import lyapunov_spectrum
from rnnbench.gradients.omega import omega
from rnnbench.gradients.profile import gradient_norms
from rnnbench.gradients.saliency import saliency
from rnnbench.gradients.states import flatten
from rnnbench.gradients.trajectory import Array, Trajectory, precise, trajectory
from rnnbench.gradients.weights import weight_spectra
from rnnbench.model import Model

WAY = ("layer", "direction")


class Measured(NamedTuple):
    """An array and the names of its axes."""

    axes: tuple[str, ...]
    values: Array


class Survey(NamedTuple):
    """What was measured at one moment."""

    arrays: dict[str, Measured]
    scalars: dict[str, float | None]
    """Of the last layer's forward direction, the one that the loss sees most directly; None for no number."""


def survey_profile(model: Model, batch: Any, loss: str) -> Survey:
    """The gradient norm of each part of the state by lag, and the decay of dL/dh.

    Over the sequences that reach a lag: the mean and the median of the norm, and the share where it is exactly zero.
    """
    arrays = {}
    for part, norms in gradient_norms(model, batch, loss).items():
        arrays[part] = Measured((*WAY, "lag"), norms.mean(axis=-1).filled(0))
        arrays[f"{part}_median"] = Measured((*WAY, "lag"), np.ma.median(norms, axis=-1).filled(0))
        arrays[f"{part}_dead"] = Measured((*WAY, "lag"), (norms == 0).mean(axis=-1).filled(1))
    return Survey(arrays, fit_decay(np.nan_to_num(arrays["h"].values[-1, 0]))._asdict())


def survey_all(model: Model, batch: Any, loss: str, sequences: int, exponents: int) -> Survey:
    """Every diagnostic: ``survey_profile`` and the saliency on ``batch``, the others on its first ``sequences`` alone.

    ``exponents`` is the number of Lyapunov exponents, the largest, at most the size of the state. The share of the
    saliency on ``batch.informative`` is None for a batch that does not say which inputs carry the information. Raises
    FloatingPointError where a state is not finite.
    """
    model, batch = precise(model, batch)
    profile = survey_profile(model, batch, loss)
    few = _first(model, batch, sequences)
    paths = trajectory(model, few)
    size = flatten(paths[0][0].at(0), 1).shape[-1]
    seen = saliency(model, batch, loss)
    arrays = profile.arrays | _stack([[_along(path) for path in layer] for layer in paths])
    arrays["omega"] = Measured(WAY, omega(model, few, loss))
    arrays["lyapunov"] = Measured((*WAY, "exponent"), np.array(lyapunov_spectrum(model, few, min(exponents, size))))
    arrays["saliency"] = Measured(("step",), seen.by_step)
    scalars = profile.scalars | {
        "lyapunov_max": float(arrays["lyapunov"].values[-1, 0, 0]),
        "omega": float(arrays["omega"].values[-1, 0]),
        "saliency_share": None if batch.informative is None else seen.share(batch.informative),
    }
    if "time_constant" in arrays:
        scalars["time_constant_median"] = float(np.median(arrays["time_constant"].values[-1, 0]))
        scalars["share_open"] = float(arrays["share_open"].values[-1, 0])
        scalars["share_closed"] = float(arrays["share_closed"].values[-1, 0])
    return Survey(arrays, scalars)


def _along(path: Trajectory) -> dict[str, Measured]:
    """What is said of one direction of one layer."""
    found = {f"jacobian_{name}": Measured(("step",), values) for name, values in step_spectra(path)._asdict().items()}
    for name, values in long_term(path)._asdict().items():
        found[f"long_term_{name}"] = Measured(("lag",), np.array(values, dtype=float))  # None becomes nan
    gates = time_constants(path)
    if gates is not None:
        found["time_constant"] = Measured(("unit",), gates.tau)
        found["share_open"] = Measured((), np.array(gates.share_open))
        found["share_closed"] = Measured((), np.array(gates.share_closed))
    weights = weight_spectra(path.cell).values()
    if weights:
        singular = np.stack([weight.singular_values for weight in weights])
        found["weight_singular_values"] = Measured(("gate", "unit"), singular)
        found["weight_orthogonality_gap"] = Measured(("gate",), np.array([w.orthogonality_gap for w in weights]))
        found["weight_nonnormality"] = Measured(("gate",), np.array([w.nonnormality for w in weights]))
    return found


def _stack(found: list[list[dict[str, Measured]]]) -> dict[str, Measured]:
    """Layers and directions as the first two axes; all have the same cell, hence the same names."""
    return {
        name: Measured((*WAY, *first.axes), np.array([[way[name].values for way in layer] for layer in found]))
        for name, first in found[0][0].items()
    }


def _first(model: Model, batch: Any, sequences: int) -> Any:
    """The first ``sequences`` sequences of a batch, as far as a diagnostic reads them."""
    targets = batch.targets[:, :sequences] if model.every_step else batch.targets[:sequences]
    lengths = None if batch.lengths is None else batch.lengths[:sequences]
    return batch._replace(inputs=batch.inputs[:, :sequences], targets=targets, lengths=lengths)
