"""The states that a network really passes through: where every Jacobian is taken.

A gradient flows back along the path s_0, s_1, ..., s_T of the forward pass, so its Jacobians J_t = ds_t/ds_{t-1} are
those at these states and inputs (Pascanu, Mikolov & Bengio 2013, arXiv:1211.5063, section 2). A path is kept in the
order in which its direction runs: a backward direction starts at each sequence's last valid step. Behind a sequence's
end its state stays as it was; the mask ``valid`` says which steps were taken.
"""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import is_parametrized, type_before_parametrizations

from rnnbench.cells import Cell
from rnnbench.cells.base import map_state
from rnnbench.layers import Recurrent
from rnnbench.model import Model

Array = np.ndarray[Any, Any]


class Trajectory(NamedTuple):
    """The path of one direction of one layer, T = the steps of the longest sequence, in the direction's own order."""

    cell: Cell[Any]
    """The cell, with the parameters that it ran with."""
    states: Any
    """s_0 .. s_T: a state of the cell whose parts are [T + 1, B, H]."""
    drives: Tensor
    """What ``cell.project`` gave for steps 1 .. T: [T, B, ...]; s_{t+1} = step(s_t, drives[t])."""
    lengths: Tensor
    """The steps that each sequence took: [B] int64."""

    @property
    def valid(self) -> Tensor:
        """Whether sequence b took step t + 1: [T, B] bool."""
        return torch.arange(len(self.drives), device=self.lengths.device)[:, None] < self.lengths

    def at(self, t: int) -> Any:
        """The state s_t, parts [B, H]."""
        return map_state(lambda part: part[t], self.states)

    def sequence_mean(self, values: Tensor) -> Array:
        """The mean of ``values`` [T, B] over the sequences that took each step: float64 [T]."""
        valid = self.valid
        return (values.double().where(valid, 0).sum(dim=1) / valid.sum(dim=1)).cpu().numpy()


@contextmanager
def evaluation(model: nn.Module) -> Iterator[None]:
    """Evaluation mode (dropout off) inside the block; afterwards every module is in the mode that it was in."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training


def float64_copy(model: Model) -> Model:
    """A copy of the network in float64 (complex parameters in complex128), for logarithms of small singular values.

    A parametrised weight becomes a plain one of the same value, so that no Jacobian computes it again.
    """
    precise = copy.deepcopy(model)
    for tensor in itertools.chain(precise.parameters(), precise.buffers()):
        if tensor.is_floating_point() or tensor.is_complex():
            tensor.data = tensor.data.to(torch.promote_types(tensor.dtype, torch.float64))
    for module in list(precise.modules()):
        if is_parametrized(module):
            _fix(module)
    return precise


def _fix(module: nn.Module) -> None:
    """Replaces a module's parametrised tensors by their present values.

    torch's remove_parametrizations would take the property from the class too, which the copy shares with the original.
    """
    parametrized: Any = module.parametrizations
    values = {name: getattr(module, name).detach() for name in parametrized}
    module.__class__ = type_before_parametrizations(module)
    del module.parametrizations
    for name, value in values.items():
        module.register_parameter(name, nn.Parameter(value))


def trajectory(model: Model, batch: Any) -> list[list[Trajectory]]:
    """The path of every direction on ``batch``: [layer][direction], forward before backward.

    Each layer sees the outputs of the layer below, from zero initial states, without dropout and without gradients.
    All is in the network's dtype, to which real inputs are converted; see ``float64_copy``.
    Raises FloatingPointError where a state is not finite: no Jacobian exists there.
    """
    with evaluation(model), torch.no_grad():
        inputs = model.encode(batch.inputs).to(model.head.weight.dtype)
        if batch.lengths is None:
            lengths = torch.full((inputs.shape[1],), len(inputs), device=inputs.device)
        else:
            lengths = batch.lengths
        inputs = inputs[: int(lengths.max())]
        paths = []
        for layer, directions in zip(model.stack.layers, model.stack.directions(), strict=True):
            paths.append([_follow(direction, inputs, lengths) for direction in directions])
            inputs, _ = layer(inputs, batch.lengths)
    return paths


def _follow(direction: Recurrent, inputs: Tensor, lengths: Tensor) -> Trajectory:
    cell = direction.cell
    drives = cell.project(direction.running_order(inputs, lengths))
    state = cell.initial_state(len(lengths))
    states = [state]
    for t, drive in enumerate(drives):
        moving = (t < lengths)[:, None]
        after = cell.step(state, drive)
        state = map_state(lambda new, old, moving=moving: torch.where(moving, new, old), after, state)
        states.append(state)
    path = map_state(lambda *parts: torch.stack(parts), *states)
    if not all(part.isfinite().all() for part in path):
        raise FloatingPointError(f"the states of {type(cell).__name__} are not finite: no Jacobian exists there")
    return Trajectory(cell, path, drives, lengths)
