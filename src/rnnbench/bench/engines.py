"""How fast each engine runs each cell: forward and backward, against the loop, on a CPU with one thread or on a GPU.

In every repetition all engines of a cell run one after the other, so that all meet the same weather on a noisy machine;
before it they are checked to agree. A ratio is the loop's time over the engine's, within a repetition.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial
from statistics import median
from typing import Any

import torch

from rnnbench.build import build_cell
from rnnbench.errors import UserError
from rnnbench.network.cells import CELLS, Cell
from rnnbench.network.engines import ENGINES, supporting
from rnnbench.sweep.configuration import configure

SIZES = {"small": (100, 32, 64), "large": (200, 50, 128), "online": (50, 1, 16)}
"""T, B, H: two sizes of sweeps, and one sequence at a time, as the papers of 1997 trained."""
REPETITIONS = 5
AGREE = 1e-3
"""How far outputs and gradients in float32 may be apart, relative to the largest."""


def cells() -> Iterator[str]:
    """Names of the cells with equations of their own."""
    yield from (name for name in sorted(CELLS) if name != "external")


def run(cell: Cell[Any], engine: str, inputs: torch.Tensor) -> list[torch.Tensor]:
    """Outputs of one forward and backward pass, and the gradients of the parameters."""
    outputs, _ = ENGINES[engine](cell, inputs, cell.initial_state(inputs.shape[1]))
    gradients = torch.autograd.grad(
        outputs.square().mean(), list(cell.parameters()), materialize_grads=True, allow_unused=True
    )
    return [outputs.detach(), *gradients]


def seconds(action: Callable[[], Any], device: torch.device) -> float:
    """How long ``action`` takes, what it left to the GPU included."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    started = time.perf_counter()
    action()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - started


def measure_cell(name: str, size: str, device: torch.device) -> list[dict[str, Any]]:
    """A row for each engine of a cell at a size; raises UserError where an engine does not agree with the loop."""
    steps, batch, hidden = SIZES[size]
    torch.manual_seed(0)
    cell = build_cell(configure(f"cell={name}", f"task.length={steps}").cell, hidden, hidden).to(device)
    inputs = torch.randn(steps, batch, hidden, device=device)
    engines = supporting(cell)
    machine = torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"
    expected = run(cell, "loop", inputs)
    for engine in engines:
        for found, exact in zip(run(cell, engine, inputs), expected, strict=True):
            if not (found - exact).abs().max() <= AGREE * exact.abs().max():
                raise UserError(f"engine {engine} does not agree with the loop on {name}, size {size}, on {device}")
    times: dict[str, list[float]] = {engine: [] for engine in engines}
    for _ in range(REPETITIONS):
        for engine in engines:
            times[engine].append(seconds(partial(run, cell, engine, inputs), device))
    return [
        {
            "size": size, "steps": steps, "batch": batch, "hidden": hidden, "cell": name, "engine": engine,
            "ratio": median(loop / other for loop, other in zip(times["loop"], times[engine], strict=True)),
            "device": machine, "torch": torch.__version__,
        }
        for engine in engines
    ]  # fmt: skip


def measure_engines(device: str) -> Iterator[dict[str, Any]]:
    """The rows of all cells at all sizes on ``device``, cpu or cuda, as they are measured."""
    if device == "cuda" and not torch.cuda.is_available():
        raise UserError("--device cuda: no CUDA GPU here")
    torch.set_num_threads(1)
    torch.backends.cudnn.allow_tf32 = False  # as in a run
    for size in SIZES:
        for name in cells():
            yield from measure_cell(name, size, torch.device(device))
