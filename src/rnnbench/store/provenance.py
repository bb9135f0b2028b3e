"""Where a result comes from: the command, the code, the packages and the machine."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import rnnbench

PACKAGES = ("torch", "pytorch-lightning", "hydra-core", "wandb", "torchmetrics", "datasets", "numpy", "scipy")
COMMAND = "RNNBENCH_COMMAND"
"""The environment variable that holds, for every process of a sweep, the command that began it."""

DIRTY = "+dirty"
"""Ends the commit of code that differs from it."""
DIFFERENCES = ("status", "--porcelain", "-uno", "--", ":/", ":(top,exclude)results")  # a new report is no other code


def provenance(accelerator: str) -> dict[str, Any]:
    """Return the fields of a record that say where it comes from; ``accelerator`` is the name of the GPU."""
    return {
        "command": os.environ.get(COMMAND, ""),
        "commit": git_commit(),
        "versions": versions(),
        "machine": machine() | {"accelerator": accelerator},
    }


def code() -> dict[str, Any]:
    """Return what a measurement without a run depends on: the commit, the versions and the machine."""
    return {"commit": git_commit(), "versions": versions(), "machine": machine()}


def git_commit() -> str | None:
    """Return the commit of the code that runs, with ``+dirty`` where it differs; None where that is unknown.

    In a checkout of rnnbench it is that of git, in an installed package the one that it was built from. A package that
    is installed inside another repository does not have that one's commit.
    """
    here = Path(__file__).parent
    baked = here.parent / "commit.txt"
    if baked.exists():
        return baked.read_text(encoding="utf-8") or None

    def git(*arguments: str) -> str:
        return subprocess.run(["git", *arguments], cwd=here, check=True, capture_output=True, text=True).stdout.strip()

    try:
        folder, _, commit = git("rev-parse", "--show-prefix", "HEAD").partition("\n")
        if folder != "src/rnnbench/store/" or not git("ls-files", Path(__file__).name):
            return None
        return commit + (DIRTY if git(*DIFFERENCES) else "")
    except (OSError, subprocess.CalledProcessError):
        return None


def versions() -> dict[str, str]:
    """Return the versions of Python and the packages that a result can depend on.

    That of rnnbench is its code's: the metadata of an editable installation keep that of the day when it was made.
    """
    packages = {name: _version(name) for name in PACKAGES}
    return {"python": platform.python_version()} | packages | {"rnnbench": rnnbench.__version__}


@cache
def _version(package: str) -> str:
    return importlib.metadata.version(package)


def machine() -> dict[str, Any]:
    """Return the platform, processor, instructions and number of cores of this machine."""
    return {
        "platform": platform.platform(),
        "processor": _cpu("model name"),
        "instructions": _instructions(),
        "cores": os.cpu_count(),
    }


def _instructions() -> str:
    """Return the widest vector instructions, which decide the order in which a sum is taken."""
    flags = _cpu("flags").split()
    return next((name for name in ("avx512f", "avx2", "avx") if name in flags), platform.machine())


def _cpu(field: str) -> str:
    """Return the name of the first processor, from Linux where possible, else from Python."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith(field))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
