"""Measuring in float64, on a copy: the gradient of a vanishing network underflows float32 within two hundred steps."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import is_parametrized, type_before_parametrizations

from rnnbench.network.model import Model

M = TypeVar("M", bound=nn.Module)


@contextmanager
def evaluation(model: nn.Module) -> Iterator[None]:
    """Use evaluation mode (no dropout) inside the block, and restore the mode of every module afterwards."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training


def precise(model: Model, batch: Any) -> tuple[Model, Any]:
    """Return the network in float64 with plain weights, and the batch on its device; unchanged if they are already."""
    model = in_float64(model)
    device = model.head.weight.device
    if batch.inputs.device == device:
        return model, batch
    moved = {name: part.to(device) for name, part in batch._asdict().items() if torch.is_tensor(part)}
    return model, batch._replace(**moved)


def in_float64(module: M) -> M:
    """Return ``module`` itself if it is in float64 with plain weights, else its ``float64_copy``."""
    plain = not any(is_parametrized(each) for each in module.modules())
    wide = all(tensor.dtype == _wide(tensor) for tensor in _tensors(module))
    return module if plain and wide else float64_copy(module)


def float64_copy(module: M) -> M:
    """Return a copy of a network or cell in float64 (complex parameters in complex128), on the CPU instead of mps.

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
    """Return the parameters and buffers that have a precision."""
    tensors = itertools.chain(module.parameters(), module.buffers())
    return [tensor for tensor in tensors if tensor.is_floating_point() or tensor.is_complex()]


def _wide(tensor: Tensor) -> torch.dtype:
    return torch.promote_types(tensor.dtype, torch.float64)


def _fix(module: nn.Module) -> None:
    """Replace a module's parametrised tensors by their present values.

    torch's remove_parametrizations would take the property from the class too, which the copy shares with the original.
    """
    parametrized: Any = module.parametrizations
    values = {name: getattr(module, name).detach() for name in parametrized}
    module.__class__ = type_before_parametrizations(module)
    del module.parametrizations
    for name, value in values.items():
        module.register_parameter(name, nn.Parameter(value))
