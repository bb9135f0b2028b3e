"""Laws: published theorems about recurrent networks, measured on the suite's own cells without training.

A law is a function of a seed that returns named numbers; the module of the same name says what each one is, its unit,
the paper and what theory expects. The comparison with a published value is not part of a law.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module

Law = Callable[[int], dict[str, float]]
"""A seed >= 0 -> numbers by name. The same for the same seed; global random generators stay as they are."""


@dataclass(frozen=True)
class Lazy:
    """The function ``measure`` of a module that is loaded when it is first called: torch takes a second."""

    module: str

    def __call__(self, seed: int) -> dict[str, float]:
        found: dict[str, float] = import_module(self.module).measure(seed)
        return found


LAWS: dict[str, Law] = {
    "counting": Lazy("rnnbench.laws.counting"),
    "curse_of_memory": Lazy("rnnbench.laws.curse_of_memory"),
    "lru_state_norm": Lazy("rnnbench.laws.lru_state_norm"),
    "memory_capacity": Lazy("rnnbench.laws.memory_capacity"),
    "orthogonal_gradient": Lazy("rnnbench.laws.orthogonal_gradient"),
    "parallel_newton": Lazy("rnnbench.laws.parallel_newton"),
    "parity_positive_spectrum": Lazy("rnnbench.laws.parity_positive_spectrum"),
}
