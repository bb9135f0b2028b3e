"""Files that several processes share: replaced in one piece, locked by the operating system."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from rnnbench.errors import UserError

LOCKS = ".locks"
PATIENCE = 1.0  # seconds; who only looks whether a lock is held holds it for a moment


class HeldElsewhereError(UserError):
    """Another living process works on the same folder or file."""


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path that replaces ``path`` at the end, and is deleted if an error occurs first.

    Only the holder of the lock of ``path`` may write it, so one name is enough.
    """
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def locked(path: Path, patience: float = PATIENCE) -> Iterator[None]:
    """Hold the lock of ``path``, a file beside it that the system releases when its holder dies.

    Raises HeldElsewhereError where another process keeps it for ``patience`` seconds, UserError where none can be made.
    """
    lock = FileLock(path.parent / LOCKS / f"{path.name}.lock")
    try:
        Path(lock.lock_file).parent.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=patience)
    except Timeout:
        raise HeldElsewhereError(f"{path} is running elsewhere") from None
    except OSError as error:
        raise UserError(f"{lock.lock_file}: cannot be written ({error.strerror}); change that or runs_dir") from error
    try:
        yield
    finally:
        Path(lock.lock_file).unlink(missing_ok=True)  # who waits for the deleted file sees that, and makes a new one
        lock.release()


def is_locked(path: Path) -> bool:
    """Return whether another process holds the lock of ``path``."""
    if not (path.parent / LOCKS / f"{path.name}.lock").exists():
        return False
    try:
        with locked(path, patience=0):
            return False
    except HeldElsewhereError:
        return True
