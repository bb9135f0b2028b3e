"""The associative engine against the loop on long sequences, forward and backward, on all cores."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial
from itertools import product
from statistics import median

import torch

from rnnbench.bench.engines import run, seconds
from rnnbench.bench.part import Goal, Part, Row
from rnnbench.network.cells import CELLS
from rnnbench.training import device as devices

CELL_NAMES, STEPS, HIDDEN, BATCH_SIZES = ("mingru", "lru"), 2048, 128, (1, 8, 32)
REPETITIONS = 3
INPUTS = (2, HIDDEN)
"""Of a first layer on real numbers, and of a layer above."""


def measure(device: str) -> Iterator[Row]:
    """Yield a row a cell, input size and batch size, after a repetition that warms up and checks that both agree."""
    devices.check(device, "32")
    devices.prepare(os.cpu_count() or 1)
    for name, size, batch in product(CELL_NAMES, INPUTS, BATCH_SIZES):
        torch.manual_seed(0)
        cell, inputs = CELLS[name](size, HIDDEN).to(device), torch.randn(STEPS, batch, size, device=device)
        arriving = torch.randn(STEPS, batch, HIDDEN, device=device)
        both = (run(cell, engine, inputs, arriving) for engine in ("associative", "loop"))
        for found, expected in zip(*both, strict=True):
            torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-3)
        ratios = []
        for _ in range(REPETITIONS):
            loop, other = (
                seconds(partial(run, cell, engine, inputs, arriving), inputs.device)
                for engine in ("loop", "associative")
            )
            ratios.append(loop / other)
        yield {"cell": name, "inputs": size, "batch": batch, "ratio": median(ratios)}


PART = Part(
    title="What the parallel scan gains on long sequences",
    text=f"Times faster than the loop over T={STEPS} steps of H={HIDDEN} units on all cores, forward and backward: "
    f"medians of {REPETITIONS} repetitions, each of both engines.",
    measure=measure,
    devices=("cpu", "cuda"),
    table=lambda rows: rows.round(1),
    goals=(Goal("the scan against the loop", lambda rows: rows.ratio.min(), 1.0, at_least=True),),
)
