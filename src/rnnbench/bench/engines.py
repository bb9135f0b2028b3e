"""How fast each engine runs each cell: forward and backward, against the loop, on a CPU with one thread or on a GPU.

In every repetition all engines of a cell run one after the other, so that all meet the same weather on a noisy machine;
before it they are checked to agree. A ratio is the loop's time over the engine's, within a repetition.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator
from functools import partial
from statistics import median
from typing import Any

import pandas as pd
import torch

from rnnbench.bench.part import Goal, Part, Row
from rnnbench.builders.network import build_cell
from rnnbench.errors import UserError
from rnnbench.network.cells import CELLS, Cell
from rnnbench.network.engines import ENGINES, supporting
from rnnbench.sweep.configuration import configure
from rnnbench.training import device as devices

SIZES = {"small": (100, 32, 64), "large": (200, 50, 128), "online": (50, 1, 16)}
"""T, B, H: two sizes of sweeps, and one sequence at a time, as the papers of 1997 trained."""
PRODUCTS = "products alone"
REPETITIONS = 5
AGREE, ROUNDING = 1e-3, 10.0
"""How far outputs and gradients in float32 may be from the loop in float64, relative to the largest. Where gradients
explode and the loop in float32 is further away itself, how many times its distance: 5 refuses one seed in 24 of
lstm_layernorm by chance, of any way to compute it."""


def run(cell: Cell[Any], engine: str, inputs: torch.Tensor, arriving: torch.Tensor) -> list[torch.Tensor]:
    """Return the outputs of one forward and backward pass, and the gradients of the parameters.

    ``arriving`` is the gradient of the outputs, so that no loss is measured too.
    """
    outputs, _ = ENGINES[engine](cell, inputs, cell.initial_state(inputs.shape[1]))
    parameters = list(cell.parameters())
    gradients = torch.autograd.grad(outputs, parameters, arriving, materialize_grads=True, allow_unused=True)
    return [outputs.detach(), *gradients]


@torch.no_grad()
def products(cell: Cell[Any], inputs: torch.Tensor) -> None:
    """Run the matrix products of a forward and a backward pass alone, each as torch.mm."""
    steps, batch, _ = inputs.shape
    for name, weight in cell.named_parameters():
        if weight.dim() == 2:
            rows, columns = (inputs.new_zeros(steps, batch, size) for size in weight.shape)
            if name.startswith("recurrent_projection"):
                for step in range(steps):
                    torch.mm(columns[step], weight.T, out=rows[step])
                for step in range(steps):
                    torch.mm(rows[step], weight, out=columns[step])
            else:
                torch.mm(columns.flatten(0, 1), weight.T, out=rows.flatten(0, 1))
            torch.mm(rows.flatten(0, 1).T, columns.flatten(0, 1))


def distances(found: list[torch.Tensor], exact: list[torch.Tensor]) -> list[float]:
    """Return how far each tensor is from the exact one at most, relative to the largest number of that."""
    tiny = torch.finfo(torch.float32).tiny  # for a gradient that is zero everywhere
    return [float((a - b).abs().max() / b.abs().max().clamp_min(tiny)) for a, b in zip(found, exact, strict=True)]


def seconds(action: Callable[[], Any], device: torch.device) -> float:
    """Return how long ``action`` takes, what it left to the GPU included."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    started = time.perf_counter()
    action()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - started


def measure_cell(name: str, size: str, device: torch.device) -> Iterator[Row]:
    """Yield a row for each engine of a cell. Raises UserError where an engine does not agree with the loop."""
    steps, batch, hidden = SIZES[size]
    torch.manual_seed(0)
    cell = build_cell(configure(f"cell={name}", f"task.length={steps}").cell, hidden, hidden).to(device)
    inputs = torch.randn(steps, batch, hidden, device=device)
    outputs, _ = ENGINES["loop"](cell, inputs[:1], cell.initial_state(batch))
    arriving = torch.randn(steps, *outputs.shape[1:], device=device)
    engines = supporting(cell)
    exact = run(copy.deepcopy(cell).double(), "loop", inputs.double(), arriving.double())
    rounding = distances(run(cell, "loop", inputs, arriving), exact)
    for engine in engines:
        apart = distances(run(cell, engine, inputs, arriving), exact)
        if not all(far <= max(AGREE, ROUNDING * own) for far, own in zip(apart, rounding, strict=True)):
            raise UserError(f"engine {engine} does not agree with the loop on {name}, size {size}, on {device}")
    actions: dict[str, Callable[[], Any]] = {engine: partial(run, cell, engine, inputs, arriving) for engine in engines}
    actions[PRODUCTS] = partial(products, cell, inputs)
    times: dict[str, list[float]] = {engine: [] for engine in actions}
    for _ in range(REPETITIONS):
        for engine, action in actions.items():
            times[engine].append(seconds(action, device))
    for engine in actions:
        ratio = median(loop / other for loop, other in zip(times["loop"], times[engine], strict=True))
        yield {"size": size, "steps": steps, "batch": batch, "hidden": hidden, "cell": name, "engine": engine,
               "ratio": ratio}  # fmt: skip


def measure(device: str) -> Iterator[Row]:
    """Yield the rows of all cells at all sizes."""
    devices.check(device, "32")
    devices.prepare(threads=1)
    for size in SIZES:
        for name in sorted(CELLS):
            yield from measure_cell(name, size, torch.device(device))


def table(rows: pd.DataFrame) -> pd.DataFrame:
    """A line a cell, a column a size and engine."""
    wide = rows[rows.engine != "loop"].pivot_table(index="cell", columns=["size", "engine"], values="ratio")
    ordered = [(size, engine) for size in SIZES for engine in [*ENGINES, PRODUCTS] if (size, engine) in wide]
    wide = wide[ordered].map(lambda ratio: "" if pd.isna(ratio) else f"{ratio:.1f}")
    wide.columns = [f"{engine}, {size}" for size, engine in ordered]
    return wide.reset_index()


def slowest(engine: str, size: str, against: str = "loop", *cells: str) -> Callable[[pd.DataFrame], float]:
    """Return the number of a goal: how many times faster ``engine`` is than another, for the cell that gains least.

    Of all cells that both run, or of ``cells``.
    """

    def number(rows: pd.DataFrame) -> float:
        wide = rows[rows["size"] == size].pivot_table(index="cell", columns="engine", values="ratio")
        if not {engine, against} <= set(wide):
            return float("nan")
        gains = wide[engine] / wide[against]
        return float((gains[list(cells)] if cells else gains).min())

    return number


def loop_only(size: str) -> Callable[[pd.DataFrame], float]:
    """Return the number of a goal: the least that the compiled engine gains of a cell with no other fast engine."""

    def number(rows: pd.DataFrame) -> float:
        other = rows[rows.engine.isin(["fused", "associative", "chunkwise"])].cell
        return slowest("compiled", size)(rows[~rows.cell.isin(other)])

    return number


PART = Part(
    title="What the engines gain",
    text="Times faster than the loop, forward and backward: medians of "
    f"{REPETITIONS} repetitions, in each of which all engines of a cell run. Sizes as T, B, H: "
    + "; ".join(f"{size} {', '.join(map(str, shape))}" for size, shape in SIZES.items())
    + f". On a CPU with one thread. {PRODUCTS.capitalize()} are the matrix products of both passes and nothing else, "
    "each as torch.mm: about what an engine that leaves them to BLAS could gain at most.",
    measure=measure,
    devices=("cpu", "cuda"),
    table=table,
    goals=(
        Goal("compiled against the loop, cells without another engine, small", loop_only("small"), 3.0, at_least=True),
        Goal("compiled against the loop, cells without another engine, large", loop_only("large"), 2.0, at_least=True),
        Goal("compiled against fused, gru, small", slowest("compiled", "small", "fused", "gru"), 2.2, at_least=True),
        Goal("compiled against fused, gru, large", slowest("compiled", "large", "fused", "gru"), 1.6, at_least=True),
        Goal(
            "compiled against fused, elman, small", slowest("compiled", "small", "fused", "elman"), 2.0, at_least=True
        ),
        Goal(
            "compiled against fused, elman, large", slowest("compiled", "large", "fused", "elman"), 1.5, at_least=True
        ),
        Goal("associative against the loop, online", slowest("associative", "online"), 1.0, at_least=True),
    ),
)
