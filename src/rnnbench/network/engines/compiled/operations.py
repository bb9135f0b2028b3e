"""The operations of aten that a kernel can compute, as functions of its numbers.

POINTWISE: one number from one of each argument. REDUCTIONS: many numbers to one, as (start, function of what
was found and the next, whether it is divided by the columns). What costs much is in DEAR: kept, not computed again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from rnnbench.network.engines.compiled import arithmetic as a
from rnnbench.network.engines.compiled.arithmetic import Number, Truth

aten = torch.ops.aten


def _add(x: Number, y: Number, alpha: float = 1) -> Number:
    return x + (y if alpha == 1 else y * alpha)


def _sub(x: Number, y: Number, alpha: float = 1) -> Number:
    return x - (y if alpha == 1 else y * alpha)


def _clamp(x: Number, least: Number | None = None, most: Number | None = None) -> Number:
    x = x if least is None else x.at_least(least)
    return x if most is None else x.at_most(most)


def _number(value: Number | Truth, like: Number) -> Number:
    return value.choose(like.of(1.0), like.of(0.0)) if isinstance(value, Truth) else value


def _where(chosen: Truth, x: Any, y: Any) -> Any:
    if isinstance(x, Truth):
        return (chosen & x) | (~chosen & y)
    return chosen.choose(x, y)


def _compare(sign: str) -> Callable[[Number, Number], Truth]:
    return lambda x, y: x.compare(sign, y)


POWERS: dict[float, Callable[[Number], Number]] = {
    1: lambda x: x,
    2: lambda x: x * x,
    3: lambda x: x * x * x,
    0.5: lambda x: x.sqrt(),
    -0.5: lambda x: 1 / x.sqrt(),
    -1: lambda x: 1 / x,
    -2: lambda x: 1 / (x * x),
}

POINTWISE: dict[Any, Callable[..., Any]] = {
    aten.add.Tensor: _add,
    aten.add.Scalar: _add,
    aten.sub.Tensor: _sub,
    aten.sub.Scalar: _sub,
    aten.rsub.Scalar: lambda x, y: y - x,
    aten.mul.Tensor: lambda x, y: x * y,
    aten.mul.Scalar: lambda x, y: x * y,
    aten.div.Tensor: lambda x, y: x / y,
    aten.div.Scalar: lambda x, y: x / y,
    aten.neg.default: lambda x: -x,
    aten.abs.default: lambda x: x.abs(),
    aten.sign.default: a.sign,
    aten.sqrt.default: lambda x: x.sqrt(),
    aten.rsqrt.default: lambda x: 1 / x.sqrt(),
    aten.reciprocal.default: lambda x: 1 / x,
    aten.square.default: lambda x: x * x,
    aten.exp.default: a.exp,
    aten.expm1.default: a.expm1,
    aten.log.default: a.log,
    aten.log1p.default: a.log1p,
    aten.tanh.default: a.tanh,
    aten.sigmoid.default: a.sigmoid,
    aten.relu.default: lambda x: x.at_least(0.0),
    aten.maximum.default: lambda x, y: x.at_least(y),
    aten.minimum.default: lambda x, y: x.at_most(y),
    aten.clamp.default: _clamp,
    aten.clamp_min.default: lambda x, least: x.at_least(least),
    aten.clamp_max.default: lambda x, most: x.at_most(most),
    aten.where.self: _where,
    aten.logical_and.default: lambda x, y: x & y,
    aten.logical_or.default: lambda x, y: x | y,
    aten.logical_not.default: lambda x: ~x,
    aten.bitwise_and.Tensor: lambda x, y: x & y,
    aten.bitwise_or.Tensor: lambda x, y: x | y,
    aten.bitwise_not.default: lambda x: ~x,
    **{
        overload: _compare(sign)
        for operation, sign in ((aten.eq, "=="), (aten.ne, "!="), (aten.gt, ">"), (aten.ge, ">="), (aten.lt, "<"),
                                (aten.le, "<="))
        for overload in (operation.Tensor, operation.Scalar)
    },
    aten.pow.Tensor_Scalar: lambda x, exponent: POWERS[exponent](x),  # given as it is
}  # fmt: skip

LOGICAL = {aten.logical_and.default, aten.logical_or.default, aten.logical_not.default, aten.bitwise_and.Tensor,
           aten.bitwise_or.Tensor, aten.bitwise_not.default}  # fmt: skip
"""What takes truth values alone."""

REDUCTIONS: dict[Any, tuple[float, Callable[[Number, Number], Number], bool]] = {
    aten.sum.dim_IntList: (0.0, lambda found, x: found + x, False),
    aten.mean.dim: (0.0, lambda found, x: found + x, True),
    aten.amax.default: (float("-inf"), lambda found, x: found.at_least(x), False),
}

DEAR = {
    aten.exp.default, aten.expm1.default, aten.log.default, aten.log1p.default, aten.tanh.default,
    aten.sigmoid.default, aten.sqrt.default, aten.rsqrt.default,
}  # fmt: skip
