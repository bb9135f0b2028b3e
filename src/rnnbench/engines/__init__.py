"""Engines: how a cell is run over time.

An engine is a function (cell, inputs [T, B, I], state, perturbation | None) -> (outputs [T, B, H], final state). Every
engine returns what ``loop`` returns, outputs and gradients alike; only ``loop`` takes a perturbation.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor

from rnnbench.cells import Cell
from rnnbench.engines.associative import associative, fastest_linear
from rnnbench.engines.associative import check as associative_check
from rnnbench.engines.associative import supports as associative_supports
from rnnbench.engines.fused import check as fused_check
from rnnbench.engines.fused import fused
from rnnbench.engines.fused import supports as fused_supports
from rnnbench.engines.loop import loop
from rnnbench.errors import check_choice

Engine = Callable[..., tuple[Tensor, Any]]

ENGINES: dict[str, Engine] = {
    "associative": associative,
    "fused": fused,
    "loop": loop,
}


def supporting(cell: Cell[Any]) -> list[str]:
    """The engines that can run ``cell``."""
    able = {"associative": associative_supports(cell), "fused": fused_supports(cell), "loop": True}
    return [name for name in ENGINES if able[name]]


def choose(name: str, cell: Cell[Any]) -> Engine:
    """The engine called ``name``; ``auto`` is the fastest that is exact for ``cell``.

    Raises UserError for an unknown name, and for an engine that cannot run ``cell``.
    """
    check_choice("network.engine", name, ["auto", *ENGINES])
    if name == "auto":
        if associative_supports(cell):
            return fastest_linear
        name = "fused" if fused_supports(cell) else "loop"
    if name == "fused":
        fused_check(cell)
    if name == "associative":
        associative_check(cell)
    return ENGINES[name]


__all__ = ["ENGINES", "Engine", "associative", "choose", "fused", "loop", "supporting"]
