"""What a run says: to whoever started it, and in its log.txt all that a person needs to understand the run later.

In a sweep stdout is log.txt, and takes everything.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rnnbench.config.identity import distinguishing
from rnnbench.store.records import Record

DETAIL, PROGRESS, SAID = logging.DEBUG, logging.INFO, logging.WARNING
"""For log.txt alone; for a pipe too; and for a terminal too, which has a live line in place of progress."""
LOGGER = logging.getLogger("rnnbench")
WARNINGS = logging.getLogger("py.warnings")


class _Printed(logging.Handler):
    """Prints to what stdout and stderr are at the time."""

    def emit(self, record: logging.LogRecord) -> None:
        print(self.format(record), file=sys.stderr if record.levelno >= logging.ERROR else sys.stdout, flush=True)


@contextmanager
def logged(file: Path | None) -> Iterator[None]:
    """Print what a run says, and append it to ``file``, with the warnings of libraries; None where stdout is it."""
    printed: logging.Handler = _Printed()
    handlers = [printed]
    if file is not None:
        printed.setLevel(SAID if sys.stdout.isatty() else PROGRESS)
        handlers.append(logging.FileHandler(file, encoding="utf-8", delay=True))
    LOGGER.setLevel(DETAIL)
    LOGGER.propagate = False
    logging.captureWarnings(True)
    try:
        for handler in handlers:
            LOGGER.addHandler(handler)
            WARNINGS.addHandler(handler)
        yield
    finally:
        logging.captureWarnings(False)
        for handler in handlers:
            LOGGER.removeHandler(handler)
            WARNINGS.removeHandler(handler)
            handler.close()


def heading(record: Record) -> Iterator[str]:
    """Yield what a run is, in lines: when and how it was started, with what, and what makes it the run that it is."""
    yield f"{record.started}  {record.command}".rstrip()
    yield ", ".join(f"{package} {version}" for package, version in record.versions.items())
    yield f"commit {record.commit or 'unknown'}; {', '.join(f'{key} {value}' for key, value in record.machine.items())}"
    groups: dict[str, list[str]] = {}
    for key, value in sorted(distinguishing(record.config).items(), key=lambda item: not item[0].endswith(".name")):
        group, _, option = key.partition(".")
        groups.setdefault(group, []).append(f"{value}" if option in ("", "name") else f"{option} {value}")
    yield from (f"  {group}: {', '.join(said)}" for group, said in sorted(groups.items()))
    yield f"{record.parameters} parameters, memoryless loss {record.baseline:.4g}"


def duration(seconds: float) -> str:
    """Return a time in the unit that suits it."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
