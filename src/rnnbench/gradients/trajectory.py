"""The states that a network really passes through: where every Jacobian is taken.

A gradient flows back along the path s_0, s_1, ..., s_T of the forward pass, so its Jacobians J_t = ds_t/ds_{t-1} are
those at these states and inputs (Pascanu, Mikolov & Bengio 2013, arXiv:1211.5063, section 2). A path is kept in the
order in which its direction runs: a backward direction starts at each sequence's last valid step. After a sequence's
end its state stays as it was; the mask ``valid`` says which steps were taken.

All diagnostics compute in float64 on a copy (``precise``), because the gradient of a vanishing network underflows
float32 within two hundred steps.
"""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple, TypeVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import is_parametrized, type_before_parametrizations

from rnnbench.network.cells import Cell
from rnnbench.network.layers import Recurrent
from rnnbench.network.model import Model
from rnnbench.network.states import map_state, select_state

Array = np.ndarray[Any, Any]
M = TypeVar("M", bound=nn.Module)


class Trajectory(NamedTuple):
    """The path of one direction of one layer, T = the steps of the longest sequence, in the direction's own order."""

    cell: Cell[Any]
    """The cell that ran: in float64, with plain weights in place of parametrised ones."""
    states: Any
    """s_0 .. s_T: a state of the cell whose parts are [T + 1, B, *]."""
    drives: Tensor
    """What ``cell.project`` gave for steps 1 .. T: [T, B, ...]; s_{t+1} = step(s_t, drives[t])."""
    lengths: Tensor
    """The steps that each sequence took: [B] int64."""
    inputs: Tensor
    """What the direction saw at steps 1 .. T: [T, B, I]."""

    @property
    def valid(self) -> Tensor:
        """Whether sequence b took step t + 1: [T, B] bool."""
        return torch.arange(len(self.drives), device=self.lengths.device)[:, None] < self.lengths

    def at(self, t: int) -> Any:
        """The state s_t, parts [B, *]."""
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


def precise(model: Model, batch: Any) -> tuple[Model, Any]:
    """The network in float64 with plain weights, and the batch on its device; themselves where that is so already."""
    model = in_float64(model)
    device = model.head.weight.device
    if batch.inputs.device == device:
        return model, batch
    moved = {name: part.to(device) for name, part in batch._asdict().items() if torch.is_tensor(part)}
    return model, batch._replace(**moved)


def in_float64(module: M) -> M:
    """``module`` itself where it is in float64 with plain weights, else its ``float64_copy``."""
    plain = not any(is_parametrized(each) for each in module.modules())
    wide = all(tensor.dtype == _wide(tensor) for tensor in _tensors(module))
    return module if plain and wide else float64_copy(module)


def float64_copy(module: M) -> M:
    """A copy of a network or a cell in float64 (complex parameters in complex128), on the CPU where its device is mps.

    A parametrised weight becomes a plain one of the same value, so that no Jacobian computes it again.
    """
    twin = copy.deepcopy(module)
    if any(tensor.device.type == "mps" for tensor in _tensors(twin)):  # it has no float64
        twin = twin.cpu()
    for tensor in _tensors(twin):
        tensor.data = tensor.data.to(_wide(tensor))
    with evaluation(twin):
        for each in list(twin.modules()):
            if is_parametrized(each):
                _fix(each)
    return twin


def _tensors(module: nn.Module) -> list[Tensor]:
    """The parameters and buffers that have a precision."""
    tensors = itertools.chain(module.parameters(), module.buffers())
    return [tensor for tensor in tensors if tensor.is_floating_point() or tensor.is_complex()]


def _wide(tensor: Tensor) -> torch.dtype:
    return torch.promote_types(tensor.dtype, torch.float64)


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

    Each layer sees the outputs of the layer below, from zero initial states, without dropout and without gradients, in
    float64. Raises FloatingPointError where a state is not finite: no Jacobian exists there.
    """
    model, batch = precise(model, batch)
    with evaluation(model), torch.no_grad():
        inputs = model.encode(batch.inputs)
        if batch.lengths is None:
            lengths = torch.full((inputs.shape[1],), len(inputs), device=inputs.device)
        else:
            lengths = batch.lengths
        inputs = inputs[: int(lengths.max())]
        paths = []
        for layer, directions in zip(model.stack.layers, model.stack.ways(), strict=True):
            paths.append([_follow(direction, inputs, lengths) for direction in directions])
            inputs, _ = layer(inputs, batch.lengths)
    return paths


def _follow(direction: Recurrent, inputs: Tensor, lengths: Tensor) -> Trajectory:
    cell = direction.cell
    inputs = direction.running_order(inputs, lengths)
    drives = cell.project(inputs)
    state = cell.initial_state(len(lengths))
    states = [state]
    for t, drive in enumerate(drives):
        state = select_state(t < lengths, cell.step(state, drive), state)
        states.append(state)
    path = map_state(lambda *parts: torch.stack(parts), *states)
    if not all(part.isfinite().all() for part in path):
        raise FloatingPointError(f"the states of {type(cell).__name__} are not finite: no Jacobian exists there")
    return Trajectory(cell, path, drives, lengths, inputs)
