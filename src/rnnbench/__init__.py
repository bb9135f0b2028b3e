"""rnnbench: which recurrent cell still receives a gradient from hundreds of steps ago?

The names below are what other code may use; they stay as the CHANGELOG promises. All else is private.

    network, config, record = rnnbench.load("runs/demo/adding-lstm-seed0-...")
    rnnbench.profile(torch.nn.LSTM(2, 64, batch_first=True), inputs, targets)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rnnbench.api.measure import diagnose, profile
    from rnnbench.api.runs import build_network, configure, load, results, run
    from rnnbench.errors import UserError
    from rnnbench.gradients.registry import DIAGNOSTICS
    from rnnbench.network.cells import CELLS, Cell, LinearCell
    from rnnbench.network.states import HState, LSTMState, map_state
    from rnnbench.tasks import TASKS, Batch, Task

__version__ = "1.0.0rc4"
__all__ = [
    "CELLS",
    "DIAGNOSTICS",
    "TASKS",
    "Batch",
    "Cell",
    "HState",
    "LSTMState",
    "LinearCell",
    "Task",
    "UserError",
    "__version__",
    "build_network",
    "configure",
    "diagnose",
    "load",
    "map_state",
    "profile",
    "results",
    "run",
]
_MODULES = {
    "rnnbench.api.measure": ("diagnose", "profile"),
    "rnnbench.api.runs": ("build_network", "configure", "load", "results", "run"),
    "rnnbench.errors": ("UserError",),
    "rnnbench.gradients.registry": ("DIAGNOSTICS",),
    "rnnbench.network.cells": ("CELLS", "Cell", "LinearCell"),
    "rnnbench.network.states": ("HState", "LSTMState", "map_state"),
    "rnnbench.tasks": ("TASKS", "Batch", "Task"),
}
_PLACES = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    """Load a public name when it is first used: torch takes a second, and ``rnnbench --help`` needs none of it."""
    if name not in _PLACES:
        raise AttributeError(f"module 'rnnbench' has no attribute '{name}'")
    found = globals()[name] = getattr(import_module(_PLACES[name]), name)
    return found


def __dir__() -> list[str]:
    return sorted(__all__)
