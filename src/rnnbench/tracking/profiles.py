"""The gradient profiles of a run for W&B: curves over lag, a table of all of them, and pictures.

W&B draws one curve a run and key, so the first and the last profile are keys of their own: ``grad_initial/...`` and
``grad_final/...``, one for each layer and direction, such as ``grad_final/layer1_backward``, with ``lag`` as their
step. A panel overlays runs and groups them by any key of the configuration. A key with the step of every probe would
give a deep network hundreds of panels, and rows of several probes under one key would be one zigzag over the same lags,
so the probes in between are in the table ``gradient_profiles`` and in the picture ``gradient_heat_map``. The parts of a
state that has several are keys too (``grad_final_c/layer1_forward``), hidden from the panels that W&B makes by itself.

All are log10 of the mean norm of dL/ds_t, so that W&B's mean over runs is the geometric mean, as in the report, and
never less than FLOOR, so that a norm of zero does not cut the band of its setting. They are logged when training has
ended, because a run that goes on from a checkpoint must log the same rows again.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil
from typing import TYPE_CHECKING, Any

import numpy as np

from rnnbench.outcomes.diagnostic_columns import MOMENTS
from rnnbench.outcomes.layer_directions import DIRECTIONS
from rnnbench.tracking.artifacts import patiently
from rnnbench.tracking.keys import FLOOR, HEAT_MAP, LAG, SPECTRUM, STEP, TABLE, TIME_CONSTANTS, WHOLE, curve_key

if TYPE_CHECKING:
    from rnnbench.training.probe import Probe

Array = np.ndarray[Any, Any]
COLUMNS = {"step": int, "layer": int, "direction": str, "part": str, "lag": int, "log10_norm": float}
"""Of the table."""
ROWS = 20_000
"""The most rows of the table, which take a second. A larger one has every second lag, or every third, and so on; the
run's artifact has all."""
PLACE = {"initial": 0, "final": -1}
"""The place of each moment among the probes of a run."""


def log_profiles(run: Any, probe: Probe) -> None:
    """Log what all probes of a run measured, each key defined exactly. Raises ValueError where there was no probe."""
    import wandb

    from rnnbench.tracking import charts

    arrays = {name: measured.values for name, measured in probe.arrays.items()}
    parts = logarithms(arrays)
    _log_curves(run, parts)
    pictures = {HEAT_MAP: charts.heat_map(arrays["step"], parts[WHOLE], FLOOR)}
    if "lyapunov" in arrays:
        singular = [arrays[name] for name in ("jacobian_largest", "jacobian_smallest") if name in arrays]
        pictures[SPECTRUM] = charts.spectra(arrays["lyapunov"], singular)
    for name in (*pictures, TABLE):
        run.define_metric(name, step_metric=STEP)
    last = {STEP: int(arrays["step"][-1])}
    run.log({name: wandb.Image(picture) for name, picture in pictures.items()} | last)
    if "time_constant" in arrays:
        _log_time_constants(run, arrays["step"], arrays["time_constant"])
    rows = list(table_rows(parts, arrays["step"]))
    table = wandb.Table(columns=list(COLUMNS), data=rows, dtype=list(COLUMNS.values()), optional=False)
    patiently(lambda: run.log({TABLE: table} | last))


def logarithms(arrays: dict[str, Array]) -> dict[str, Array]:
    """Return log10 of the norms [probe, layer, direction, lag] of the whole state and, of several parts, each.

    At least FLOOR; not finite where a norm is not.
    """
    parts = [name for name in arrays if f"{name}_median" in arrays and name != WHOLE]
    shown = [WHOLE, *(parts if len(parts) > 1 else ())]
    return {name: np.log10(np.maximum(arrays[name], 10.0**FLOOR)) for name in shown}


def table_rows(parts: dict[str, Array], steps: Array) -> Iterator[list[Any]]:
    """Yield the rows of the table, in the order of COLUMNS, of at most ROWS."""
    stride = ceil(sum(values.size for values in parts.values()) / ROWS)
    for part, values in parts.items():
        for index, norm in np.ndenumerate(values[..., ::stride]):
            probe, layer, direction, lag = index
            yield [int(steps[probe]), layer + 1, DIRECTIONS[direction], part, lag * stride, float(norm)]


def _log_curves(run: Any, parts: dict[str, Array]) -> None:
    """Log one row a lag, with all curves; what is not finite is left out."""
    run.define_metric(LAG, hidden=True, summary="none")
    curves = {}
    for part, values in parts.items():
        for moment in MOMENTS:
            for layer, directions in enumerate(values[PLACE[moment]], start=1):
                for direction, curve in zip(DIRECTIONS, directions, strict=False):
                    key = curve_key(moment, f"layer{layer}_{direction}", part)
                    run.define_metric(key, step_metric=LAG, summary="none", hidden=part != WHOLE)
                    curves[key] = curve.tolist()
    for lag in range(parts[WHOLE].shape[-1]):
        run.log({LAG: lag} | {key: curve[lag] for key, curve in curves.items() if np.isfinite(curve[lag])})


def _log_time_constants(run: Any, steps: Array, constants: Array) -> None:
    """Log a histogram a probe, layer and direction of ``constants`` [probe, layer, direction, unit], as log10 steps."""
    import wandb

    _, layers, directions, _ = constants.shape
    keys = {
        (layer, way): f"{TIME_CONSTANTS}/layer{layer + 1}_{DIRECTIONS[way]}"
        for layer in range(layers)
        for way in range(directions)
    }
    for key in keys.values():
        run.define_metric(key, step_metric=STEP)
    for step, found in zip(steps, np.log10(constants), strict=True):  # powers of ten, because they span several
        run.log({key: wandb.Histogram(found[place]) for place, key in keys.items()} | {STEP: int(step)})
