"""What a run computes on: one process, and one device of the kind that ``trainer.accelerator`` names."""

from __future__ import annotations

import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from pytorch_lightning.accelerators import CUDAAccelerator, MPSAccelerator, XLAAccelerator
from pytorch_lightning.plugins.environments import LightningEnvironment

from rnnbench.errors import UserError

WORDS = {"cuda": "CUDA GPU", "gpu": "GPU", "mps": "Apple GPU", "tpu": "TPU"}


def check(kind: str) -> None:
    """Raises UserError where this machine has no device of the kind."""
    here = {
        "cuda": CUDAAccelerator.is_available(),
        "gpu": CUDAAccelerator.is_available() or MPSAccelerator.is_available(),
        "mps": MPSAccelerator.is_available(),
        "tpu": XLAAccelerator.is_available(),
    }
    if not here.get(kind, True):
        raise UserError(f"trainer.accelerator={kind}: no {WORDS[kind]} here; use trainer.accelerator=cpu")


def one_process() -> LightningEnvironment:
    """Lightning's environment of a run, which is alone: its rank is 0, whatever srun or torchrun left in the variables.

    With another rank Lightning's loggers write nothing, without a word.
    """
    environment = LightningEnvironment()
    environment.set_global_rank(0)
    return environment


@contextmanager
def enough_memory() -> Iterator[None]:
    """Turns a network or a batch that does not fit into this machine into a UserError."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not isinstance(error, MemoryError) and "can't allocate memory" not in str(error):
            raise
        raise UserError(
            "the network or its batch needs more memory than this machine has; use a smaller network.hidden_size, "
            "network.depth, task.length, task.batch_size or probe.batch_size"
        ) from error


def name(kind: str) -> str:
    """The name of the GPU of a run, for its record."""
    return torch.cuda.get_device_name() if kind in ("gpu", "cuda", "auto") and torch.cuda.is_available() else "none"


def peak_memory(device: torch.device) -> int:
    """Bytes: of the GPU where the model is on one, else of the process since it began."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
