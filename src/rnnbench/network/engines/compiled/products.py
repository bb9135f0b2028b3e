"""Products of rows and a weight in loops of our own, where these are faster than the BLAS of torch.

A tile of some rows and a vector of columns stays in registers while its products are summed. The weight lies in panels,
[columns / lanes, inner, lanes], so that what a tile reads of it lies side by side.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import llvmlite.binding as llvm
import numpy as np
import torch
from llvmlite import ir
from torch import Tensor

from rnnbench.network.engines.compiled import kernel
from rnnbench.network.engines.compiled.counted import INT, counted
from rnnbench.network.engines.compiled.vectors import Vector, divisor

ROWS = (6, 4, 2, 1)
"""Of tiles: as many as the registers hold, and fewer for the rows that are left. Two rows take as long as four."""
BYTES = 64
"""Of a tile's row: two vectors of AVX2."""
LARGEST, SHARED = 2**20, 2**17
"""Bytes of a weight that the second cache may still hold, and above which two threads of BLAS were faster."""
FEWEST = 2**18
"""Numbers of a result below which a call of ours costs more than it gains."""


@cache
def suits() -> bool:
    """Whether the processor has the vectors of the one, an AMD EPYC, on which this was measured faster than MKL."""
    features = llvm.get_host_cpu_features()
    return bool(features.get("avx2") and features.get("fma") and not features.get("avx512f"))


def lanes(inner: int, outer: int, size: int) -> int:
    """How many columns of a weight [inner, outer] of numbers of ``size`` bytes are one vector; 0 where BLAS serves."""
    found = divisor(outer, BYTES // size)
    most = LARGEST if torch.get_num_threads() == 1 else SHARED
    return found if suits() and 2 * found * size >= BYTES and inner * outer * size <= most else 0


def panels(weight: Tensor, lanes: int) -> Tensor:
    """A weight [inner, columns] as [columns / lanes, inner, lanes]."""
    return weight.unflatten(1, (-1, lanes)).transpose(0, 1).contiguous()


def function(module: ir.Module, real: ir.Type, lanes: int, start: str) -> Any:
    """y = x weight + what ``start`` says, ``zero``, ``y`` or ``bias``.

    void f(rows, inner, panels, *x, width of x, *weight, *y, width of y, *bias)
    """
    name = f"product_{lanes}_{start}"
    if name in module.globals:
        return module.get_global(name)
    pointer = real.as_pointer()
    types = [INT, INT, INT, pointer, INT, pointer, pointer, INT, pointer]
    made = ir.Function(module, ir.FunctionType(ir.VoidType(), types), name)
    made.linkage = "internal"
    made.attributes.add("noinline")
    for each in made.args:
        if each.type == pointer:
            each.add_attribute("noalias")
    builder = ir.IRBuilder(made.append_basic_block())
    most, done = INT(ROWS[0]), INT(0)
    two_left = builder.icmp_signed("==", builder.srem(made.args[0], most), INT(2))
    for rows in ROWS:
        left = builder.sub(made.args[0], done)
        if rows == ROWS[0]:  # two tiles of four for the last eight
            left = builder.select(two_left, builder.sub(left, INT(3)), left)
        count = builder.sdiv(left, INT(rows))
        with builder.if_then(builder.icmp_signed(">", count, INT(0))), counted(builder, count) as block:
            row = builder.add(done, builder.mul(block.index, INT(rows)))
            _rows(builder, made.args, Vector(builder, real, lanes), row, rows, start)
        done = builder.add(done, builder.mul(count, INT(rows)))
    builder.ret_void()
    return made


def _rows(builder: ir.IRBuilder, given: Any, vector: Vector, first: Any, count: int, start: str) -> None:
    """All columns of ``count`` rows from ``first`` on."""
    _, inner, panels, x, x_width, weight, y, y_width, bias = given
    numbers = [builder.add(first, INT(row)) for row in range(count)]
    sources = [builder.gep(x, [builder.mul(row, x_width)]) for row in numbers]
    with counted(builder, panels) as panel:
        column = builder.mul(panel.index, INT(vector.lanes))
        beside = builder.gep(weight, [builder.mul(column, inner)])
        targets = [builder.gep(y, [builder.add(builder.mul(row, y_width), column)]) for row in numbers]
        if start == "y":
            totals = [vector.load(each) for each in targets]
        else:
            totals = [vector.load(builder.gep(bias, [column])) if start == "bias" else vector.zero] * count
        with counted(builder, inner, totals) as place:
            shared = vector.load(builder.gep(beside, [builder.mul(place.index, INT(vector.lanes))]))
            for source, total in zip(sources, place.carried, strict=True):
                one = vector.everywhere(builder.gep(source, [place.index]))
                place.results.append(vector.plus_product(total, one, shared))
        for target, total in zip(targets, place.results, strict=True):
            vector.store(total, target)


def multiply(rows: Tensor, weight: Tensor, bias: Tensor | None, result: Tensor) -> None:
    """result = rows @ weight + bias, of rows [R, I], weight [I, D], bias [D] and result [R, D] on the CPU.

    By BLAS where it computes with several threads, or is the faster one.
    """
    inner, outer = weight.shape
    width = lanes(inner, outer, rows.element_size())
    if not width or result.numel() < FEWEST or torch.get_num_threads() > 1:
        torch.mm(rows, weight, out=result) if bias is None else torch.addmm(bias, rows, weight, out=result)
        return
    rows, weight, start = rows.contiguous(), panels(weight, width), "zero"
    given = [len(rows), inner, len(weight), rows.data_ptr(), inner, weight.data_ptr(), result.data_ptr(), outer, 0]
    if bias is not None:
        bias, start = bias.contiguous(), "bias"
        given[-1] = bias.data_ptr()
    frame = np.array(given, np.int64)
    _alone(width, start, double=rows.dtype == torch.float64)(frame.ctypes.data)


@cache
def _alone(lanes: int, start: str, *, double: bool) -> Callable[[int], None]:
    """A kernel that is one product; its frame are the arguments of ``function``."""
    module, real = ir.Module(name="kernel"), ir.DoubleType() if double else ir.FloatType()
    called = function(module, real, lanes, start)
    made = ir.Function(module, ir.FunctionType(ir.VoidType(), [INT.as_pointer()]), "kernel")
    builder = ir.IRBuilder(made.append_basic_block())
    given = [builder.load(builder.gep(made.args[0], [INT(place)])) for place in range(len(called.args))]
    pairs = zip(given, called.args, strict=True)
    builder.call(called, [each if to.type == INT else builder.inttoptr(each, to.type) for each, to in pairs])
    builder.ret_void()
    return kernel.load(str(module))
