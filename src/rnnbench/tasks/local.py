"""Local data files: finds the file of a name, reads it, and detects changes.

A name is that of a file and never a pattern; only ``~`` at its beginning is expanded as in a shell. Nothing is
kept between two processes, so what is read is always the present file.
"""

from __future__ import annotations

import hashlib
import io
import stat
import time
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Literal

from rnnbench.errors import UserError

SETTLED = 2.0
"""Seconds after a change within which a file system may give another change the same time."""
LONGEST = 300
"""Characters of a name that a message shows."""


def shown(name: str) -> str:
    """Return ``name`` for a message of one line."""
    text = name if name.isprintable() else repr(name)
    return text if len(text) <= LONGEST else f"{text[: LONGEST // 2]}...{text[-LONGEST // 4 :]}"


def locate(name: str) -> Path:
    """Return the path that ``name`` stands for."""
    try:
        return Path(name).expanduser()
    except RuntimeError:  # no such user: a name like any other
        return Path(name)


def kind(place: str, path: Path) -> Literal["file", "folder", "nothing"]:
    """Return what is at ``path``, called ``place`` in errors. Raises UserError for pipes and unreadable files."""
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError, ValueError):  # the last for a name that no file can have
        return "nothing"
    except OSError as error:
        raise _unreadable(place, error) from error
    if stat.S_ISDIR(mode):
        return "folder"
    if not stat.S_ISREG(mode):
        raise UserError(f"{place}: is no regular file; save what comes out of it to one")
    return "file"


def visible_files(place: str, folder: Path) -> list[Path]:
    """Return the files of a folder in the order of their names. Raises UserError where it cannot be read."""
    try:
        return sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    except OSError as error:
        raise _unreadable(place, error) from error


def read_bytes(place: str, path: Path) -> bytes:
    """Return the content of a file. Raises UserError where it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise _unreadable(place, error) from error


def read_text(place: str, path: Path) -> str:
    """Return the text of a file, without a byte-order mark. Raises UserError where it is not UTF-8."""
    content = read_bytes(place, path)
    try:
        return content.decode("utf-8").removeprefix("\N{BYTE ORDER MARK}")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise UserError(
            f"{place}, line {line}: byte {error.start + 1} of the file, 0x{content[error.start]:02x}, is not UTF-8; "
            "save it as UTF-8 text"
        ) from error


def _unreadable(place: str, error: OSError) -> UserError:
    return UserError(f"{place}: cannot be read ({error.strerror})")


def one_line_end(text: str) -> str:
    r"""Return ``text`` with \n at the end of each line, whichever system wrote it."""
    return io.StringIO(text, newline=None).read()


def fingerprint(setting: str, paths: Sequence[Path]) -> dict[str, str]:
    """Return the sha256 of the files by the setting that names them: of several files that of what sha256sum prints."""
    digests = [_digest(setting, path) for path in paths]
    if len(digests) == 1:
        return {setting: digests[0]}
    listing = "".join(f"{digest}  {path.name}\n" for digest, path in zip(digests, paths, strict=True))
    return {setting: hashlib.sha256(listing.encode(errors="surrogateescape")).hexdigest()}


def _digest(setting: str, path: Path) -> str:
    """Return the sha256 of a file, which is read again only if the system says that it may have changed."""
    try:
        found = path.stat()
    except OSError as error:
        raise _unreadable(setting, error) from error
    if time.time() - found.st_ctime < SETTLED:
        return hashlib.sha256(read_bytes(setting, path)).hexdigest()
    # A program may set the time of the content, st_mtime, but not that of the last change of anything, st_ctime.
    return _settled(setting, path, (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns))


@lru_cache(maxsize=256)
def _settled(setting: str, path: Path, _state: tuple[int, ...]) -> str:
    return hashlib.sha256(read_bytes(setting, path)).hexdigest()
