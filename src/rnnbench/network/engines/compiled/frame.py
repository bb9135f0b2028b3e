"""The numbers that a kernel reads, and what their addresses point to: see ``emit.Layout``."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from torch import Tensor, fx

from rnnbench.network.engines.compiled import blas
from rnnbench.network.engines.compiled.emit import DESCRIPTION, Layout
from rnnbench.network.engines.compiled.moves import shape_of
from rnnbench.network.engines.compiled.plan import Plan
from rnnbench.network.engines.compiled.products import panels
from rnnbench.network.engines.compiled.tape import Tape

ALL = -1
"""The mask of a buffer that keeps every step."""


class Frame:
    """Makes the frames of a kernel: what depends on neither the batch nor the steps is laid out once."""

    def __init__(self, layout: Layout, plan: Plan, *, double: bool) -> None:
        self.layout, self.double = layout, double
        self.buffers = layout.of("buffer")
        self._constants = layout.of("constant")
        self._panels = layout.of("panels")
        wanted = [*self._constants, *(node for node, _ in self._panels)]
        self._tape = Tape(plan.traced.drive.graph, wanted, plan.traced.weights)
        self._arrays = [(each.name, each in plan.carries) for each in self.buffers]
        first = layout.of("first")
        self._first = [plan.part(each) for each in first]
        masks = [place + 1 for place in self.buffers.values()]
        addresses = [each.values() for each in (self.buffers, first, self._constants, self._panels)]
        self._places = np.array([*masks, *itertools.chain(*addresses)], np.int64)
        self._fixed = np.zeros(layout.size + len(layout.products) * DESCRIPTION // 2, np.int64)
        for number, place in layout.of("number").items():
            self._fixed[place] = number
        self._counts = np.array([product.count for product in layout.products], np.int32)
        for row, product in zip(self._described(self._fixed), layout.products, strict=True):
            inner, outer = shape_of(product.weight)
            row[:] = outer, 0, inner, outer, *product.widths

    def _described(self, frame: Any) -> Any:
        """The descriptions of the products, a row each."""
        return frame[self.layout.size :].view(np.int32).reshape(-1, DESCRIPTION)

    def fill(
        self, arrays: dict[str, Tensor], state: list[Tensor], known: dict[fx.Node, Tensor], steps: int, batch: int
    ) -> tuple[Any, list[Tensor]]:
        """A frame, and what must live as long; ``known`` are the weights.

        The functions of the weights are contiguous, as small products are fastest too.
        """
        self._tape.run(known)
        frame = self._fixed.copy()
        frame[:3] = steps, batch, blas.gemm(self.double)
        frame[3] = frame.ctypes.data + frame.itemsize * self.layout.size
        constants = [known[node].contiguous() for node in self._constants]
        constants += [panels(known[node], lanes) for node, lanes in self._panels]
        pointed = [*(arrays[name] for name, _ in self._arrays), *(state[part] for part in self._first), *constants]
        # A carry is read at step t + 1, so that two of its rows are too few to keep every step where T = 2.
        masks = [1 if carried else mask(arrays[name], steps) for name, carried in self._arrays]
        frame[self._places] = [*masks, *(each.data_ptr() for each in pointed)]
        self._described(frame)[:, 1] = self._counts * batch
        return frame, constants


def mask(array: Tensor, steps: int) -> int:
    """What to take of a step's number to find its row in an array that keeps all steps, or the last one or two."""
    kept = array.size(0)
    return ALL if kept >= steps else kept - 1
