"""The norm of dL/ds_t against lag: does the gradient still arrive?

Hochreiter 1991; Bengio, Simard & Frasconi 1994; Pascanu, Mikolov & Bengio 2013 (arXiv:1211.5063). L is the loss of each
sequence's last target alone, so the lag of s_t is its distance to the loss, counted in steps of its own direction.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from torch import Tensor

from rnnbench.gradients.decay import fit_decay
from rnnbench.gradients.diagnostic import LAYER_DIRECTION, Diagnostic, Found, Measured, Number, Options
from rnnbench.gradients.measurement import Measurement
from rnnbench.gradients.path import Array, LayerDirection
from rnnbench.network.layers import Recurrent, reversal
from rnnbench.network.states import as_real, flatten

MaskedArray = Any  # numpy.ma.MaskedArray, which NumPy does not type yet


def gradient_norms(measurement: Measurement) -> dict[str, MaskedArray]:
    """Return ||dL/ds_t||_2 of every sequence by lag, part by part: masked float64 [layer, direction, T, B].

    The keys are the names of the parts (``h``; ``h`` and ``c`` for an LSTM) and ``state`` for the norm of the whole.
    Entry k of the lag axis is the gradient k steps of that direction before the sequence's end; it is masked where the
    sequence has no more than k steps.
    """
    gradients, batch = measurement.gradients, measurement.batch
    names = gradients[0][0]._fields
    parts: dict[str, Callable[[Any], Tensor]] = {name: partial(_part, name) for name in names} | {"state": _whole}
    return {
        name: np.ma.stack(
            [
                np.ma.stack([_by_lag(part(state), direction, batch) for state, direction in zip(*layer, strict=True)])
                for layer in zip(gradients, measurement.model.stack.layer_directions(), strict=True)
            ]
        )
        for name, part in parts.items()
    }


def gradient_profile(measurement: Measurement) -> dict[str, Array]:
    """Return the mean of ``gradient_norms`` over the sequences that reach each lag: float64 [layer, direction, T].

    Zero at lags that no sequence reaches.
    """
    return {name: norms.mean(axis=-1).filled(0) for name, norms in gradient_norms(measurement).items()}


def _profile(measurement: Measurement, options: Options) -> Found:
    """Return the mean and the median norm by lag, the share that is exactly zero, and how the mean decays."""
    arrays = {}
    for part, norms in gradient_norms(measurement).items():
        arrays[part] = Measured((*LAYER_DIRECTION, "lag"), norms.mean(axis=-1).filled(0))
        arrays[f"{part}_median"] = Measured((*LAYER_DIRECTION, "lag"), np.ma.median(norms, axis=-1).filled(0))
        arrays[f"{part}_dead"] = Measured((*LAYER_DIRECTION, "lag"), (norms == 0).mean(axis=-1).filled(np.nan))
        if part == "state":
            dead = np.ma.filled((norms[:, :, 1:] == 0).all(axis=2).mean(axis=-1), np.nan)
    batch = measurement.batch
    reached = len(batch.inputs) if batch.lengths is None else int(batch.lengths.max())
    whole = np.nan_to_num(arrays["state"].values[:, :, :reached])
    by_direction: dict[LayerDirection, dict[str, Number]] = {
        (layer, direction): {
            **fit_decay(whole[layer, direction])._asdict(),
            "dead_share": float(dead[layer, direction]) if reached > 1 else None,
        }
        for layer, direction in np.ndindex(dead.shape)
    }
    return Found(arrays, by_direction=by_direction)


def _part(name: str, state: Any) -> Tensor:
    return as_real(getattr(state, name), 2)


def _whole(state: Any) -> Tensor:
    return flatten(state, 2)


def _by_lag(gradient: Tensor, direction: Recurrent, batch: Any) -> MaskedArray:
    norms = gradient.norm(dim=-1)
    lengths = None if batch.lengths is None else batch.lengths.to(norms.device)
    if not direction.reverse:
        norms = norms.gather(0, reversal(norms, lengths))
    masked = np.ma.array(norms.cpu().numpy(), mask=False)
    if lengths is not None:
        masked.mask = np.arange(len(norms))[:, None] >= lengths.cpu().numpy()
    return masked


DIAGNOSTIC = Diagnostic(
    name="profile",
    title="the norm of the gradient that arrives at the state, by lag, and what it does: decays, flat, grows or dead",
    formula="g(k) = mean over sequences of ||dL/ds_{T-k}||, of the whole state and of each part",
    source="Hochreiter 1991; Bengio, Simard & Frasconi 1994; Pascanu, Mikolov & Bengio 2013",
    needs=("profile",),
    cost="one pass of the loop engine forward and back",
    law="linear RNN, W = rho * orthogonal: the slope of ln g against lag is ln rho",
    of_network=_profile,
)
