"""How long a command takes to answer."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from statistics import median

from rnnbench.bench.part import Goal, Part, Row
from rnnbench.bench.sweeps import TINY

REPETITIONS = 3
COMMANDS = {"--help": (["--help"], 1.0), "a mistyped cell": (["train", "cell=lsmt"], 1.0),
            "one training step": (["train", *TINY, "force=true"], 6.0)}  # fmt: skip
"""What is timed: the arguments, and the most seconds it may take."""


def measure(_: str) -> Iterator[Row]:
    """Yield the seconds of each command: the median of its repetitions."""
    with tempfile.TemporaryDirectory() as folder:
        for what, (arguments, _limit) in COMMANDS.items():
            times = []
            for _repetition in range(REPETITIONS):
                started = time.perf_counter()
                command = [sys.executable, "-m", "rnnbench.cli.main", *arguments]
                subprocess.run(command, cwd=folder, capture_output=True, check=False)
                times.append(time.perf_counter() - started)
            yield {"command": what, "seconds": median(times)}


def goal(what: str) -> Goal:
    """Return the goal of a command."""
    return Goal(f"{what}, seconds", lambda rows: float(rows.seconds[rows.command == what].iloc[0]), COMMANDS[what][1])


PART = Part(
    title="How soon a command answers",
    text=f"Medians of {REPETITIONS} repetitions.",
    measure=measure,
    table=lambda rows: rows.round(2),
    goals=tuple(map(goal, COMMANDS)),
)
