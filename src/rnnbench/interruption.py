"""Interruption by signals: Ctrl-C or SIGTERM asks a process to stop where it can resume later; a second one ends it.

SIGUSR2 asks early: Slurm sends it before a job's time limit, and SIGTERM at the limit.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR2)


class Interrupted(SystemExit):
    """Raised to end a process that was asked to stop; its exit code is 128 + the signal."""


class StopRequest:
    """Remembers a request to stop; without ``listen`` it changes nothing."""

    def __init__(self) -> None:
        self.signal: int | None = None

    def listen(self) -> None:
        """Take over the signals, if this is the main thread."""
        if threading.current_thread() is threading.main_thread():
            for number in SIGNALS:
                signal.signal(number, self._ask)

    def _ask(self, number: int, frame: FrameType | None) -> None:
        if self.signal not in (None, signal.SIGUSR2):
            raise Interrupted(128 + number)
        self.signal = number

    @property
    def requested(self) -> bool:
        return self.signal is not None

    @property
    def interrupted(self) -> Interrupted:
        """The exception that ends the process as the signal asked."""
        return Interrupted(128 + (self.signal or 0))


@contextmanager
def stoppable() -> Iterator[StopRequest]:
    """Listen for the signals inside the block, and restore their handlers afterwards."""
    before = {number: signal.getsignal(number) for number in SIGNALS}
    stop = StopRequest()
    stop.listen()
    try:
        yield stop
    finally:
        if threading.current_thread() is threading.main_thread():
            for number, handler in before.items():
                signal.signal(number, handler)
