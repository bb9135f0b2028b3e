"""A traced cell with its two kernels: from tensors to frames, and from sums over steps to the weights' gradients."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor, fx

from rnnbench.network.engines.compiled import blas, kernel, pool
from rnnbench.network.engines.compiled.emit import DESCRIPTION, Layout, write
from rnnbench.network.engines.compiled.moves import shape_of
from rnnbench.network.engines.compiled.plan import Plan
from rnnbench.network.engines.compiled.stores import Buffer
from rnnbench.network.engines.compiled.trace import Traced

ALL = -1
"""The mask of a buffer that keeps every step."""
aten = torch.ops.aten


class Program:
    """What runs a cell's traced step over time, forward and backward. Raises Unsupported for what it cannot compute."""

    def __init__(self, traced: Traced) -> None:
        self.plan = Plan(traced)
        self.traced = traced
        self.dtype: torch.dtype = traced.drive.meta["val"].dtype
        double = self.dtype == torch.float64
        self._texts = [
            write(self.plan, self.plan.forward, double=double, ahead=True),
            write(self.plan, self.plan.backward, double=double, ahead=False),
        ]

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
        return kernel.load(self._texts[0][0])

    @cached_property
    def _backward(self) -> Any:
        return kernel.load(self._texts[1][0])

    def forward(
        self, drive: Tensor, state: list[Tensor], weights: list[Tensor], *, keep: bool
    ) -> tuple[Tensor, list[Tensor], dict[str, Tensor]]:
        """(outputs [T, B, O], final state, arrays) of a drive [T, B, D]; ``keep``: with what a backward pass reads."""
        arrays = {"drive": drive}
        given, state = state, [each.flatten(1) for each in state]
        output = self.plan.output[0]
        layout = self._texts[0][1]
        for buffer in layout.of("buffer"):
            if buffer.name not in arrays:
                whole = buffer.keep != "one" if keep else buffer in (output,)
                arrays[buffer.name] = self._array(buffer, len(drive), drive.shape[1], whole=whole)
        constants = self._constants(layout, weights)
        frame = self._frame(layout, arrays, state, constants, drive.shape[:2])
        self._forward(frame.ctypes.data)
        states = [arrays[f"state{part}"] for part in range(len(state))]
        last = [each[len(drive) - 1 & _mask(each, len(drive))].clone() for each in states]
        final = [each.view_as(like) for each, like in zip(last, given, strict=True)]
        scratch = {buffer.name for buffer in layout.of("buffer") if buffer.keep == "one"}
        return arrays[output.name], final, {name: each for name, each in arrays.items() if name not in scratch}

    def backward(
        self, arrays: dict[str, Tensor], state: list[Tensor], weights: list[Tensor], arriving: Tensor,
        final: list[Tensor | None], wanted: list[bool],
    ) -> tuple[Tensor | None, list[Tensor | None], list[Tensor | None]]:  # fmt: skip
        """The gradients of the drive, of the parts of the state and of the weights that are ``wanted``."""
        plan, layout = self.plan, self._texts[1][1]
        steps, batch = arriving.shape[:2]
        given, state = state, [each.flatten(1) for each in state]
        arrays = {**arrays, "arriving": arriving}
        for buffer in layout.of("buffer"):
            if buffer.name not in arrays:
                arrays[buffer.name] = self._array(buffer, steps, batch, whole=buffer.keep == "all")
                if buffer.keep == "sum":
                    arrays[buffer.name].zero_()
        for carry, gradient in zip(plan.carries, final, strict=True):
            if carry.name in arrays:
                arrays[carry.name].zero_()
                if gradient is not None:
                    arrays[carry.name][steps & 1] = gradient.flatten(1)
        constants = self._constants(layout, weights)
        frame = self._frame(layout, arrays, state, constants, (steps, batch))
        if plan.backward.stages:
            self._backward(frame.ctypes.data)
        to_states = [
            None if node is None else arrays[carry.name][0].clone().view_as(each)
            for node, carry, each in zip(self.traced.to_states, plan.carries, given, strict=True)
        ]
        to_drive = None if plan.to_drive is None else arrays[plan.to_drive.name]
        totals = _Totals(self, arrays, state, weights)
        pairs = zip(self.traced.to_weights, wanted, strict=True)
        to_weights = [totals.of(node) if node is not None and asked else None for node, asked in pairs]
        return to_drive, to_states, to_weights

    def _array(self, buffer: Buffer, steps: int, batch: int, *, whole: bool) -> Tensor:
        kept = steps if whole else 2 if buffer.keep == "two" else 1
        return pool.empty((kept, batch, buffer.width), self.dtype)

    def _constants(self, layout: Layout, weights: list[Tensor]) -> dict[fx.Node, Tensor]:
        """The functions of the weights alone that a kernel reads: contiguous, as small products are fastest too."""
        known: dict[Any, Any] = dict(zip(self.traced.weights, weights, strict=True))
        return {node: evaluate(node, known).contiguous() for node in layout.of("constant")}

    def _frame(
        self, layout: Layout, arrays: dict[str, Tensor], state: list[Tensor], constants: dict[fx.Node, Tensor],
        shape: Any,
    ) -> Any:  # fmt: skip
        """The numbers that a kernel reads, and what their addresses point to."""
        steps, batch = shape
        frame = np.zeros(layout.size + len(layout.products) * DESCRIPTION // 2, np.int64)
        frame[0], frame[1], frame[2] = steps, batch, blas.gemm(self.dtype == torch.float64)
        described = frame[layout.size :].view(np.int32)
        frame[3] = described.ctypes.data
        for buffer, place in layout.of("buffer").items():
            frame[place] = arrays[buffer.name].data_ptr()
            # A carry is read at step t + 1, so that two of its rows are too few to keep every step where T = 2.
            carried = buffer in self.plan.carries
            frame[place + 1] = 1 if carried else _mask(arrays[buffer.name], steps)
        for buffer, place in layout.of("first").items():
            frame[place] = state[_part(buffer)].data_ptr()
        for node, place in layout.of("constant").items():
            frame[place] = constants[node].data_ptr()
        for number, place in layout.of("number").items():
            frame[place] = number
        for index, product in enumerate(layout.products):
            inner, outer = constants[product.weight].shape
            widths = (product.source[0].width, product.buffer.width) if product.count == 1 else (inner, outer)
            described[index * DESCRIPTION : index * DESCRIPTION + 6] = (
                outer, batch * product.count, inner, outer, *widths,
            )  # fmt: skip
        return frame


def _mask(array: Tensor, steps: int) -> int:
    """What to take of a step's number to find its row in an array that keeps all steps, or the last one or two."""
    return ALL if len(array) >= steps else len(array) - 1


def _part(buffer: Buffer) -> int:
    """Of which part of the state a buffer holds every step."""
    return int(buffer.name.removeprefix("state"))


def evaluate(node: Any, known: dict[Any, Any]) -> Any:
    """The value of a node that torch computes; ``known`` grows by what is found."""
    if isinstance(node, list | tuple):
        return [evaluate(each, known) for each in node]
    if not isinstance(node, fx.Node):
        return node
    if node not in known:
        given = [evaluate(each, known) for each in node.args]
        options = {key: torch.device("cpu") if key == "device" else value for key, value in node.kwargs.items()}
        known[node] = node.target(*given, **options)  # type: ignore[operator]
    return known[node]


class _Totals:
    """The gradients of weights, from what the kernels have stored."""

    def __init__(self, program: Program, arrays: dict[str, Tensor], state: list[Tensor], weights: list[Tensor]) -> None:
        self.program, self.arrays, self.state = program, arrays, state
        self.known: dict[Any, Any] = dict(zip(program.traced.weights, weights, strict=True))

    def of(self, node: fx.Node) -> Tensor:
        todo = [node]
        while todo:
            each = todo.pop()
            if each in self.known or each.op != "call_function":
                continue
            if each in self.program.plan.contractions:
                self.known[each] = self._contraction(each)
            else:
                todo += each.all_input_nodes
        found: Tensor = evaluate(node, self.known)
        return found

    def _contraction(self, node: fx.Node) -> Tensor:
        """The sum over all steps and sequences."""
        plan = self.program.plan
        operands = plan.operands(node)
        if node.target is not aten.mm.default:
            summed = self.arrays.get(f"sum_{node.name}")
            total = (self._rows(operands[0])[1] if summed is None else summed[0]).sum(0)
            found: Tensor = node.target(total.view(plan.values.alone(operands[0])), *node.args[1:])  # type: ignore[operator]
            return found
        first, second = (self._multiplied(each) for each in operands)
        if first[0] is None and second[0] is None:
            return first[1].T @ second[1]
        count = len(self.state[0]) * plan.values.merged(operands[0])
        start, other = (each[1][:count] if each[0] is None else each[0] for each in (first, second))
        ahead, behind = (each[1][count:] if each[0] is None else each[1][:-count] for each in (first, second))
        return torch.addmm(start.T @ other, ahead.T, behind)

    def _rows(self, node: fx.Node) -> tuple[Tensor | None, Tensor]:
        """A row of all steps and sequences [T * B, W]; where it is one of the step before, what the first step reads,
        which is the state that was given, and the row of this step.
        """
        plan = self.program.plan
        place = plan.backward.place(node)
        assert place is not None
        buffer, column, before = place
        columns = slice(column, column + plan.values.width(node))
        rows, start = self.arrays[buffer.name].flatten(0, 1), self.state[_part(buffer)] if before else None
        return None if start is None else start[:, columns], rows[:, columns]

    def _multiplied(self, node: fx.Node) -> tuple[Tensor | None, Tensor]:
        """The same of what a product reads: a sequence may have several rows."""
        start, rows = self._rows(node)
        shape = -1, shape_of(node)[-1]
        return None if start is None else start.reshape(shape), rows.reshape(shape)
