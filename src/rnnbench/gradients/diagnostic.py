"""What a diagnostic is: a name, a formula and its source, and a function of what a Measurement shares.

A diagnostic of paths says something of each direction of each layer, one of networks of the whole. What it finds are
arrays with named axes, and numbers, which become columns.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from rnnbench.gradients.measurement import Measurement
from rnnbench.gradients.path import Array, LayerDirection, Path

LAYER_DIRECTION = ("layer", "direction")
Number = float | str | None
"""None for no number."""


class Measured(NamedTuple):
    """An array and the names of its axes."""

    axes: tuple[str, ...]
    values: Array


@dataclass(frozen=True)
class Found:
    """What one diagnostic found."""

    arrays: dict[str, Measured] = field(default_factory=dict)
    """What is found along a path lacks the axes ``LAYER_DIRECTION``: they come first once all paths are seen."""
    numbers: dict[str, Number] = field(default_factory=dict)
    """Those of the path, or of the whole network."""
    by_direction: dict[LayerDirection, dict[str, Number]] = field(default_factory=dict)
    """Of a diagnostic of networks, the numbers of each layer and direction."""


@dataclass(frozen=True)
class Options:
    """What a survey lets one choose."""

    sequences: int = 2
    """On how many sequences of the batch the costly ones are computed, the first ones."""
    exponents: int = 10
    """How many Lyapunov exponents, the largest."""


@dataclass(frozen=True)
class Diagnostic:
    """One diagnostic. It has ``of_path`` or ``of_network``; a path is that of the first sequences alone."""

    name: str
    title: str
    """What it says, for a list."""
    formula: str
    source: str
    needs: tuple[str, ...]
    """Of: profile, paths, jacobians, gates, weights, inputs, training."""
    cost: str
    law: str
    """What it must obey; a test holds it to that."""
    of_path: Callable[[Path, Options], Found] | None = None
    of_network: Callable[[Measurement, Options], Found] | None = None
