"""What takes long to make and is the same for everybody, kept on disk from one process to the next."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

DIGEST = hashlib.sha256().digest_size


def kept(name: str, make: Callable[[], bytes]) -> bytes:
    """Return what ``make`` returns, from ``name`` in $XDG_CACHE_HOME/rnnbench (or ~/.cache/rnnbench) where it is there.

    ``name`` must say all that it depends on. A file that is damaged is made again; where none can be written each
    process makes its own.
    """
    content = _read(name)
    if content is None:
        content = make()
        _write(name, content)
    return content


def _folder() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "rnnbench"


def _read(name: str) -> bytes | None:
    """Return the content of a file; None where it is not there, or not whole."""
    try:
        found = (_folder() / name).read_bytes()
    except (OSError, RuntimeError):  # no such file, or no home
        return None
    content = found[DIGEST:]
    return content if hashlib.sha256(content).digest() == found[:DIGEST] else None


def _write(name: str, content: bytes) -> None:
    """Write a file under another name first, so that no reader sees half of it."""
    try:
        path = _folder() / name
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}")
        with os.fdopen(handle, "wb") as file:
            file.write(hashlib.sha256(content).digest() + content)
        Path(temporary).replace(path)
    except (OSError, RuntimeError):  # a full or read-only disk costs time, not results
        return
