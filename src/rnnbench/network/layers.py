"""Layers: a cell in a direction, two directions side by side, and layers on top of each other.

Each maps inputs [T, B, I] to outputs [T, B, O] and a final state; they compose without flags in the cells. ``summary``
is what a layer knows at the end of a sequence: the forward direction's last output beside the backward direction's
output at the first step, which is where that direction ends.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from operator import itemgetter
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import cached

from rnnbench.network.cells.base import Cell
from rnnbench.network.engines import ENGINES, NAMES, Auto, Engine, choose
from rnnbench.network.engines.loop import check as check_perturbation
from rnnbench.network.states import map_state, select_state


class Layer(nn.Module, ABC):
    """The base class of layers: a module from inputs [T, B, I] to (outputs [T, B, O], final state)."""

    output_size: int
    """O."""
    summary_size: int
    """The width of ``summary``."""

    @abstractmethod
    def forward(
        self,
        inputs: Tensor,
        lengths: Tensor | None = None,
        state: Any = None,
        perturbation: Any = None,
        final: bool = True,
    ) -> tuple[Tensor, Any]:
        """Return outputs [T, B, O], zero after a sequence's end, and the state at each sequence's end.

        ``lengths`` [B] counts the valid steps of each sequence (all of T without it); ``state`` is that before the
        first step, ``initial_state`` without it. ``perturbation`` is added to the recurrent states after each step, as
        the loop engine does. Without ``final`` the states are not those of the ends, which is faster with ``lengths``.
        """

    @abstractmethod
    def initial_state(self, batch: int) -> Any:
        """Return the nested state before the first step of ``batch`` sequences."""

    @abstractmethod
    def summary(self, outputs: Tensor, lengths: Tensor | None) -> Tensor:
        """Return what is known at the end of each sequence [B, summary_size], of the layer's outputs [T, B, O]."""

    def directions(self) -> list[Recurrent]:
        """Return the single-direction parts of the layer, forward before backward."""
        return [module for module in self.modules() if isinstance(module, Recurrent)]


class Recurrent(Layer):
    """A cell run over time in one direction by one engine.

    ``engine`` is a key of ENGINES or ``auto``; ``reverse`` runs from each sequence's last step to its first. Raises
    UserError for an engine that cannot run the cell.
    """

    def __init__(self, cell: Cell[Any], engine: str = "auto", reverse: bool = False) -> None:
        super().__init__()
        self.cell = cell
        self.engine = choose(engine, cell)
        self.reverse = reverse
        self.output_size = self.summary_size = cell.output_size

    def forward(
        self,
        inputs: Tensor,
        lengths: Tensor | None = None,
        state: Any = None,
        perturbation: Any = None,
        final: bool = True,
    ) -> tuple[Tensor, Any]:
        """Return the outputs and the final state, which is the cell's.

        ``perturbation`` is a state of parts [T, B, *], indexed like the inputs whatever the direction; it makes the
        loop engine run, because no kernel can take it.
        """
        inputs = self.running_order(inputs, lengths)
        if perturbation is not None:
            check_perturbation(self.cell, perturbation)
            perturbation = map_state(lambda part: self.running_order(part, lengths), perturbation)
        engine = self.engine if perturbation is None else ENGINES["loop"]
        with cached():  # a parametrised weight is computed once, though an engine runs once a length
            self.cell.begin(inputs.shape[1])
            state = self.initial_state(inputs.shape[1]) if state is None else state
            if final or lengths is None:
                outputs, last = _run(engine, self.cell, inputs, lengths, state, perturbation)
            else:
                outputs, last = engine(self.cell, inputs, state, perturbation)
                outputs = outputs.where(valid_steps(outputs, lengths)[..., None], 0)
        return self.running_order(outputs, lengths), last

    def trained_by(self) -> set[str]:
        """Return the names of the engines that ran with a gradient, or of the one that was asked for."""
        return self.engine.trained_by if isinstance(self.engine, Auto) else {NAMES[self.engine]}

    def running_order(self, values: Tensor, lengths: Tensor | None) -> Tensor:
        """Return ``values`` [T, B, *] reordered from the inputs' order to the order of this direction, or back."""
        if not self.reverse:
            return values
        index = reversal(values, lengths)
        return values.gather(0, index.reshape(*index.shape, *[1] * (values.dim() - 2)).expand_as(values))

    def initial_state(self, batch: int) -> Any:
        return self.cell.initial_state(batch)

    def summary(self, outputs: Tensor, lengths: Tensor | None) -> Tensor:
        return outputs[0] if self.reverse else last_of(outputs, lengths)


class Bidirectional(Layer):
    """Two directions over the same inputs, outputs side by side (Schuster & Paliwal 1997). States are pairs."""

    def __init__(self, forward: Layer, backward: Layer) -> None:
        super().__init__()
        self.forward_direction = forward
        self.backward_direction = backward
        self.output_size = self.summary_size = forward.output_size + backward.output_size

    def forward(
        self,
        inputs: Tensor,
        lengths: Tensor | None = None,
        state: Any = None,
        perturbation: tuple[Any, Any] | None = None,
        final: bool = True,
    ) -> tuple[Tensor, Any]:
        """Return the outputs and the final state; ``state`` and ``perturbation`` are pairs (forward, backward)."""
        states = (None, None) if state is None else state
        perturbations = (None, None) if perturbation is None else perturbation
        ahead, last_ahead = self.forward_direction(inputs, lengths, states[0], perturbations[0], final)
        back, last_back = self.backward_direction(inputs, lengths, states[1], perturbations[1], final)
        return torch.cat([ahead, back], dim=-1), (last_ahead, last_back)

    def initial_state(self, batch: int) -> Any:
        return self.forward_direction.initial_state(batch), self.backward_direction.initial_state(batch)

    def summary(self, outputs: Tensor, lengths: Tensor | None) -> Tensor:
        ahead, back = outputs.split([self.forward_direction.output_size, self.backward_direction.output_size], dim=-1)
        ends = (self.forward_direction.summary(ahead, lengths), self.backward_direction.summary(back, lengths))
        return torch.cat(ends, dim=-1)


class Stack(Layer):
    """Layers on top of each other, with dropout between them (not after the last). States are lists, one a layer."""

    def __init__(self, layers: Sequence[Layer], dropout: float = 0.0) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)
        self.dropout = nn.Dropout(dropout)
        self.output_size, self.summary_size = layers[-1].output_size, layers[-1].summary_size

    def forward(
        self,
        inputs: Tensor,
        lengths: Tensor | None = None,
        state: Sequence[Any] | None = None,
        perturbation: Sequence[Any] | None = None,
        final: bool = True,
    ) -> tuple[Tensor, list[Any]]:
        """Return the last layer's outputs and all final states.

        ``state`` and ``perturbation`` are lists, one entry a layer.
        """
        states = []
        for index, layer in enumerate(self.layers):
            below = inputs if index == 0 else self.dropout(inputs)
            inputs, last = layer(
                below,
                lengths,
                None if state is None else state[index],
                None if perturbation is None else perturbation[index],
                final,
            )
            states.append(last)
        return inputs, states

    def initial_state(self, batch: int) -> list[Any]:
        return [layer.initial_state(batch) for layer in self]

    def summary(self, outputs: Tensor, lengths: Tensor | None) -> Tensor:
        return list(self)[-1].summary(outputs, lengths)

    def __iter__(self) -> Iterator[Layer]:
        """Iterate over the layers from the first to the last."""
        return iter(self.layers)  # type: ignore[arg-type]  # ModuleList forgets the type

    def layer_directions(self) -> list[list[Recurrent]]:
        """Return the single-direction parts of all layers: [layer][direction], forward before backward."""
        return [layer.directions() for layer in self]


def last_of(outputs: Tensor, lengths: Tensor | None) -> Tensor:
    """Return the output [B, O] at each sequence's last step, of ``outputs`` [T, B, O]."""
    if lengths is None:
        return outputs[-1]
    return outputs[lengths - 1, torch.arange(len(lengths), device=lengths.device)]


def valid_steps(values: Tensor, lengths: Tensor) -> Tensor:
    """Return whether each sequence has a step t: bool [T, B] of ``values`` [T, B, *]."""
    return torch.arange(len(values), device=lengths.device)[:, None] < lengths


def reversal(inputs: Tensor, lengths: Tensor | None) -> Tensor:
    """Return the time index [T, B] that reverses each sequence's valid prefix and leaves its padding where it is."""
    steps, batch = inputs.shape[:2]
    time = torch.arange(steps, device=inputs.device)[:, None].expand(steps, batch)
    if lengths is None:
        return steps - 1 - time
    return torch.where(time < lengths, lengths - 1 - time, time)


def _run(
    engine: Engine, cell: Cell[Any], inputs: Tensor, lengths: Tensor | None, state: Any, perturbation: Any
) -> tuple[Tensor, Any]:
    """Run an engine that knows no lengths, piece by piece between the ends of sequences; keep each state at its end."""
    if lengths is None:
        return engine(cell, inputs, state, perturbation)
    outputs, final, start = [], state, 0
    for end in lengths.unique().tolist():
        span = slice(start, end)
        piece = None if perturbation is None else map_state(itemgetter(span), perturbation)
        output, state = engine(cell, inputs[span], state, piece)
        alive = lengths >= end
        outputs.append(torch.where(alive[:, None], output, 0))
        final = select_state(alive, state, final)
        start = end
    padding = outputs[0].new_zeros(len(inputs) - start, *outputs[0].shape[1:])
    return torch.cat([*outputs, padding]), final
