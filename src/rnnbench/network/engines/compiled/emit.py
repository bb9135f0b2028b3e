"""The two kernels of a plan in LLVM's language.

A kernel is ``void kernel(int64 *frame)``: everything that is known only when it runs, the sizes too, lies in the frame
(``Layout``), so that one kernel serves all widths, batches and lengths. Every stage is a function of its own whose
arguments are declared to be different arrays, which lets LLVM make vectors of its loops.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir

from rnnbench.network.engines.compiled import products
from rnnbench.network.engines.compiled.counted import INT, counted
from rnnbench.network.engines.compiled.loops import Columns
from rnnbench.network.engines.compiled.moves import shape_of
from rnnbench.network.engines.compiled.plan import Plan
from rnnbench.network.engines.compiled.stages import Kernel
from rnnbench.network.engines.compiled.stores import Buffer, Product, Stage

CHAR = ir.IntType(8)
DESCRIPTION = 6
"""32-bit integers that describe a product: N, B, K and the three leading dimensions."""


class Layout:
    """What lies where in a kernel's frame, in int64: T, B, the address of gemm, that of the products' descriptions,
    then an address and a mask of steps for each buffer, the first values of what is read of the step before, the
    constants' addresses, those of weights in panels, and the numbers (sizes and places).
    """

    def __init__(self) -> None:
        self.places: dict[tuple[str, Any], int] = {}
        self.size = 4
        self.products: list[Product] = []

    def place(self, kind: str, what: Any, size: int = 1) -> int:
        """Where ``what`` of a kind is; it gets a place where it has none."""
        if (kind, what) not in self.places:
            self.places[kind, what] = self.size
            self.size += size
        return self.places[kind, what]

    def of(self, kind: str) -> dict[Any, int]:
        return {what: place for (each, what), place in self.places.items() if each == kind}


class Writer:
    """Writes one kernel."""

    def __init__(self, plan: Plan, kernel: Kernel, real: ir.Type, *, ahead: bool) -> None:
        self.plan, self.kernel, self.real = plan, kernel, real
        self.ahead = ahead
        self.layout = Layout()
        self.module = ir.Module(name="kernel")
        self.size = 8 if isinstance(real, ir.DoubleType) else 4

    def write(self) -> str:
        """The text of the kernel."""
        stages = sorted(self.kernel.stages.items())
        bodies = [Columns(self.plan, self.kernel, self.layout, self.module, self.real).write(*each) for each in stages]
        function = ir.Function(self.module, ir.FunctionType(ir.VoidType(), [INT.as_pointer()]), "kernel")
        self.builder = builder = ir.IRBuilder(function.append_basic_block())
        self.frame = function.args[0]
        self.batch = self.load(1)
        self.step_size = builder.mul(self.batch, INT(self.size))
        steps = self.load(0)
        with counted(builder, steps) as time:
            self.t = time.index if self.ahead else builder.sub(builder.sub(steps, INT(1)), time.index)
            for (_, stage), (body, arguments) in zip(stages, bodies, strict=True):
                if body is not None:
                    builder.call(body, [self.argument(each) for each in arguments])
                self.multiply(stage)
        builder.ret_void()
        return str(self.module)

    def load(self, place: int) -> Any:
        return self.builder.load(self.builder.gep(self.frame, [INT(place)]))

    def argument(self, what: tuple[str, Any]) -> Any:
        """A stage's argument of its kind and name."""
        kind, name = what
        if kind == "number":
            return self.load(self.layout.place(kind, name))
        if kind == "batch":
            return self.batch
        if kind == "constant":
            return self.pointer(self.load(self.layout.place(kind, name)))
        buffer, before = name
        return self.pointer(self.address(buffer, before=before))

    def pointer(self, address: Any) -> Any:
        return self.builder.inttoptr(address, self.real.as_pointer())

    def address(self, buffer: Buffer, *, before: bool) -> Any:
        """Where a buffer's rows of this step, or of the one that was computed before it, lie."""
        builder = self.builder
        place = self.layout.place("buffer", buffer, 2)
        base, mask = self.load(place), self.load(place + 1)
        t = self.t
        if before:  # in the backward kernel, what arrives at this step was written by the one after it
            carried = not self.ahead and buffer in self.plan.carries
            t = builder.add(t, INT(1)) if carried else builder.sub(t, INT(1))
        width = self.load(self.layout.place("number", buffer.width))
        stride = builder.mul(self.step_size, width)
        found = builder.add(base, builder.mul(builder.and_(t, mask), stride))
        if before and buffer not in self.plan.carries:
            first = self.load(self.layout.place("first", buffer))
            found = builder.select(builder.icmp_signed("==", self.t, INT(0)), first, found)
        return found

    def multiply(self, stage: Stage) -> None:
        """The products at the end of a stage."""
        for product in stage.products:
            buffer, column, before = product.source
            rows = self.shifted(self.address(buffer, before=before), column)
            result = self.address(product.buffer, before=False)
            inner, outer = shape_of(product.weight)
            lanes = products.lanes(inner, outer, self.size)
            if lanes:
                self.tiled(product, rows, result, lanes)
            else:
                self.gemm(product, rows, result)

    def shifted(self, address: Any, column: int) -> Any:
        if column == 0:
            return address
        number = self.load(self.layout.place("number", column))
        return self.builder.add(address, self.builder.mul(number, INT(self.size)))

    def tiled(self, product: Product, rows: Any, result: Any, lanes: int) -> None:
        """A product in loops of our own."""
        builder, (inner, outer) = self.builder, shape_of(product.weight)
        weight = self.load(self.layout.place("panels", (product.weight, lanes)))
        inner, panels, *widths = (
            self.load(self.layout.place("number", each)) for each in (inner, outer // lanes, *product.widths)
        )
        given = [
            builder.mul(self.batch, INT(product.count)), inner, panels, self.pointer(rows), widths[0],
            self.pointer(weight), self.pointer(result), widths[1], ir.Constant(self.real.as_pointer(), None),
        ]  # fmt: skip
        builder.call(products.function(self.module, self.real, lanes, "y" if product.adds else "zero"), given)

    def gemm(self, product: Product, rows: Any, result: Any) -> None:
        """A product by BLAS, which is column-major: it computes buffer^T = weight^T rows^T."""
        builder, index = self.builder, len(self.layout.products)
        self.layout.products.append(product)
        weight = self.load(self.layout.place("constant", product.weight))
        described = builder.add(self.load(3), INT(4 * DESCRIPTION * index))
        field = [builder.add(described, INT(4 * each)) for each in range(DESCRIPTION)]
        one = self.constant("one", ir.Constant(self.real, 1.0))
        beta = one if product.adds else self.constant("zero", ir.Constant(self.real, 0.0))
        straight = self.constant("straight", CHAR(ord("N")))
        given = [straight, straight, field[0], field[1], field[2], one, weight, field[3], rows, field[4], beta, result,
                 field[5]]  # fmt: skip
        kind = ir.FunctionType(ir.VoidType(), [INT] * len(given))
        builder.call(builder.inttoptr(self.load(2), kind.as_pointer()), given)

    def constant(self, name: str, value: ir.Constant) -> Any:
        if name not in self.module.globals:
            made = ir.GlobalVariable(self.module, value.type, name)
            made.initializer, made.global_constant, made.linkage = value, True, "private"
        return self.builder.ptrtoint(self.module.get_global(name), INT)


def write(plan: Plan, kernel: Kernel, *, double: bool, ahead: bool) -> tuple[str, Layout]:
    """The text of a kernel of ``plan`` and the layout of its frame."""
    writer = Writer(plan, kernel, ir.DoubleType() if double else ir.FloatType(), ahead=ahead)
    return writer.write(), writer.layout
