"""Arithmetic on numbers of a kernel: written once, for float32 and float64, so that LLVM makes vectors of it.

LLVM has no vector of exp, tanh or log, and a call inside a loop keeps it scalar. Here they are polynomials: with
x = n log 2 + r and |r| <= log 2 / 2, exp(x) = 2^n exp(r), where exp(r) is its Taylor series to the power at which the
rest is below half a unit in the last place (7 in float32, 13 in float64). A logarithm is twice the series of artanh.
The largest errors are some units in the last place. NaN stays NaN, and an overflow is infinite: no flag lets LLVM
suppose otherwise, only products and sums may be fused.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from llvmlite import ir

FUSED = ("contract",)


@dataclass(frozen=True)
class Number:
    """A number in a kernel that is being written; operators and methods write instructions. Plain numbers mix in."""

    builder: ir.IRBuilder
    raw: Any

    def of(self, value: Number | float) -> Number:
        return value if isinstance(value, Number) else Number(self.builder, ir.Constant(self.raw.type, float(value)))

    @property
    def double(self) -> bool:
        return isinstance(self.raw.type, ir.DoubleType)

    def __add__(self, other: Number | float) -> Number:
        return Number(self.builder, self.builder.fadd(self.raw, self.of(other).raw, flags=FUSED))

    def __sub__(self, other: Number | float) -> Number:
        return Number(self.builder, self.builder.fsub(self.raw, self.of(other).raw, flags=FUSED))

    def __mul__(self, other: Number | float) -> Number:
        return Number(self.builder, self.builder.fmul(self.raw, self.of(other).raw, flags=FUSED))

    def __truediv__(self, other: Number | float) -> Number:
        return Number(self.builder, self.builder.fdiv(self.raw, self.of(other).raw))

    __radd__ = __add__
    __rmul__ = __mul__

    def __rsub__(self, other: float) -> Number:
        return self.of(other) - self

    def __rtruediv__(self, other: float) -> Number:
        return self.of(other) / self

    def __neg__(self) -> Number:
        return Number(self.builder, self.builder.fneg(self.raw))

    def compare(self, sign: str, other: Number | float) -> Truth:
        """``sign`` as in Python; false where either is NaN, but for ``!=``."""
        compare = self.builder.fcmp_unordered if sign == "!=" else self.builder.fcmp_ordered
        return Truth(self.builder, compare(sign, self.raw, self.of(other).raw))

    def call(self, intrinsic: str, *others: Number) -> Number:
        function = self.builder.module.declare_intrinsic(
            f"llvm.{intrinsic}", [self.raw.type], ir.FunctionType(self.raw.type, [self.raw.type] * (1 + len(others)))
        )
        return Number(self.builder, self.builder.call(function, [self.raw, *(each.raw for each in others)]))

    def abs(self) -> Number:
        return self.call("fabs")

    def sqrt(self) -> Number:
        return self.call("sqrt")

    def at_most(self, limit: Number | float) -> Number:
        """The smaller, and NaN where either is."""
        limit = self.of(limit)
        return (self.compare(">", limit) | limit.compare("!=", limit)).choose(limit, self)

    def at_least(self, limit: Number | float) -> Number:
        """The larger, and NaN where either is."""
        limit = self.of(limit)
        return (self.compare("<", limit) | limit.compare("!=", limit)).choose(limit, self)


@dataclass(frozen=True)
class Truth:
    """A truth value in a kernel that is being written."""

    builder: ir.IRBuilder
    raw: Any

    def choose(self, first: Number, second: Number) -> Number:
        return Number(self.builder, self.builder.select(self.raw, first.raw, second.raw))

    def __or__(self, other: Truth) -> Truth:
        return Truth(self.builder, self.builder.or_(self.raw, other.raw))

    def __and__(self, other: Truth) -> Truth:
        return Truth(self.builder, self.builder.and_(self.raw, other.raw))

    def __xor__(self, other: Truth) -> Truth:
        return Truth(self.builder, self.builder.xor(self.raw, other.raw))

    def __invert__(self) -> Truth:
        return Truth(self.builder, self.builder.not_(self.raw))


@dataclass(frozen=True)
class Format:
    """A floating-point format: what the functions below need to know of it."""

    bits: int
    mantissa: int
    bias: int
    terms: int
    """The highest power of the series of exp."""
    odd: int
    """The terms of the series of artanh."""
    lowest: float
    highest: float
    """exp is 0 below and infinite above."""
    large: float
    """tanh(x) is 1 from x = large / 2 on."""
    log2: tuple[float, float]
    """log 2 in two parts, the first of which has so few digits that its multiples are exact."""


SINGLE = Format(32, 23, 127, 7, 5, -104.0, 89.0, 20.0, (0.693359375, -2.12194440054690583e-4))
DOUBLE = Format(64, 52, 1023, 13, 11, -746.0, 710.0, 40.0, (0.6931471803691238, 1.9082149292705877e-10))


def _reduced(x: Number) -> tuple[Number, Any]:
    """r and the integer n of x = n log 2 + r, for x between ``lowest`` and ``highest``."""
    kind = _format(x)
    magic = 1.5 * 2.0**kind.mantissa  # the sum's last digits are the nearest integer
    shifted = x * (1 / math.log(2)) + magic
    n = Number(x.builder, x.builder.fsub(shifted.raw, x.of(magic).raw))
    integer = ir.IntType(kind.bits)
    count = x.builder.sub(x.builder.bitcast(shifted.raw, integer), _bits(magic, kind))
    return (x - n * kind.log2[0]) - n * kind.log2[1], count


def _power(x: Number, count: Any) -> Number:
    """2^count, for a count in the range of normal exponents."""
    kind = _format(x)
    integer = ir.IntType(kind.bits)
    shifted = x.builder.shl(x.builder.add(count, integer(kind.bias)), integer(kind.mantissa))
    return Number(x.builder, x.builder.bitcast(shifted, x.raw.type))


def _series(r: Number) -> Number:
    """exp(r) - 1 of a small r."""
    terms = _format(r).terms
    total = r.of(1 / math.factorial(terms))
    for power in range(terms - 1, 0, -1):
        total = total * r + 1 / math.factorial(power)
    return total * r


def exp(x: Number) -> Number:
    kind = _format(x)
    r, count = _reduced(x.at_least(kind.lowest).at_most(kind.highest))
    half = x.builder.ashr(count, ir.IntType(kind.bits)(1))
    rest = x.builder.sub(count, half)
    return (_series(r) + 1) * _power(x, half) * _power(x, rest)


def expm1(x: Number) -> Number:
    kind = _format(x)
    r, count = _reduced(x.at_least(-kind.large).at_most(kind.large))
    scale = _power(x, count)
    near = _series(r) * scale + (scale - 1)
    near = x.compare("==", 0.0).choose(x, near)  # -0 too
    return x.abs().compare("<", kind.large).choose(near, exp(x) - 1)


def sigmoid(x: Number) -> Number:
    return 1 / (exp(-x) + 1)


def tanh(x: Number) -> Number:
    """em / (em + 2) with em = exp(2 abs(x)) - 1, which is exact near 0 too."""
    r, count = _reduced((x.abs() * 2).at_most(_format(x).large))
    scale = _power(x, count)
    em = _series(r) * scale + (scale - 1)
    return (em / (em + 2)).call("copysign", x)


def log(x: Number) -> Number:
    """log x = e log 2 + 2 artanh(f / (2 + f)), x = 2^e (1 + f) with 1 + f between sqrt(1/2) and sqrt(2)."""
    kind = _format(x)
    builder, integer = x.builder, ir.IntType(kind.bits)
    tiny = 2.0 ** (1 - kind.bias)
    small = x.compare("<", tiny)
    lifted = small.choose(x * 2.0 ** (kind.mantissa + 1), x)
    pattern = builder.bitcast(lifted.raw, integer)
    offset = integer(_pattern(math.sqrt(0.5), kind))
    exponent = builder.ashr(builder.sub(pattern, offset), integer(kind.mantissa))
    mantissa = builder.sub(pattern, builder.shl(exponent, integer(kind.mantissa)))
    f = Number(builder, builder.bitcast(mantissa, x.raw.type)) - 1
    e = Number(builder, builder.sitofp(exponent, x.raw.type))
    e = small.choose(e - (kind.mantissa + 1), e)
    s = f / (f + 2)
    square = s * s
    total = x.of(1 / (2 * kind.odd + 1))
    for power in range(kind.odd - 1, 0, -1):
        total = total * square + 1 / (2 * power + 1)
    result = (s * 2 * (total * square) + s * 2 + e * kind.log2[1]) + e * kind.log2[0]
    result = x.compare("==", 0.0).choose(x.of(-math.inf), result)
    result = x.compare("<", 0.0).choose(x.of(math.nan), result)
    return (x.compare("==", math.inf) | x.compare("!=", x)).choose(x, result)


def log1p(x: Number) -> Number:
    """log(1 + x), with what the sum 1 + x lost added again."""
    whole = x + 1
    lost = (x - (whole - 1)) / whole
    return x.compare("==", math.inf).choose(x, log(whole) + lost)


def sign(x: Number) -> Number:
    zero = x.of(0.0)
    return x.compare(">", 0.0).choose(x.of(1.0), x.compare("<", 0.0).choose(x.of(-1.0), zero))


def _format(x: Number) -> Format:
    return DOUBLE if x.double else SINGLE


def _pattern(value: float, kind: Format) -> int:
    """The bits of a number as an integer."""
    mantissa, exponent = math.frexp(value)
    return ((exponent - 1 + kind.bias) << kind.mantissa) + round((2 * mantissa - 1) * 2**kind.mantissa)


def _bits(value: float, kind: Format) -> Any:
    return ir.IntType(kind.bits)(_pattern(value, kind))
