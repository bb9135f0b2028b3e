"""Diagnostics: a name, a formula and its source, and a function of a Measurement.

A diagnostic of paths describes each direction of each layer, one of networks the whole. It finds arrays with named
axes, and numbers, which become columns.
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
    """The findings of one diagnostic."""

    arrays: dict[str, Measured] = field(default_factory=dict)
    """What is found along a path lacks the axes ``LAYER_DIRECTION``: they come first once all paths are seen."""
    numbers: dict[str, Number] = field(default_factory=dict)
    """The numbers of the path, or of the whole network."""
    by_direction: dict[LayerDirection, dict[str, Number]] = field(default_factory=dict)
    """From a diagnostic of networks: the numbers of each layer and direction."""


@dataclass(frozen=True)
class Options:
    """The options of a survey."""

    sequences: int = 2
    """The number of sequences of the batch, the first ones, for the costly diagnostics."""
    exponents: int = 10
    """The number of Lyapunov exponents, the largest."""


@dataclass(frozen=True)
class Diagnostic:
    """One diagnostic. It has ``of_path`` or ``of_network``; a path is that of the first sequences alone."""

    name: str
    title: str
    """A short description, for a list."""
    formula: str
    source: str
    needs: tuple[str, ...]
    """Of: profile, paths, jacobians, gates, weights, inputs, training."""
    cost: str
    law: str
    """A law that it obeys; a test checks it."""
    widest: int | None = None
    """The most numbers of a direction's state that it is offered for: above it, one probe takes minutes."""
    of_path: Callable[[Path, Options], Found] | None = None
    of_network: Callable[[Measurement, Options], Found] | None = None
