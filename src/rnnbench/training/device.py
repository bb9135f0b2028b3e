"""The device of a run: one process on one device of the kind ``trainer.accelerator``."""

from __future__ import annotations

import copy
import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from pytorch_lightning.accelerators import CUDAAccelerator, MPSAccelerator, XLAAccelerator
from pytorch_lightning.plugins.environments import LightningEnvironment
from torch import Tensor

from rnnbench.errors import UserError
from rnnbench.network.model import Model

WORDS = {"cuda": "CUDA GPU", "gpu": "GPU", "mps": "Apple GPU", "tpu": "TPU"}


PRECISIONS: dict[str, Any] = {"64": "64-true", "32": "32-true"}
"""Lightning's names, where they are not ours."""


def prepare(threads: int) -> None:
    """Use ``threads`` on a CPU, and on a GPU compute float32 as float32, in cuDNN's kernels too."""
    torch.set_num_threads(threads)
    torch.backends.cudnn.allow_tf32 = False


def check(kind: str, precision: str) -> None:
    """Raise UserError where this machine lacks such a device, or the device lacks the precision."""
    here = {
        "cuda": CUDAAccelerator.is_available(),
        "gpu": CUDAAccelerator.is_available() or MPSAccelerator.is_available(),
        "mps": MPSAccelerator.is_available(),
        "tpu": XLAAccelerator.is_available(),
    }
    if not here.get(kind, True):
        raise UserError(f"trainer.accelerator={kind}: no {WORDS[kind]} here; use trainer.accelerator=cpu")
    gpu = kind in ("cuda", "gpu", "auto") and here["cuda"]
    if precision == "16-mixed" and not gpu:
        raise UserError(f"trainer.precision=16-mixed: needs a CUDA GPU, trainer.accelerator={kind} has none; use "
                        "bf16-mixed")  # fmt: skip
    if precision == "64" and not gpu and (kind == "mps" or (kind in ("gpu", "auto") and here["mps"])):
        raise UserError("trainer.precision=64: an Apple GPU has no float64; use trainer.accelerator=cpu")


@torch.no_grad()
def try_out(model: Model, inputs: Tensor, kind: str, precision: str) -> None:
    """Raise UserError where the network cannot run in the precision on a CPU: before training, not during it.

    ``inputs`` are some of its task. On another device, which has its own kernels, nothing is tried.
    """
    if kind != "cpu":
        return
    dtype = torch.float64 if precision == "64" else torch.bfloat16
    twin = copy.deepcopy(model).double() if precision == "64" else model
    with torch.random.fork_rng(devices=[]), torch.autocast("cpu", dtype=torch.bfloat16, enabled=precision != "64"):
        try:
            twin(inputs)
        except UserError:
            raise
        except Exception as error:  # an operation without a kernel can raise anything
            reason = next(iter(str(error).splitlines()), "")
            raise UserError(f"trainer.precision={precision}: this network cannot run in {dtype} ({reason}); use "
                            "trainer.precision=32")  from error  # fmt: skip


def one_process() -> LightningEnvironment:
    """Return Lightning's environment of a single process: its rank is 0, whatever variables srun or torchrun set.

    With another rank Lightning's loggers silently write nothing.
    """
    environment = LightningEnvironment()
    environment.set_global_rank(0)
    return environment


@contextmanager
def enough_memory() -> Iterator[None]:
    """Turn an error about too little memory for a network or a batch into a UserError."""
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
    """Return the name of the GPU of a run, for its record."""
    return torch.cuda.get_device_name() if kind in ("gpu", "cuda", "auto") and torch.cuda.is_available() else "none"


def peak_memory(device: torch.device) -> int:
    """Return the peak memory in bytes: of the GPU if the model is on one, else of the process since it began."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
