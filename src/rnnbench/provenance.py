"""Where a result comes from: the command, the code, the packages and the machine."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from pathlib import Path
from typing import Any

from rnnbench import records

PACKAGES = (
    "torch",
    "pytorch-lightning",
    "hydra-core",
    "wandb",
    "torchmetrics",
    "datasets",
    "numpy",
    "scipy",
    "rnnbench",
)
COMMAND = "RNNBENCH_COMMAND"
"""The environment variable that tells every process of a sweep which command began it."""


def provenance(accelerator: str) -> dict[str, Any]:
    """The fields of a record that say where it comes from; ``accelerator`` is the name of the GPU."""
    return {
        "command": os.environ.get(COMMAND, ""),
        "commit": records.git_commit(),
        "versions": {"python": platform.python_version()}
        | {name: importlib.metadata.version(name) for name in PACKAGES},
        "machine": machine() | {"accelerator": accelerator},
    }


def machine() -> dict[str, Any]:
    """What this program runs on."""
    return {"platform": platform.platform(), "processor": _processor(), "cores": os.cpu_count()}


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
