"""What all diagnostics share, computed once: one network on one batch, in float64, and the path that it takes.

One pass forward and back gives the states, dL/ds_t and dL/dx_t: a zero is added to every state, whose gradient is
exactly dL/ds_t, and a recorder around each cell keeps what passes through it.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import cached_property
from typing import Any, NamedTuple, TypeVar

import torch
from torch import Tensor

from rnnbench.errors import UserError, check_choice
from rnnbench.gradients.path import Path, Recorder
from rnnbench.gradients.precision import evaluation, precise
from rnnbench.network.engines import loop
from rnnbench.network.layers import Recurrent
from rnnbench.network.model import Model, last_loss
from rnnbench.network.states import map_state

R = TypeVar("R")


class Measurement:
    """``model`` on ``batch`` with the ``loss`` of each sequence's last target: ``mse`` or ``cross_entropy``.

    Everything is computed in float64 on a copy without dropout, whatever the model's dtype and mode; the model itself
    stays as it is. ``batch`` is time-major: inputs [T, B, I] or tokens [T, B], targets, lengths [B] or None. Raises
    UserError for a batch that does not fit the model or the loss.
    """

    def __init__(self, model: Model, batch: Any, loss: str) -> None:
        check_choice("loss", loss, ("mse", "cross_entropy"))
        _check(model, batch, loss)
        self.model, self.batch = precise(model, batch)
        self.loss = loss

    @property
    def gradients(self) -> list[list[Any]]:
        """dL/ds_t of each sequence's own last loss: [layer][direction], forward before backward.

        Each entry is a state of the cell whose parts are [T, B, *], indexed like the inputs: dL/dh_t and, for an LSTM,
        dL/dc_t, each the derivative with the other parts of s_t held fixed.
        """
        return self._passed.gradients

    @property
    def input_gradient(self) -> Tensor:
        """dL/dx_t of each sequence's own last loss, x_t as the first layer sees it: [T, B, I]."""
        return self._passed.input_gradient

    @cached_property
    def paths(self) -> list[list[Path]]:
        """The path of every direction: [layer][direction]. Raises FloatingPointError where a state is not finite."""
        batch = self.batch
        steps, size = batch.inputs.shape[:2]
        lengths = batch.lengths
        if lengths is None:
            lengths = torch.full((size,), steps, device=self._passed.input_gradient.device)
        return [
            [
                recorder.path((layer, way), direction.running_order, gradient, lengths, batch.lengths)
                for way, (recorder, direction, gradient) in enumerate(zip(*row, strict=True))
            ]
            for layer, row in enumerate(
                zip(self._passed.recorders, self.model.stack.ways(), self.gradients, strict=True)
            )
        ]

    def first(self, sequences: int) -> list[list[Path]]:
        """The paths of the first ``sequences`` sequences alone."""
        return [[path.first(sequences) for path in layer] for layer in self.paths]

    def each(self, function: Callable[[Path], R]) -> list[list[R]]:
        """What ``function`` says of each path: [layer][direction]."""
        return [[function(path) for path in layer] for layer in self.paths]

    @cached_property
    def _passed(self) -> _Pass:
        """One pass forward and back."""
        model, batch = self.model, self.batch
        steps, size = batch.inputs.shape[:2]
        zeros = [[_zeros(direction, steps, size) for direction in layer] for layer in model.stack.ways()]
        perturbation = [layer[0] if len(layer) == 1 else tuple(layer) for layer in zeros]
        leaves = [part for layer in zeros for state in layer for part in state]
        reader, recorders = recorded(model)
        with evaluation(reader), torch.enable_grad():
            inputs = model.encode(batch.inputs).detach().requires_grad_()
            total = last_loss(reader, batch._replace(inputs=inputs), self.loss, perturbation).sum()
            # A part that the loss never reads has no path to it: c_1 of a single LSTM step.
            to_input, *flat = torch.autograd.grad(total, [inputs, *leaves], materialize_grads=True)
        following = iter(flat)
        gradients = [[map_state(lambda _: next(following), state) for state in layer] for layer in zeros]
        return _Pass(recorders, gradients, to_input)


class _Pass(NamedTuple):
    recorders: list[list[Recorder]]
    gradients: list[list[Any]]
    input_gradient: Tensor


def recorded(model: Model) -> tuple[Model, list[list[Recorder]]]:
    """A copy of a network that shares its parameters, takes encoded inputs and has a recorder around each cell.

    Its engines are the loop, the one that steps.
    """
    memo = {id(tensor): tensor for tensor in (*model.parameters(), *model.buffers())}
    reader = copy.deepcopy(model, memo)
    reader.tokens = False
    recorders = []
    for layer in reader.stack.ways():
        recorders.append([Recorder(direction.cell) for direction in layer])
        for direction, recorder in zip(layer, recorders[-1], strict=True):
            direction.cell, direction.engine = recorder, loop
    return reader, recorders


def _zeros(direction: Recurrent, steps: int, size: int) -> Any:
    start = direction.cell.initial_state(size)
    return map_state(lambda part: part.new_zeros(steps, *part.shape).requires_grad_(), start)


def _check(model: Model, batch: Any, loss: str) -> None:
    """Raises UserError, of one line, where ``batch`` does not fit ``model`` and ``loss``."""
    inputs, targets = batch.inputs, batch.targets
    wanted = "tokens [T, B], whole numbers" if model.tokens else f"[T, B, {model.input_size}], time before batch"
    real = inputs.is_floating_point()
    if real == model.tokens or inputs.dim() != (2 if model.tokens else 3) or 0 in inputs.shape:
        raise UserError(f"batch.inputs: {list(inputs.shape)} of {inputs.dtype} given, this network takes {wanted}")
    if not model.tokens and inputs.shape[2] != model.input_size:
        raise UserError(f"batch.inputs: {list(inputs.shape)} given, this network takes {wanted}")
    if targets.is_floating_point() != (loss == "mse"):
        raise UserError(f"batch.targets: {targets.dtype} does not go with loss={loss}: mse takes real numbers, "
                        "cross_entropy whole ones")  # fmt: skip
    steps, size = inputs.shape[:2]
    outputs = [model.head.out_features] if loss == "mse" else []
    expected = [steps, size, *outputs] if model.every_step else [size, *outputs]
    if list(targets.shape) != expected:
        raise UserError(f"batch.targets: {list(targets.shape)} given for inputs of {steps} steps and {size} sequences; "
                        f"this network needs {expected}, and inputs with time before batch")  # fmt: skip
    symbols = model.head.out_features
    if loss == "cross_entropy" and (targets.min() < 0 or targets.max() >= symbols):
        raise UserError(f"batch.targets: must be whole numbers from 0 to {symbols - 1}, the network's outputs less one")
    lengths = batch.lengths
    if lengths is not None and (list(lengths.shape) != [size] or lengths.min() < 1 or lengths.max() > steps):
        raise UserError(f"batch.lengths: must be {size} whole numbers from 1 to {steps}")
