"""Text that takes long to make and is the same for everybody, kept on disk from one process to the next."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path


def kept(name: str, make: Callable[[], str]) -> str:
    """Return the text that ``make`` returns, from $XDG_CACHE_HOME/rnnbench (or ~/.cache/rnnbench) where it is there.

    ``name`` must say all that it depends on. A file that is damaged is made again; where none can be written each
    process makes the text itself.
    """
    text = _read(name)
    if text is None:
        text = make()
        _write(name, text)
    return text


def _folder() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "rnnbench"


def _read(name: str) -> str | None:
    """Return the text of a name; None where it is not there, or not whole."""
    try:
        digest, _, text = (_folder() / name).read_bytes().partition(b"\n")
    except (OSError, RuntimeError):  # no such file, or no home
        return None
    return text.decode() if _digest(text) == digest else None


def _write(name: str, text: str) -> None:
    """Write a file under another name first, so that no reader sees half of it."""
    try:
        folder = _folder()
        folder.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=folder, prefix=f".{name}")
        with os.fdopen(handle, "wb") as file:
            file.write(_digest(text.encode()) + b"\n" + text.encode())
        Path(temporary).replace(folder / name)
    except (OSError, RuntimeError):  # a full or read-only disk costs time, not results
        return


def _digest(text: bytes) -> bytes:
    return hashlib.sha256(text).hexdigest().encode()
