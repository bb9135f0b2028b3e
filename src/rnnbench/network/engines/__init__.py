"""Engines: how a cell is run over time.

An engine is a function (cell, inputs [T, B, I], state, perturbation | None) -> (outputs [T, B, H], final state). Every
engine returns what ``loop`` returns, outputs and gradients alike; only ``loop`` takes a perturbation.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from rnnbench.errors import check_choice
from rnnbench.network.cells import LSTM, Cell, LinearCell
from rnnbench.network.engines.associative import associative, faster_than_loop
from rnnbench.network.engines.associative import check as associative_check
from rnnbench.network.engines.associative import supports as associative_supports
from rnnbench.network.engines.chunkwise import check as chunkwise_check
from rnnbench.network.engines.chunkwise import chunkwise
from rnnbench.network.engines.chunkwise import suits as suits_chunks
from rnnbench.network.engines.chunkwise import supports as chunkwise_supports
from rnnbench.network.engines.compiled import check as compiled_check
from rnnbench.network.engines.compiled import compiled, ready, tell
from rnnbench.network.engines.compiled import supports as compiled_supports
from rnnbench.network.engines.fused import check as fused_check
from rnnbench.network.engines.fused import fused, supports_inputs
from rnnbench.network.engines.fused import supports as fused_supports
from rnnbench.network.engines.graphed import check as graphed_check
from rnnbench.network.engines.graphed import graphed, worthwhile
from rnnbench.network.engines.graphed import supports as graphed_supports
from rnnbench.network.engines.loop import loop
from rnnbench.network.states import S

FUSED_TO = 2**15
"""Numbers of h, T*B*H, below which torch's kernel of an LSTM is faster than the compiled one: it costs less to call."""

MEMORY = 2**26
"""Numbers of states of all steps, above which an engine that does not keep them is taken where there is one."""

Engine = Callable[..., tuple[Tensor, Any]]

ENGINES: dict[str, Engine] = {
    "associative": associative,
    "chunkwise": chunkwise,
    "compiled": compiled,
    "fused": fused,
    "graphed": graphed,
    "loop": loop,
}
NAMES = {engine: name for name, engine in ENGINES.items()}


def supporting(cell: Cell[Any]) -> list[str]:
    """The engines that can run ``cell`` where its parameters lie."""
    able = {
        "associative": associative_supports(cell),
        "chunkwise": chunkwise_supports(cell),
        "compiled": compiled_supports(cell),
        "fused": fused_supports(cell),
        "graphed": graphed_supports(cell) and all(parameter.is_cuda for parameter in cell.parameters()),
        "loop": True,
    }
    return [name for name in ENGINES if able[name]]


def fastest(cell: Cell[Any], inputs: Tensor, state: Any = ()) -> Engine:
    """The fastest engine that is exact for ``cell`` on inputs and a state of this size and precision, on their device.

    Measured forward and backward on one thread of a CPU: T=12 to 1000, B=1 to 50, H=16 to 128.
    """
    return _fastest(cell, inputs, state)[0]


def _fastest(cell: Cell[Any], inputs: Tensor, state: Any) -> tuple[Engine, dict[str, Any]]:
    """The engine, and what was found out about the cell on the way, for it to take."""
    if type(cell) is LSTM and supports_inputs(inputs) and len(inputs) * inputs.shape[1] * cell.hidden_size < FUSED_TO:
        return fused, {}
    if suits_chunks(cell, inputs) and len(inputs) * sum(part.numel() for part in state) > MEMORY:
        return chunkwise, {}
    found = ready(cell, inputs, state)
    if found is not None:
        return compiled, {"found": found}
    if suits_chunks(cell, inputs):
        return chunkwise, {}
    if isinstance(cell, LinearCell):
        return associative if faster_than_loop(cell, inputs) else loop, {}
    if fused_supports(cell) and supports_inputs(inputs):
        return fused, {}
    tell(cell, inputs, state)
    return loop, {}


class Auto:
    """Runs a cell by the engine that is ``fastest`` for its inputs, which their dtype or device may change.

    What the loop would run it records on a GPU, once that is worthwhile.
    """

    def __init__(self) -> None:
        self.trained_by: set[str] = set()
        """The engines that ran with a gradient, by name."""

    def __call__(self, cell: Cell[S], inputs: Tensor, state: S, perturbation: S | None = None) -> tuple[Tensor, S]:
        engine, found = _fastest(cell, inputs, state)
        if engine is loop and perturbation is None and worthwhile(cell, inputs, state):
            engine = graphed
        if torch.is_grad_enabled():
            self.trained_by.add(NAMES[engine])
        return engine(cell, inputs, state, perturbation, **found)


def choose(name: str, cell: Cell[Any]) -> Engine:
    """The engine called ``name``; ``auto`` is the fastest that is exact for ``cell`` and its inputs.

    Raises UserError for an unknown name, and for an engine that cannot run ``cell``.
    """
    check_choice("network.engine", name, ["auto", *ENGINES])
    if name == "auto":
        return Auto()
    if name == "fused":
        fused_check(cell)
    if name == "compiled":
        compiled_check(cell)
    if name == "associative":
        associative_check(cell)
    if name == "chunkwise":
        chunkwise_check(cell)
    if name == "graphed":
        graphed_check(cell)
    return ENGINES[name]
