"""Reads the files of a run beside its record as rows of the long tables: its curves and the profiles of its probe."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from rnnbench.outcomes.layer_directions import DIRECTIONS
from rnnbench.store.typed import LARGEST

Array = np.ndarray[Any, Any]
CURVES, ARRAYS = "metrics.csv", "gradients.npz"
SPLITS = ("train", "val", "test")
NOT_CURVES = ("epoch", "step", "steps_per_second")
DIGITS = 4  # after the point of a logarithm, to keep files small


def read(folder: Path) -> tuple[dict[str, pd.DataFrame], list[str]]:
    """Return the long tables of one run, those that it has, and what is wrong with its files, a line each."""
    found: dict[str, pd.DataFrame] = {}
    damaged = []
    for name, parse in ((CURVES, _curves), (ARRAYS, _arrays)):
        path = folder / name
        try:
            if path.exists():
                found |= parse(path)
        except Exception as error:  # zipfile, zlib and NumPy raise nearly anything for a damaged file
            message = " ".join(str(error).split()) or type(error).__name__
            damaged.append(f"{name} is damaged ({message}) and left out")
    return {name: table.assign(run_id=folder.name) for name, table in found.items()}, damaged


def _curves(path: Path) -> dict[str, pd.DataFrame]:
    text = path.read_bytes().decode()
    reader = csv.DictReader(io.StringIO(text, newline=""))
    if not text.endswith("\n") or "step" not in (reader.fieldnames or ()):
        raise ValueError("not a whole table of steps")
    found = []
    for line in reader:
        if None in line or None in line.values():
            raise ValueError(f"line {reader.line_num} has other columns")
        step = int(line["step"])
        if not 0 <= step < LARGEST:
            raise ValueError(f"{step} is no step")
        for name, value in line.items():
            if value and name not in NOT_CURVES:
                split, _, metric = name.rpartition("/") if name.partition("/")[0].startswith(SPLITS) else ("", "", name)
                found.append((step, split, metric, float(value)))
    return {"curves": pd.DataFrame(found, columns=["step", "split", "metric", "value"])}


def _arrays(path: Path) -> dict[str, pd.DataFrame]:
    with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
        arrays = {name: np.asarray(file[name]) for name in file.files if not name.endswith(".axes")}
    steps = arrays["step"]
    if steps.ndim != 1 or not len(steps) or steps.dtype.kind not in "iu":
        raise ValueError(f"step is an array {list(steps.shape)} of {steps.dtype}")
    parts = [name for name in arrays if f"{name}_median" in arrays]
    if not parts:
        raise ValueError("it has no profile")
    profiles = [
        _long(steps, "lag", {"log10_mean": _log10(_checked(arrays, name, steps)),
                             "log10_median": _log10(_checked(arrays, f"{name}_median", steps)),
                             "dead": _checked(arrays, f"{name}_dead", steps)}).assign(part=name)
        for name in parts
    ]  # fmt: skip
    found = {"profiles": pd.concat(profiles, ignore_index=True)}
    if "lyapunov" in arrays:
        found["spectra"] = _long(steps, "rank", {"exponent": _checked(arrays, "lyapunov", steps)})
    return found


def _checked(arrays: dict[str, Array], name: str, steps: Array) -> Array:
    """Return an array [probe, layer, direction, lag or rank], with nan for what is not finite."""
    array = arrays[name]
    if array.ndim != 4 or not array.size or array.dtype.kind not in "iuf":
        raise ValueError(f"{name} is an array {list(array.shape)} of {array.dtype}")
    if len(array) != len(steps):
        raise ValueError("its arrays are not of the same probes")
    return np.where(np.isfinite(array), array, np.nan).astype(float)


def _log10(norms: Array) -> Array:
    """Return the logarithm of norms, with nan where there is none."""
    return np.log10(np.where(norms > 0, norms, np.nan)).round(DIGITS)


def _long(steps: Array, last: str, values: dict[str, Array]) -> pd.DataFrame:
    """Return arrays [probe, layer, direction, ``last``] as one table; the first probe is initial, the last final."""
    shapes = {array.shape for array in values.values()}
    if len(shapes) > 1:
        raise ValueError("its arrays are not of the same probes")
    probe, layer, direction, rank = (index.ravel() for index in np.indices(shapes.pop()))
    moments = np.full(len(steps), "training", dtype=object)
    moments[-1], moments[0] = "final", "initial"
    table = {
        "moment": moments[probe], "step": steps[probe], "layer": layer + 1,
        "direction": np.array(DIRECTIONS, dtype=object)[direction], last: rank,
    }  # fmt: skip
    return pd.DataFrame(table | {name: array.ravel() for name, array in values.items()})
