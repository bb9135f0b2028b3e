"""Vectors of numbers in LLVM's language, where its own vectorising does not find the best ones."""

from __future__ import annotations

from typing import Any

from llvmlite import ir

from rnnbench.network.engines.compiled.arithmetic import FUSED

INT32 = ir.IntType(32)


class Vector:
    """Instructions on vectors of ``lanes`` numbers, which LLVM makes of those that a processor has."""

    def __init__(self, builder: ir.IRBuilder, real: ir.Type, lanes: int) -> None:
        self.builder, self.real, self.lanes = builder, real, lanes
        self.double = isinstance(real, ir.DoubleType)
        self.type = ir.VectorType(real, lanes)
        self.zero = ir.Constant(self.type, None)

    def load(self, pointer: Any) -> Any:
        """Neighbours in memory from ``pointer`` on."""
        return self.builder.load(self._pointer(pointer), align=self._size)

    def store(self, value: Any, pointer: Any) -> None:
        self.builder.store(value, self._pointer(pointer), align=self._size)

    def _pointer(self, pointer: Any) -> Any:
        return self.builder.bitcast(pointer, self.type.as_pointer())

    @property
    def _size(self) -> int:
        """A vector lies where a number may, at no multiple of its own size."""
        return 8 if self.double else 4

    def everywhere(self, pointer: Any) -> Any:
        """One number in all places."""
        empty, zeros = ir.Constant(self.type, ir.Undefined), ir.Constant(ir.VectorType(INT32, self.lanes), None)
        first = self.builder.insert_element(empty, self.builder.load(pointer), INT32(0))
        return self.builder.shuffle_vector(first, empty, zeros)

    def plus_product(self, total: Any, one: Any, other: Any) -> Any:
        return self.builder.fadd(total, self.builder.fmul(one, other, flags=FUSED), flags=FUSED)

    def total(self, value: Any) -> Any:
        """The sum of a vector's numbers, in any order."""
        name = f"llvm.vector.reduce.fadd.v{self.lanes}f{8 * self._size}"
        module = self.builder.module
        kind = ir.FunctionType(self.real, [self.real, self.type])
        function = module.globals.get(name) or ir.Function(module, kind, name)
        return self.builder.call(function, [ir.Constant(self.real, 0.0), value], fastmath=("reassoc",))


class Apart:
    """Places that a loop writes to, of which no two are ever the same; loops in which they may be have other names.

    Where several lie in one array LLVM would compare how far they reach over all rows, and make no vectors.
    """

    def __init__(self, module: ir.Module, name: str, count: int) -> None:
        domain = module.add_metadata([name])
        scopes = [module.add_metadata([str(place), domain]) for place in range(count)]
        self.own = [module.add_metadata([each]) for each in scopes]
        self.others = [module.add_metadata([each for each in scopes if each is not own]) for own in scopes]

    def mark(self, place: int, instruction: Any) -> Any:
        """An instruction that reads or writes there."""
        instruction.set_metadata("alias.scope", self.own[place])
        instruction.set_metadata("noalias", self.others[place])
        return instruction


def divisor(extent: int, most: int) -> int:
    """The largest power of two up to ``most``, which is one, that divides ``extent``."""
    while extent % most:
        most //= 2
    return most
