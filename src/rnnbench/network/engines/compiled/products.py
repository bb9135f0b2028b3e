"""Products of rows and a weight in loops of our own, faster than the BLAS of torch where that has no AVX-512.

A tile of ROWS rows and a vector of columns stays in registers while its products are summed. The weight lies in panels,
[columns / lanes, inner, lanes], so that what a tile reads of it lies side by side.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import llvmlite.binding as llvm
from llvmlite import ir
from torch import Tensor

from rnnbench.network.engines.compiled.counted import INT, counted
from rnnbench.network.engines.compiled.moves import shape_of
from rnnbench.network.engines.compiled.stores import Product
from rnnbench.network.engines.compiled.tiles import Vector, divisor

ROWS = 4
BYTES = 64
"""Of a tile's row: two vectors of AVX2."""
LARGEST = 2**20
"""Bytes of a weight that the second cache may still hold."""


@cache
def suits() -> bool:
    """Whether the processor is one on which this was measured faster than BLAS."""
    features = llvm.get_host_cpu_features()
    return bool(features.get("avx2") and features.get("fma") and not features.get("avx512f"))


def lanes(product: Product, size: int) -> int:
    """How many columns of numbers of ``size`` bytes are one vector; 0 where BLAS is to compute the product."""
    inner, outer = shape_of(product.weight)
    found = divisor(outer, BYTES // size)
    return found if suits() and 2 * found * size >= BYTES and inner * outer * size <= LARGEST else 0


def panels(weight: Tensor, lanes: int) -> Tensor:
    """A weight [inner, columns] as [columns / lanes, inner, lanes]."""
    return weight.unflatten(1, (-1, lanes)).transpose(0, 1).contiguous()


def function(module: ir.Module, real: ir.Type, lanes: int, *, adds: bool) -> Any:
    """y = x weight, or y += x weight: void f(rows, inner, panels, *x, width of x, *weight, *y, width of y)."""
    name = f"product_{lanes}{'_adds' if adds else ''}"
    if name in module.globals:
        return module.get_global(name)
    pointer = real.as_pointer()
    types = [INT, INT, INT, pointer, INT, pointer, pointer, INT]
    made = ir.Function(module, ir.FunctionType(ir.VoidType(), types), name)
    made.linkage = "internal"
    made.attributes.add("noinline")
    for each in made.args:
        if each.type == pointer:
            each.add_attribute("noalias")
    builder = ir.IRBuilder(made.append_basic_block())
    rows = made.args[0]
    blocks = builder.sdiv(rows, INT(ROWS))
    done = builder.mul(blocks, INT(ROWS))
    for first, count, at_once in ((INT(0), blocks, ROWS), (done, builder.sub(rows, done), 1)):
        with builder.if_then(builder.icmp_signed(">", count, INT(0))), counted(builder, count) as block:
            row = builder.add(first, builder.mul(block.index, INT(at_once)))
            _rows(builder, made.args, Vector(builder, real, lanes), row, at_once, adds=adds)
    builder.ret_void()
    return made


def _rows(builder: ir.IRBuilder, given: Any, vector: Vector, first: Any, count: int, *, adds: bool) -> None:
    """All columns of ``count`` rows from ``first`` on."""
    _, inner, panels, x, x_width, weight, y, y_width = given
    numbers = [builder.add(first, INT(row)) for row in range(count)]
    sources = [builder.gep(x, [builder.mul(row, x_width)]) for row in numbers]
    with counted(builder, panels) as panel:
        column = builder.mul(panel.index, INT(vector.lanes))
        beside = builder.gep(weight, [builder.mul(column, inner)])
        targets = [builder.gep(y, [builder.add(builder.mul(row, y_width), column)]) for row in numbers]
        start = [vector.load(each) if adds else vector.zero for each in targets]
        with counted(builder, inner, start) as place:
            shared = vector.load(builder.gep(beside, [builder.mul(place.index, INT(vector.lanes))]))
            for source, total in zip(sources, place.carried, strict=True):
                one = vector.everywhere(builder.gep(source, [place.index]))
                place.results.append(vector.plus_product(total, one, shared))
        for target, total in zip(targets, place.results, strict=True):
            vector.store(total, target)
