"""A traced cell with its two kernels: from tensors to what these read, and back."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import torch
from torch import Tensor, fx

from rnnbench.network.engines.compiled import kernel, pool
from rnnbench.network.engines.compiled.emit import write
from rnnbench.network.engines.compiled.frame import Frame, mask
from rnnbench.network.engines.compiled.plan import Plan
from rnnbench.network.engines.compiled.stores import Buffer
from rnnbench.network.engines.compiled.totals import Totals
from rnnbench.network.engines.compiled.trace import Traced


class Program:
    """What runs a cell's traced step over time, forward and backward. Raises Unsupported for what it cannot compute."""

    def __init__(self, traced: Traced) -> None:
        self.plan = Plan(traced)
        self.traced = traced
        self.dtype: torch.dtype = traced.drive.meta["val"].dtype
        double = self.dtype == torch.float64
        pair = ((self.plan.forward, True), (self.plan.backward, False))
        written = [write(self.plan, each, double=double, ahead=ahead) for each, ahead in pair]
        self.texts = [text for text, _ in written]
        self._frames = [Frame(layout, self.plan, double=double) for _, layout in written]
        self._totals = Totals(self.plan)

    def fits(self, drive: Tensor, state: list[Tensor], weights: list[Tensor]) -> bool:
        """Whether the program was made for tensors of these shapes and precisions."""
        batch, traced = drive.shape[1], self.traced
        rows = zip((drive[0], *state), (traced.drive, *traced.states), strict=True)
        others = zip(weights, traced.weights, strict=True)
        return (
            all(each.dtype == self.dtype for each in (drive, *state, *weights))
            and all(each.shape == (batch, *node.meta["val"].shape[1:]) for each, node in rows)
            and all(each.shape == node.meta["val"].shape for each, node in others)
        )

    @cached_property
    def _forward(self) -> Any:
        return kernel.load(self.texts[0])

    @cached_property
    def _backward(self) -> Any:
        return kernel.load(self.texts[1])

    def forward(
        self, drive: Tensor, state: list[Tensor], weights: list[Tensor], *, keep: bool
    ) -> tuple[Tensor, list[Tensor], dict[str, Tensor]]:
        """(outputs [T, B, O], final state, arrays) of a drive [T, B, D]; ``keep``: with what a backward pass reads."""
        steps, batch = drive.shape[:2]
        frames = self._frames[0]
        arrays = {"drive": drive}
        given, state = state, [each.flatten(1) for each in state]
        output = self.plan.output[0]
        for buffer in frames.buffers:
            if buffer.name not in arrays:
                whole = buffer.keep != "one" if keep else buffer == output
                arrays[buffer.name] = self._array(buffer, steps, batch, whole=whole)
        frame, _constants = frames.fill(arrays, state, self._known(weights), steps, batch)
        self._forward(frame.ctypes.data)
        states = [arrays[f"state{part}"] for part in range(len(state))]
        last = [each[steps - 1 & mask(each, steps)].clone() for each in states]
        final = [each.view_as(like) for each, like in zip(last, given, strict=True)]
        scratch = {buffer.name for buffer in frames.buffers if buffer.keep == "one"}
        return arrays[output.name], final, {name: each for name, each in arrays.items() if name not in scratch}

    def backward(
        self, arrays: dict[str, Tensor], state: list[Tensor], weights: list[Tensor], arriving: Tensor,
        final: list[Tensor | None], wanted: list[bool],
    ) -> tuple[Tensor | None, list[Tensor | None], list[Tensor | None]]:  # fmt: skip
        """The gradients of the drive, of the parts of the state and of the weights that are ``wanted``."""
        plan, frames = self.plan, self._frames[1]
        steps, batch = arriving.shape[:2]
        given, state = state, [each.flatten(1) for each in state]
        arrays = {**arrays, "arriving": arriving}
        for buffer in frames.buffers:
            if buffer.name not in arrays:
                arrays[buffer.name] = self._array(buffer, steps, batch, whole=buffer.keep == "all")
                if buffer.keep == "sum":
                    arrays[buffer.name].zero_()
        for carry, gradient in zip(plan.carries, final, strict=True):
            if carry.name in arrays:
                arrays[carry.name].zero_()
                if gradient is not None:
                    arrays[carry.name][steps & 1] = gradient.flatten(1)
        frame, _constants = frames.fill(arrays, state, self._known(weights), steps, batch)
        if plan.backward.stages:
            self._backward(frame.ctypes.data)
        to_states = [
            None if node is None else arrays[carry.name][0].clone().view_as(each)
            for node, carry, each in zip(self.traced.to_states, plan.carries, given, strict=True)
        ]
        to_drive = None if plan.to_drive is None else arrays[plan.to_drive.name]
        return to_drive, to_states, self._totals.gradients(arrays, state, weights, wanted)

    def _known(self, weights: list[Tensor]) -> dict[fx.Node, Tensor]:
        return dict(zip(self.traced.weights, weights, strict=True))

    def _array(self, buffer: Buffer, steps: int, batch: int, *, whole: bool) -> Tensor:
        kept = steps if whole else 2 if buffer.keep == "two" else 1
        return pool.empty((kept, batch, buffer.width), self.dtype)
