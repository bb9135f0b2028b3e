"""Operations of aten as functions of simpler ones: those that cells and their gradients use.

Any other operation is looked up in torch's own table, which takes a third of a second to load.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import torch
from torch import Tensor

aten = torch.ops.aten


def _addmm(bias: Tensor, first: Tensor, second: Tensor, beta: float = 1, alpha: float = 1) -> Tensor:
    product = torch.mm(first, second)
    return (product if alpha == 1 else product * alpha) + (bias if beta == 1 else bias * beta)


def _bmm(first: Tensor, second: Tensor) -> Tensor:
    products = first[:, :, :, None] * second[:, None, :, :]
    return products.sum([2]) if products.shape[2] > 1 else products[:, :, 0]


def _layer_norm(
    x: Tensor, shape: list[int], weight: Tensor | None, bias: Tensor | None, epsilon: float
) -> tuple[Tensor, Tensor, Tensor]:
    axes = list(range(-len(shape), 0))
    mean = x.mean(axes, keepdim=True)
    centred = x - mean
    scale = torch.rsqrt((centred * centred).mean(axes, keepdim=True) + epsilon)
    normed = centred * scale
    normed = normed if weight is None else normed * weight
    return normed if bias is None else normed + bias, mean, scale


def _layer_norm_backward(
    g: Tensor, x: Tensor, shape: list[int], mean: Tensor, scale: Tensor, weight: Tensor | None, bias: Tensor | None,
    wanted: list[bool],
) -> tuple[Tensor | None, Tensor | None, Tensor | None]:  # fmt: skip
    axes, batch = list(range(-len(shape), 0)), list(range(x.dim() - len(shape)))
    normed = (x - mean) * scale
    inner = g if weight is None else g * weight
    to_x = scale * (inner - inner.mean(axes, keepdim=True) - normed * (inner * normed).mean(axes, keepdim=True))
    to_weight = (g * normed).sum(batch) if wanted[1] else None
    return to_x, to_weight, g.sum(batch) if wanted[2] else None


def _log_sigmoid(x: Tensor) -> tuple[Tensor, Tensor]:
    e = torch.exp(-torch.abs(x))
    return torch.clamp_max(x, 0.0) - torch.log1p(e), e


def _softplus(x: Tensor, beta: float = 1, threshold: float = 20) -> Tensor:
    scaled = x * beta
    return torch.where(scaled > threshold, x, torch.log1p(torch.exp(scaled)) / beta)


def _softplus_backward(g: Tensor, x: Tensor, beta: float, threshold: float) -> Tensor:
    return torch.where(x * beta > threshold, g, g * torch.sigmoid(x * beta))


def _silu_backward(g: Tensor, x: Tensor) -> Tensor:
    y = torch.sigmoid(x)
    return g * y * (1 + x * (1 - y))


def _elu(x: Tensor, alpha: float = 1, scale: float = 1, input_scale: float = 1) -> Tensor:
    return torch.where(x > 0, x * scale, torch.expm1(x * input_scale) * (alpha * scale))


def _elu_backward(g: Tensor, alpha: float, scale: float, input_scale: float, is_result: bool, x: Tensor) -> Tensor:
    slope = input_scale * alpha * scale
    below = x * input_scale + slope if is_result else torch.exp(x * input_scale) * slope
    return g * torch.where(x > 0, torch.full_like(x, scale), below)


def _slice_backward(g: Tensor, sizes: list[int], axis: int, start: int, end: int, step: int) -> Tensor:
    return torch.slice_scatter(g.new_zeros(sizes), g, axis, start, end, step)


def _select_backward(g: Tensor, sizes: list[int], axis: int, index: int) -> Tensor:
    return torch.select_scatter(g.new_zeros(sizes), g, axis, index)


def _softmax(x: Tensor, axis: int, half_to_float: bool) -> Tensor:
    e = torch.exp(x - x.amax([axis], keepdim=True))
    return e / e.sum([axis], keepdim=True)


def _softmax_backward(g: Tensor, y: Tensor, axis: int, dtype: torch.dtype) -> Tensor:
    weighted = g * y
    return weighted - y * weighted.sum([axis], keepdim=True)


def _log_softmax(x: Tensor, axis: int, half_to_float: bool) -> Tensor:
    shifted = x - x.amax([axis], keepdim=True)
    return shifted - torch.log(torch.exp(shifted).sum([axis], keepdim=True))


def _log_softmax_backward(g: Tensor, y: Tensor, axis: int, dtype: torch.dtype) -> Tensor:
    return g - torch.exp(y) * g.sum([axis], keepdim=True)


def _swap(x: Tensor, first: int = 0, second: int = 1) -> Tensor:
    axes = list(range(x.dim()))
    axes[first], axes[second] = axes[second], axes[first]
    return x.permute(axes)


OWN: dict[Any, Callable[..., Any]] = {
    aten._log_softmax.default: _log_softmax,
    aten._log_softmax_backward_data.default: _log_softmax_backward,
    aten._softmax.default: _softmax,
    aten._softmax_backward_data.default: _softmax_backward,
    aten.addmm.default: _addmm,
    aten.bmm.default: _bmm,
    aten.addcmul.default: lambda x, first, second, value=1: x + first * second * value,
    aten.elu.default: _elu,
    aten.elu_backward.default: _elu_backward,
    aten.fill.Scalar: torch.full_like,
    aten.lerp.Scalar: lambda x, end, weight: x + (end - x) * weight,
    aten.lerp.Tensor: lambda x, end, weight: x + (end - x) * weight,
    aten.log_sigmoid_forward.default: _log_sigmoid,
    aten.log_sigmoid_backward.default: lambda g, x, e: g * torch.sigmoid(-x),
    aten.masked_fill.Scalar: lambda x, mask, value: torch.where(mask, torch.full_like(x, value), x),
    aten.masked_fill.Tensor: lambda x, mask, value: torch.where(mask, value, x),
    aten.native_layer_norm.default: _layer_norm,
    aten.native_layer_norm_backward.default: _layer_norm_backward,
    aten.select_backward.default: _select_backward,
    aten.sgn.default: torch.sign,
    aten.sigmoid_backward.default: lambda g, y: g * (y * (1 - y)),
    aten.silu.default: lambda x: x * torch.sigmoid(x),
    aten.silu_backward.default: _silu_backward,
    aten.slice_backward.default: _slice_backward,
    aten.softplus.default: _softplus,
    aten.softplus_backward.default: _softplus_backward,
    aten.stack.default: lambda each, axis=0: torch.cat([x.unsqueeze(axis) for x in each], axis),
    aten.t.default: lambda x: _swap(x) if x.dim() == 2 else x,
    aten.tanh_backward.default: lambda g, y: g * (1 - y * y),
    aten.threshold_backward.default: lambda g, x, threshold: torch.where(x <= threshold, torch.zeros_like(g), g),
    aten.transpose.int: _swap,
    aten.unbind.int: lambda x, axis=0: [x.select(axis, place) for place in range(x.shape[axis])],
    aten.zero.default: torch.zeros_like,
}


def of(operation: Any) -> Callable[..., Any] | None:
    """The function that computes an operation from simpler ones; None where there is none."""
    found = OWN.get(operation)
    return found if found is not None else _theirs().get(operation)


@cache
def _theirs() -> dict[Any, Callable[..., Any]]:
    return dict(torch.export.default_decompositions())
