"""All diagnostics of one network on one batch: arrays with named axes, and the numbers that sum them up.

Everything is computed in float64, on one copy. An entry of an array is nan where it does not exist (a long-term
Jacobian with a singular factor); what a cell does not have (gates, a recurrent matrix) is absent.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from rnnbench.gradients.contributions import far_shares
from rnnbench.gradients.decay import fit_decay
from rnnbench.gradients.gates import time_constants
from rnnbench.gradients.jacobian import step_spectra
from rnnbench.gradients.longterm import long_term
from rnnbench.gradients.lyapunov import lyapunov_spectrum
from rnnbench.gradients.omega import omega
from rnnbench.gradients.profile import norms_by_lag, state_gradients
from rnnbench.gradients.saliency import saliency
from rnnbench.gradients.trajectory import Array, Trajectory, precise, trajectory
from rnnbench.gradients.weights import weight_spectra
from rnnbench.network.model import Model
from rnnbench.network.states import flatten

WAY = ("layer", "direction")
DIRECTIONS = ("forward", "backward")
Way = tuple[int, ...]
"""The places of a layer and a direction in an array."""
Numbers = dict[str, Any]


class Measured(NamedTuple):
    """An array and the names of its axes."""

    axes: tuple[str, ...]
    values: Array


class Survey(NamedTuple):
    """What was measured at one moment."""

    arrays: dict[str, Measured]
    scalars: dict[str, float | str | None]
    """None for no number. Under plain names those of the layer and direction that ``headline`` names, whose gradient
    reaches furthest; where there are several, those of each too, as ``layer1_forward/horizon``."""

    def of_headline(self, name: str) -> Array:
        """Return what an array [layer, direction, ...] holds for the layer and direction of the headline."""
        values = self.arrays[name].values
        found: Array = values[
            next(way for way in np.ndindex(values.shape[:2]) if way_name(*way) == self.scalars["headline"])
        ]
        return found


def survey_profile(model: Model, batch: Any, loss: str) -> Survey:
    """Return the gradient norm of the state by lag, whole and by parts, and what it says.

    Over the sequences that reach a lag: the mean and the median of the norm, and the share where it is exactly zero.
    The scalars are those of ``fit_decay`` on the mean norm of the whole state, the ``far_share`` of ``far_shares``, and
    ``dead_share``, the share of the sequences whose norm is zero at each lag from 1 on.
    """
    arrays, found = _profile(*precise(model, batch), loss)
    return Survey(arrays, _scalars(found, arrays["state"].values))


def survey_all(model: Model, batch: Any, loss: str, sequences: int, exponents: int) -> Survey:
    """Return every diagnostic: ``survey_profile`` and the saliency on ``batch``, the others on its first ``sequences``.

    ``exponents`` is the number of Lyapunov exponents, the largest, at most the size of the state. The share of the
    saliency on ``batch.informative`` is None for a batch that does not say which inputs carry the information. Raises
    FloatingPointError where a state is not finite.
    """
    model, batch = precise(model, batch)
    arrays, found = _profile(model, batch, loss)
    few = _first(model, batch, sequences)
    paths = trajectory(model, few)
    size = flatten(paths[0][0].at(0), 1).shape[-1]
    seen = saliency(model, batch, loss)
    arrays |= _stack([[_along(path) for path in layer] for layer in paths])
    arrays["omega"] = Measured(WAY, omega(model, few, loss))
    arrays["lyapunov"] = Measured((*WAY, "exponent"), np.array(lyapunov_spectrum(model, few, min(exponents, size))))
    arrays["saliency"] = Measured(("step",), seen.by_step)
    for way, numbers in found.items():
        numbers["lyapunov_max"] = float(arrays["lyapunov"].values[way][0])
        # Of a dead gradient nothing is left to keep its norm.
        numbers["omega"] = None if numbers["decay"] == "dead" else float(arrays["omega"].values[way])
        if "time_constant" in arrays:
            numbers["time_constant_median"] = float(np.median(arrays["time_constant"].values[way]))
            numbers["share_open"] = float(arrays["share_open"].values[way])
            numbers["share_closed"] = float(arrays["share_closed"].values[way])
    share = None if batch.informative is None else seen.share(batch.informative)
    return Survey(arrays, _scalars(found, arrays["state"].values) | {"saliency_share": share})


def _profile(model: Model, batch: Any, loss: str) -> tuple[dict[str, Measured], dict[Way, Numbers]]:
    """The arrays of ``survey_profile``, and the numbers of each layer and direction."""
    gradients = state_gradients(model, batch, loss)
    arrays = {}
    for part, norms in norms_by_lag(model, batch, gradients).items():
        arrays[part] = Measured((*WAY, "lag"), norms.mean(axis=-1).filled(0))
        arrays[f"{part}_median"] = Measured((*WAY, "lag"), np.ma.median(norms, axis=-1).filled(0))
        arrays[f"{part}_dead"] = Measured((*WAY, "lag"), (norms == 0).mean(axis=-1).filled(np.nan))
        if part == "state":
            dead = np.ma.filled((norms[:, :, 1:] == 0).all(axis=2).mean(axis=-1), np.nan)
    try:
        far = far_shares(model, batch, loss, gradients)
    except FloatingPointError:  # what has diverged still has a profile
        far = np.full_like(dead, np.nan)
    reached = len(batch.inputs) if batch.lengths is None else int(batch.lengths.max())
    whole = np.nan_to_num(arrays["state"].values[:, :, :reached])
    found: dict[Way, Numbers] = {}
    for way in np.ndindex(dead.shape):
        numbers: Numbers = {**fit_decay(whole[way])._asdict(), "far_share": _number(far[way])}
        found[way] = numbers | {"dead_share": _number(dead[way]) if whole.shape[-1] > 1 else None}
    return arrays, found


def _scalars(found: dict[Way, Numbers], norms: Array) -> dict[str, float | str | None]:
    """Those of the headline under plain names, and of each layer and direction where there are several.

    The headline has the largest horizon; of several the one with the largest of the ``norms`` that arrive there.
    """

    def reach(way: Way) -> tuple[int, float]:
        horizon = found[way]["horizon"]
        return (-1, 0.0) if horizon is None else (horizon, norms[way][horizon])

    head = max(found, key=reach)
    scalars: dict[str, float | str | None] = {"headline": way_name(*head), **found[head]}
    if len(found) > 1:
        for (layer, direction), numbers in found.items():
            prefix = f"layer{layer + 1}_{DIRECTIONS[direction]}"
            scalars |= {f"{prefix}/{name}": value for name, value in numbers.items()}
    return scalars


def way_name(layer: int, direction: int) -> str:
    """Return the name of a layer and a direction, for people, who count layers from 1: "layer 2, backward"."""
    return f"layer {layer + 1}, {DIRECTIONS[direction]}"


def _number(value: Any) -> float | None:
    return None if np.isnan(value) else float(value)


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
