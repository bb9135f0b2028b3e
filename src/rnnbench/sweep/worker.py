"""One run in a process of its own: forked from a server that has the libraries in memory, its output in its log."""

from __future__ import annotations

import os
import signal
import sys
import threading
import traceback
from multiprocessing import connection, parent_process
from pathlib import Path

from rnnbench import records
from rnnbench.config import Config
from rnnbench.errors import UserError
from rnnbench.files import HeldElsewhereError
from rnnbench.stop import Interrupted
from rnnbench.sweep.ledger import folder_of, record_failure

PRELOAD = ["rnnbench.run", "rnnbench.entry", "rnnbench.sweep.worker"]
TRACKED = "rnnbench.tracking.warm"
ELSEWHERE = "elsewhere"


def work(config: Config, device: int | None, report: connection.Connection) -> None:
    """Runs ``config`` on the GPU ``device``, or None, and reports in a word how it ended."""
    os.setpgrp()  # Ctrl-C in the terminal is for the parent, which asks its children to stop
    _end_with_parent()
    redirect(folder_of(config) / records.LOG)
    if device is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = str(device)
    report.send_bytes(perform(config).encode())


def perform(config: Config) -> str:
    """Runs ``config``; whatever stops it is printed and, where it is a failure, recorded."""
    from rnnbench.run import run

    try:
        return run(config, retry=False).status
    except HeldElsewhereError as error:
        print(error)
        return ELSEWHERE
    except Interrupted:
        return records.INTERRUPTED
    except UserError as error:
        print(f"error: {error}")
        record_failure(config, str(error))
    except Exception as error:
        traceback.print_exc()
        record_failure(config, f"{type(error).__name__}: {error}")  # where the run could not
    return records.FAILED


def _end_with_parent() -> None:
    """Ends this process and its helpers when its parent dies, however it dies."""
    parent = parent_process()
    assert parent is not None

    def watch() -> None:
        connection.wait([parent.sentinel])
        os.killpg(0, signal.SIGKILL)

    threading.Thread(target=watch, daemon=True).start()


def redirect(log: Path) -> None:
    """From now on everything that this process prints goes to the end of ``log``."""
    log.parent.mkdir(parents=True, exist_ok=True)
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(file, sys.stdout.fileno())
    os.dup2(file, sys.stderr.fileno())
    os.close(file)
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # a real stream
