"""What of a cell's ``project`` a program computes itself.

Where it is one product of the inputs and a weight, by torch.nn.functional.linear, and operations on each row of that,
the product is the program's drive, and the traced step begins with the rest: in cache, and in one pass with the step.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from torch import Tensor, nn
from torch.nn.functional import linear
from torch.nn.utils.parametrize import type_before_parametrizations
from torch.overrides import TorchFunctionMode

from rnnbench.network.cells import Cell
from rnnbench.network.engines.compiled.record import Unsupported


class Product(NamedTuple):
    """The places of the weight and of the bias of a product of the inputs among a cell's weights."""

    weight: int
    bias: int | None


class _Products(TorchFunctionMode):
    """Notes the products of ``inputs`` with a weight; ``given`` is what they are then, where it is not None."""

    def __init__(self, inputs: Tensor, given: Tensor | None = None) -> None:
        super().__init__()
        self.inputs, self.given = inputs, given
        self.found: list[tuple[Tensor, Tensor, Tensor | None]] = []

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func is not linear or (args[0] if args else kwargs.get("input")) is not self.inputs:
            return func(*args, **kwargs)
        result = func(*args, **kwargs) if self.given is None else self.given
        self.found.append((result, *_operands(*args, **kwargs)))
        return result


def _operands(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
    """Those of a call of ``linear``, by its names."""
    return weight, bias


def projects_plainly(cell: Cell[Any]) -> bool:
    """Whether the drive is one product and no more, for certain."""
    return type(cell).project is Cell.project and type_before_parametrizations(cell.input_projection) is nn.Linear


def drive_of(cell: Cell[Any], inputs: Tensor, weights: list[Tensor]) -> tuple[Tensor, Tensor, Product | None]:
    """(the drive, the product that it is made of, which that is); the drive twice and None unless it is one alone."""
    with _Products(inputs) as products:
        drive = cell.project(inputs)
    places = {id(each): place for place, each in enumerate(weights)}
    if len(products.found) == 1:
        ((rows, weight, bias),) = products.found
        if id(weight) in places and (bias is None or id(bias) in places):
            return drive, rows, Product(places[id(weight)], None if bias is None else places[id(bias)])
    return drive, drive, None


class Rest(nn.Module):
    """A cell as a function of the product of its inputs, [T, B, P], that returns the drive, [T, B, D].

    ``inputs`` [T, B, I] only stand for the inputs: where anything else reads them, a recorder refuses them.
    """

    def __init__(self, cell: Cell[Any], inputs: Tensor) -> None:
        super().__init__()
        self.cell, self.inputs = cell, inputs

    def forward(self, product: Tensor) -> Tensor:
        with _Products(self.inputs, product) as products:
            drive = self.cell.project(self.inputs)
        if len(products.found) != 1 or drive.shape[:-1] != product.shape[:-1]:
            raise Unsupported("a drive that is not made of rows of one product")
        return drive
