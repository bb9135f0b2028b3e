"""Records the states and inputs of the cells of a network while it runs, for its path."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor

from rnnbench.gradients.path import LayerDirection, Path
from rnnbench.network.cells import Cell
from rnnbench.network.engines import loop
from rnnbench.network.model import Model
from rnnbench.network.states import map_state


class Recorder(Cell[Any]):
    """``cell`` in float64, keeping the states and inputs of ``steps`` steps of ``sequences`` sequences.

    A run may come in pieces: some steps after the other, and, from ``begin_at`` on, some sequences after the other.
    """

    def __init__(self, cell: Cell[Any], steps: int, sequences: int) -> None:
        torch.nn.Module.__init__(self)
        self.cell = cell
        self.input_size, self.hidden_size = cell.input_size, cell.hidden_size
        start = map_state(Tensor.detach, cell.initial_state(sequences))
        self.states = map_state(lambda part: part.new_zeros(steps + 1, *part.shape), start)
        for kept, part in zip(self.states, start, strict=True):
            kept[0] = part
        self.inputs = self.states[0].new_zeros(steps, sequences, cell.input_size, dtype=torch.float64)
        self.begin_at(0)

    def begin_at(self, sequence: int) -> None:
        """Record the next steps as the first steps of the sequences from this one on."""
        self._sequence, self._seen, self._taken = sequence, 0, 0

    @property
    def output_size(self) -> int:
        return self.cell.output_size

    def begin(self, batch: int) -> None:
        self.cell.begin(batch)

    def initial_state(self, batch: int) -> Any:
        return self.cell.initial_state(batch)

    def project(self, inputs: Tensor) -> Tensor:
        steps, size = inputs.shape[:2]
        self.inputs[self._seen : self._seen + steps, self._sequence : self._sequence + size] = inputs.detach()
        self._seen += steps
        return self.cell.project(inputs)

    def step(self, state: Any, drive: Tensor) -> Any:
        after = self.cell.step(state, drive)
        self._taken += 1
        for kept, part in zip(self.states, after, strict=True):
            kept[self._taken, self._sequence : self._sequence + len(part)] = part.detach()
        return after

    def readout(self, state: Any, drive: Tensor) -> Tensor:
        return self.cell.readout(state, drive)

    def visited(self, lengths: Tensor | None = None) -> Any:
        """Return s_0 .. s_T of sequences of ``lengths`` [B], or of all steps: parts [T + 1, B, *].

        Raises FloatingPointError where one is not finite.
        """
        states = self.states
        if lengths is not None:  # what ran on beyond a sequence's end, because others did, stays at that end
            steps = torch.arange(int(lengths.max()) + 1, device=lengths.device)[:, None]
            sequences = torch.arange(len(lengths), device=lengths.device)
            states = map_state(lambda part: part[torch.minimum(steps, lengths), sequences], states)
        if not all(part.isfinite().all() for part in states):
            name = type(self.cell).__name__
            raise FloatingPointError(f"the states of {name} are not finite: no Jacobian exists there")
        return states

    def path(self, layer_direction: LayerDirection, arriving: Any, lengths: Tensor | None) -> Path:
        """Return the path of sequences of ``lengths``; ``arriving`` holds dL/ds_1, dL/ds_2, ...: parts [T, B, *].

        Raises FloatingPointError where a state is not finite.
        """
        states = self.visited(lengths)
        steps, sequences = len(states[0]) - 1, len(states[0][0])
        taken = torch.full((sequences,), steps, device=self.inputs.device) if lengths is None else lengths
        arriving = map_state(lambda part: part[:steps], arriving)
        return Path(layer_direction, self.cell, states, self.inputs[:steps], taken, arriving)


def stepping(model: Model) -> Model:
    """Return a copy of a network that shares its parameters, takes encoded inputs and runs by the loop engine."""
    memo = {id(tensor): tensor for tensor in (*model.parameters(), *model.buffers())}
    reader = copy.deepcopy(model, memo)
    reader.tokens = False
    for layer in reader.stack.layer_directions():
        for direction in layer:
            direction.engine = loop
    return reader


def recorded(model: Model, steps: int, sequences: int) -> tuple[Model, list[list[Recorder]]]:
    """Return ``stepping(model)`` with a recorder in place of each cell, and the recorders: [layer][direction]."""
    reader = stepping(model)
    layers = reader.stack.layer_directions()
    recorders = [[Recorder(direction.cell, steps, sequences) for direction in layer] for layer in layers]
    for layer, row in zip(layers, recorders, strict=True):
        for direction, recorder in zip(layer, row, strict=True):
            direction.cell = recorder
    return reader, recorders
