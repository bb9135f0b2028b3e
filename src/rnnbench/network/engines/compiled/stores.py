"""What a stage of a kernel consists of: see ``stages``."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from torch import fx

from rnnbench.network.engines.compiled.index import Box, Index
from rnnbench.network.engines.compiled.moves import shape_of


@dataclass(frozen=True)
class Buffer:
    """An array [steps kept, B, width], by its name.

    ``keep``: ``all`` steps, the last ``two``, or ``one``; a ``saved`` one keeps all where a backward pass follows, else
    one; ``given`` ones are inputs with all steps, and ``sum`` ones add what every step writes.
    """

    name: str
    width: int
    keep: str


@dataclass(frozen=True)
class Store:
    """For every round of the loops ``box``: the number of ``node`` at ``index`` is written to ``buffer`` at ``target``.

    Where ``node`` are several of one shape, their sum is.
    """

    buffer: Buffer
    target: Index
    node: Any
    index: Index
    box: Box


@dataclass(frozen=True)
class Product:
    """buffer = rows @ weight, or += where ``adds``; ``rows`` lie at ``source``, ``count`` of them for each sequence."""

    node: fx.Node
    source: tuple[Buffer, int, bool]
    weight: fx.Node
    buffer: Buffer
    adds: bool
    count: int

    @property
    def widths(self) -> tuple[int, int]:
        """How far the rows that are read, and those that are written, are from each other."""
        inner, outer = shape_of(self.weight)
        return (self.source[0].width, self.buffer.width) if self.count == 1 else (inner, outer)


@dataclass
class Stage:
    """``phases``: the stores of each, and the sums after them; ``products`` come last."""

    phases: dict[int, tuple[list[Store], list[Store]]] = field(default_factory=dict)
    products: list[Product] = field(default_factory=list)

    def store(self, phase: int, store: Store) -> None:
        self.phases.setdefault(phase, ([], []))[0].append(store)

    def reduce(self, phase: int, store: Store) -> None:
        self.phases.setdefault(phase, ([], []))[1].append(store)
