"""What all diagnostics share, computed once: one network on one batch, in float64, and the path that it takes.

A pass forward and back gives the states, dL/ds_t and dL/dx_t: a zero is added to every state, whose gradient is exactly
dL/ds_t, and a recorder around each cell keeps what passes through it. Its graph needs the most memory, so a few
sequences pass at a time.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from functools import cached_property, partial
from typing import Any, NamedTuple, TypeVar

import torch
from torch import Tensor

from rnnbench.errors import UserError, check_choice
from rnnbench.gradients.path import Path
from rnnbench.gradients.precision import evaluation, precise
from rnnbench.gradients.recorder import Recorder, recorded
from rnnbench.network.layers import Recurrent
from rnnbench.network.model import Model, last_loss
from rnnbench.network.states import leaves, map_state

R = TypeVar("R")
AT_ONCE = 2**17
"""Numbers of the states whose graph exists at once: more take more memory and are little faster."""


class Measurement:
    """``model`` on ``batch`` with the ``loss`` of each sequence's last target: ``mse`` or ``cross_entropy``.

    Everything is computed in float64 on a copy without dropout, for any dtype and mode of the model; the model itself
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
        lengths, directions = self.batch.lengths, self.model.stack.layer_directions()
        return [
            [
                recorder.path(
                    (layer, index), map_state(partial(direction.running_order, lengths=lengths), gradient), lengths
                )
                for index, (recorder, direction, gradient) in enumerate(zip(*row, strict=True))
            ]
            for layer, row in enumerate(zip(self._passed.recorders, directions, self.gradients, strict=True))
        ]

    def first(self, sequences: int) -> list[list[Path]]:
        """Return the paths of the first ``sequences`` sequences alone."""
        return [[path.first(sequences) for path in layer] for layer in self.paths]

    def each(self, function: Callable[[Path], R]) -> list[list[R]]:
        """Return the result of ``function`` for each path: [layer][direction]."""
        return [[function(path) for path in layer] for layer in self.paths]

    @cached_property
    def _passed(self) -> _Pass:
        """The pass forward and back of all sequences, as few at once as their states allow."""
        model, batch = self.model, self.batch
        steps, size = batch.inputs.shape[:2]
        reader, recorders = recorded(model, steps, size)
        inputs = model.encode(batch.inputs).detach()
        layers = model.stack.layer_directions()
        gradients = [[_zeros(direction, steps, size) for direction in layer] for layer in layers]
        to_input = torch.zeros_like(inputs)
        at_once = max(1, AT_ONCE // sum(part[:, 0].numel() for part in leaves(gradients)))
        for start in range(0, size, at_once):
            chosen = slice(start, start + at_once)
            for recorder in itertools.chain(*recorders):
                recorder.begin_at(start)
            some = batch._replace(
                inputs=inputs[:, chosen],
                targets=batch.targets[:, chosen] if model.every_step else batch.targets[chosen],
                lengths=None if batch.lengths is None else batch.lengths[chosen],
            )
            found = _input_and_states(reader, some, self.loss)
            for kept, part in zip([to_input, *leaves(gradients)], found, strict=True):
                kept[:, chosen] = part
        return _Pass(recorders, gradients, to_input)


class _Pass(NamedTuple):
    recorders: list[list[Recorder]]
    gradients: list[list[Any]]
    input_gradient: Tensor


def _input_and_states(reader: Model, batch: Any, loss: str) -> tuple[Tensor, ...]:
    """Return the gradients of the summed last losses by the inputs and by each part of each state: [T, B, *]."""
    inputs = batch.inputs.clone().requires_grad_()
    zeros = [[map_state(Tensor.requires_grad_, _zeros(direction, *inputs.shape[:2])) for direction in layer]
             for layer in reader.stack.layer_directions()]  # fmt: skip
    perturbation = [layer[0] if len(layer) == 1 else tuple(layer) for layer in zeros]
    with evaluation(reader), torch.enable_grad():
        total = last_loss(reader, batch._replace(inputs=inputs), loss, perturbation).sum()
        # A part that the loss never reads has no path to it: c_1 of a single LSTM step.
        return torch.autograd.grad(total, [inputs, *leaves(zeros)], materialize_grads=True)


def _zeros(direction: Recurrent, steps: int, size: int) -> Any:
    """Return a zero for every state: parts [T, B, *]."""
    return map_state(lambda part: part.new_zeros(steps, *part.shape), direction.cell.initial_state(size))


def _check(model: Model, batch: Any, loss: str) -> None:
    """Raise UserError, in one line, where ``batch`` does not fit ``model`` and ``loss``."""
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
