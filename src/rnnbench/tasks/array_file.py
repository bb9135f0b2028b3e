"""The arrays of a task: from an .npz file, or given in Python, and checked (``rnnbench.tasks.arrays``)."""

from __future__ import annotations

import hashlib
import io
import zipfile
import zlib
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from rnnbench.errors import UserError
from rnnbench.tasks import local
from rnnbench.tasks.base import Array

MEMORY = "memory:"
"""The prefix of the name of arrays that were given in Python; the first digits of their sha256 follow."""
MOST = 10**6
"""Classes or tokens."""


class Content(NamedTuple):
    """The checked arrays."""

    x: Array
    """[N, T, I] float32 or [N, T] int64."""
    y: Array
    """[N, O] float32, [N] int64 or [N, T] int64."""
    lengths: Array | None
    sha256: str

    @property
    def tokens(self) -> bool:
        return self.x.ndim == 2

    @property
    def classes(self) -> bool:
        return bool(self.y.dtype == np.int64)

    @property
    def every_step(self) -> bool:
        return self.classes and self.y.ndim == 2


def setting(data: str) -> str:
    """Return the setting that names the arrays, for a message."""
    return f"task.data={local.shown(data)}"


def fingerprint(data: str) -> dict[str, str]:
    """Return the sha256 of the file, by the setting that names it; empty for arrays in memory."""
    if data.startswith(MEMORY):
        return {}
    place, path = setting(data), local.locate(data)
    if local.kind(place, path) != "file":
        raise UserError(f"{place}: no such file; give an .npz file, as numpy.savez(PATH, X=X, y=y) writes it")
    return local.fingerprint(place, [path])


def read(data: str) -> Content:
    """Return the content of a file, read once while it does not change. Raises UserError for an unusable file."""
    if data.startswith(MEMORY):
        raise UserError(f"{setting(data)}: was given in Python and is in no file; call Arrays.of with the arrays again")
    return _read(data, *fingerprint(data).values())


@lru_cache(maxsize=2)
def _read(data: str, digest: str) -> Content:
    place = setting(data)
    try:
        file = np.load(io.BytesIO(local.read_bytes(place, local.locate(data))), allow_pickle=False)
        if isinstance(file, np.ndarray):
            raise UserError(f"{place}: holds a single array; give an .npz file, numpy.savez(PATH, X=X, y=y)")
        arrays = {name: file[name] for name in file.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise UserError(f"{place}: is no .npz file of numbers ({error}); write it with numpy.savez") from error
    return checked(f"{place}: ", arrays, digest)


def given(values: Mapping[str, Any]) -> Content:
    """Return the content of arrays, or of tensors, by name. Raises UserError where they do not fit."""
    arrays, digest = {}, hashlib.sha256()
    for name, value in values.items():
        try:
            array = arrays[name] = np.asarray(value)
        except Exception as error:  # a tensor on another device, or one with a gradient
            reason = next(iter(str(error).splitlines()), type(error).__name__)
            raise UserError(f"{name}: is no array ({reason}); give one of NumPy, or a plain tensor") from error
        digest.update(f"{name} {array.dtype} {array.shape} ".encode() + array.tobytes())
    return checked("", arrays, digest.hexdigest())


def checked(place: str, arrays: Mapping[str, Array], digest: str) -> Content:
    """Return the content of arrays. Raises UserError, which begins with ``place``, where they do not fit."""
    for name in ("X", "y"):
        if name not in arrays:
            raise UserError(f"{place}has no array '{name}', only {', '.join(arrays) or 'none'}")
    x, y, lengths = arrays["X"], arrays["y"], arrays.get("lengths")
    for name in ("X", "y", "lengths"):
        shape = arrays[name].shape if name in arrays else x.shape
        if not shape or 0 in shape or shape[0] != len(x):
            raise UserError(f"{place}X has shape {list(x.shape)}, {name} {list(shape)}: they need one N, above 0")
    tokens, classes = x.dtype.kind in "iu", y.dtype.kind in "iu"
    if not (tokens and x.ndim == 2) and not (x.dtype.kind == "f" and x.ndim == 3):
        wanted = "floating point [N, T, I], or whole numbers [N, T] as tokens"
        raise UserError(f"{place}X is {x.dtype} of shape {list(x.shape)}; give {wanted}")
    if not (classes and y.shape in (x.shape[:1], x.shape[:2])) and not (y.dtype.kind == "f" and y.ndim <= 2):
        wanted = "whole numbers [N] or [N, T] as classes, or floating point [N] or [N, O]"
        raise UserError(f"{place}y is {y.dtype} of shape {list(y.shape)} with X {list(x.shape)}; give {wanted}")
    if lengths is not None:
        steps = x.shape[1]
        if lengths.dtype.kind not in "iu" or lengths.ndim != 1 or not 1 <= lengths.min() <= lengths.max() <= steps:
            raise UserError(f"{place}lengths: must be {len(x)} whole numbers from 1 to {steps}, the steps of X")
        lengths = lengths.astype(np.int64)
        valid = np.arange(steps) < lengths[:, None]  # ignores the values after the end of a sequence
        x = np.where(valid if tokens else valid[:, :, None], x, 0).astype(x.dtype)
        y = np.where(valid, y, 0).astype(y.dtype) if classes and y.ndim == 2 else y
    x = _whole(f"{place}X", x) if tokens else _real(f"{place}X", x)
    y = _whole(f"{place}y", y) if classes else _real(f"{place}y", y).reshape(len(y), -1)
    if (y == y.flat[0]).all():
        raise UserError(f"{place}y: is {y.flat[0]} everywhere, so there is nothing to learn")
    return Content(x, y, lengths, digest)


def _whole(place: str, array: Array) -> Array:
    if not 0 <= array.min() <= array.max() < MOST:
        raise UserError(
            f"{place}: holds {array.min()} to {array.max()}; number classes and tokens from 0, below {MOST}"
        )
    return array.astype(np.int64)


def _real(place: str, array: Array) -> Array:
    with np.errstate(over="ignore"):
        found = array.astype(np.float32)
    wrong = np.argwhere(~np.isfinite(found))
    if len(wrong):
        where = tuple(wrong[0].tolist())
        raise UserError(f"{place}{list(where)} is {array[where]}; replace what is no finite number of 32 bits")
    return found
