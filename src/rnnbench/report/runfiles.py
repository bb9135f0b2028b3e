"""What a run leaves beside its record: the learning curve and the arrays of its probe, as far as they can be read."""

from __future__ import annotations

import csv
import math
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from rnnbench.records import read_curve
from rnnbench.typed import LARGEST

Array = np.ndarray[Any, Any]
CURVE, ARRAYS = "metrics.csv", "gradients.npz"
AXES = {"h": 4, "step": 1, "lyapunov": 4}
"""How many axes an array has: [probe, layer, direction, lag or exponent], and [probe] for the steps."""
OPTIONAL = {"lyapunov"}


class RunFiles(NamedTuple):
    """The files of one run; empty where there are none."""

    curve: dict[int, float]
    """The validation loss by training step."""
    arrays: dict[str, Array]
    damaged: list[str]
    """What cannot be used, and why: a line a file."""


def read(folder: Path) -> RunFiles:
    """Reads the files of one run."""
    curve, arrays, damaged = {}, {}, []
    try:
        curve = _curve(folder)
    except (OSError, ValueError, csv.Error) as error:
        damaged.append(_reason(CURVE, error))
    try:
        arrays = _arrays(folder / ARRAYS)
    except Exception as error:  # zipfile, zlib and NumPy raise nearly anything for a damaged file
        damaged.append(_reason(ARRAYS, error))
    return RunFiles(curve, arrays, damaged)


def _curve(folder: Path) -> dict[int, float]:
    curve = dict(read_curve(folder, "val/loss"))
    wrong = next((step for step in curve if not 0 <= step < LARGEST), None)
    if wrong is not None:
        raise ValueError(f"{wrong} is no step")
    return curve


def _arrays(path: Path) -> dict[str, Array]:
    if not path.exists():
        return {}
    with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
        arrays = {name: np.asarray(file[name]) for name in AXES if name in file or name not in OPTIONAL}
    for name, array in arrays.items():
        if array.ndim != AXES[name] or not array.size or array.dtype.kind not in ("iu" if name == "step" else "iuf"):
            raise ValueError(f"{name} is an array {list(array.shape)} of {array.dtype}")
    if len({len(array) for array in arrays.values()}) > 1:
        raise ValueError("its arrays are not of the same probes")
    steps, *others = arrays.pop("step"), *arrays.items()
    # What is not finite is not drawn.
    finite = {name: np.where(np.isfinite(array), array, math.nan).astype(float) for name, array in others}
    return {"step": steps.astype(int)} | finite


def _reason(name: str, error: Exception) -> str:
    told = " ".join(str(error).split()) or type(error).__name__
    return f"{name} is damaged ({told}) and left out"
