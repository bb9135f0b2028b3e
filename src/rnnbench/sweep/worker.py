"""One run in a process of its own: forked from a server that has the libraries in memory, its output in its log."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import traceback
from contextlib import suppress
from multiprocessing import connection, parent_process
from pathlib import Path
from typing import NamedTuple

from rnnbench.config.schema import Config
from rnnbench.errors import UserError
from rnnbench.interruption import Interrupted
from rnnbench.store import records
from rnnbench.store.files import HeldElsewhereError
from rnnbench.store.status import Status
from rnnbench.sweep.run_states import folder_of, record_failure

PRELOAD = ["rnnbench.runner", "rnnbench.cli.entry", "rnnbench.sweep.worker"]
TRACKED = "rnnbench.tracking.preload"


class Outcome(NamedTuple):
    """How a run ended, as its process reports it: its record may be missing where nothing can be written."""

    status: str
    """A ``Status``; ``running`` means in another process."""
    reason: str = ""
    """The reason of a failure, in one line."""

    def encode(self) -> bytes:
        return json.dumps(self).encode()

    @classmethod
    def decode(cls, message: bytes) -> Outcome:
        return cls(*json.loads(message))


def work(config: Config, device: int | None, report: connection.Connection) -> None:
    """Run ``config`` on the GPU ``device``, or None, and report how it ended."""
    os.setpgrp()  # Ctrl-C in the terminal is for the parent, which asks its children to stop
    _end_with_parent()
    if device is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = str(device)
    try:
        redirect(folder_of(config) / records.LOG)
        outcome = perform(config)
    except OSError as error:  # the disk is full or read-only
        outcome = Outcome(Status.FAILED, str(error))
    report.send_bytes(outcome.encode())


def perform(config: Config) -> Outcome:
    """Run ``config``; print the error that stops it and, if it is a failure, record it where possible."""
    from rnnbench.runner import run

    try:
        return Outcome(run(config, retry=False, log=False).status)
    except HeldElsewhereError as error:
        print(error)
        return Outcome(Status.RUNNING)
    except Interrupted:
        return Outcome(Status.INTERRUPTED)
    except UserError as error:
        print(f"error: {error}")
        reason = str(error)
    except Exception as error:
        traceback.print_exc()
        reason = f"{type(error).__name__}: {error}"
    with suppress(OSError):  # the run itself could not, or did
        record_failure(config, reason)
    return Outcome(Status.FAILED, reason)


def _end_with_parent() -> None:
    """End this process and its helpers when its parent dies, however it dies."""
    parent = parent_process()
    assert parent is not None

    def watch() -> None:
        connection.wait([parent.sentinel])
        os.killpg(0, signal.SIGKILL)

    threading.Thread(target=watch, daemon=True).start()


def redirect(log: Path) -> None:
    """Append everything that this process prints from now on to ``log``."""
    log.parent.mkdir(parents=True, exist_ok=True)
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(file, sys.stdout.fileno())
    os.dup2(file, sys.stderr.fileno())
    os.close(file)
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # a real stream
