"""Cells of other packages: anything with the signature of ``torch.nn.RNNCellBase``.

    module(input [B, I], state) -> state        state: h [B, H], or a tuple of tensors [B, *] whose first is h

as torch.nn.RNNCell, GRUCell and LSTMCell have it, and the cells of the package torchrecurrent. The module's own
constructor draws its parameters; nothing is known of its gates.
"""

from __future__ import annotations

import inspect
from collections import namedtuple
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

from rnnbench.errors import UserError
from rnnbench.extensions import load, one_line
from rnnbench.network.cells.base import Cell
from rnnbench.network.states import HState, LSTMState


@cache
def state_of(count: int) -> type[Any]:
    """Return the state of a module that carries ``count`` tensors: h, then c, or h, s2, s3, .. for more."""
    if count <= 2:
        return HState if count == 1 else LSTMState
    return namedtuple(f"State{count}", ["h", *(f"s{place}" for place in range(2, count + 1))])


class External(Cell[Any]):
    """``module`` as a Cell. Raises UserError where it does not take (input, state) or does not return h."""

    gates = ()

    def __init__(self, module: nn.Module, input_size: int, hidden_size: int) -> None:
        nn.Module.__init__(self)
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.module = module
        self.shapes = self._probe()

    def project(self, inputs: Tensor) -> Tensor:
        return inputs

    def step(self, state: Any, drive: Tensor) -> Any:
        after = self.module(drive, state.h if len(self.shapes) == 1 else tuple(state))
        return state_of(len(self.shapes))(*((after,) if torch.is_tensor(after) else after))

    def initial_state(self, batch: int) -> Any:
        like = next(self.module.parameters())
        return state_of(len(self.shapes))(*(like.new_zeros(batch, *shape) for shape in self.shapes))

    @torch.no_grad()
    def _probe(self) -> list[tuple[int, ...]]:
        """Return the shapes of the tensors that the module carries, found by two steps, the first without a state."""
        name = type(self.module).__name__
        inputs = next(self.module.parameters()).new_zeros(2, self.input_size)
        try:
            after = self.module(inputs, self.module(inputs))
        except Exception as error:  # external code can raise anything
            reason = str(error).splitlines()[0]
            raise UserError(
                f"cell._target_: {name} is no recurrent cell, it takes no (input, state): {reason}"
            ) from error
        shapes = [tuple(part.shape) for part in ((after,) if torch.is_tensor(after) else after)]
        if shapes[:1] != [(2, self.hidden_size)] or any(shape[:1] != (2,) for shape in shapes):
            raise UserError(
                f"cell._target_: {name} returns shapes {shapes} for 2 sequences; a cell returns h [2, "
                f"{self.hidden_size}], or h and more tensors [2, *]"
            )
        return [shape[1:] for shape in shapes]


def from_target(target: str, input_size: int, hidden_size: int, options: dict[str, Any]) -> Cell[Any]:
    """Return the cell of the class called ``target`` (``package.module:Class``), adapted if it is not a Cell.

    Raises UserError where there is no such class, or it does not take ``options``.
    """
    found = load("cell._target_", target)
    if not inspect.isclass(found) or not issubclass(found, nn.Module):
        raise UserError(f"cell._target_={target}: not a torch.nn.Module")
    try:
        module = found(input_size, hidden_size, **options)
    except (TypeError, ValueError) as error:
        raise UserError(f"cell._target_={target}: {error}") from error
    except Exception as error:
        raise UserError(f"cell._target_={target}: cannot be built ({one_line(error)})") from error
    return module if isinstance(module, Cell) else External(module, input_size, hidden_size)
