"""What laws share: cells drawn from a seed, networks of one layer, and inputs that are white noise."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from rnnbench.gradients import Measurement
from rnnbench.network.cells import Cell
from rnnbench.network.layers import Recurrent, Stack
from rnnbench.network.model import Model
from rnnbench.tasks import Batch


@contextmanager
def drawing(seed: int) -> Iterator[None]:
    """Draw from torch's global generator, seeded with ``seed``, inside the block; restore its state afterwards."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        yield


def generator(seed: int) -> torch.Generator:
    """Return a generator of the law's own."""
    return torch.Generator().manual_seed(seed)


def white(random: torch.Generator, *shape: int) -> Tensor:
    """Return independent numbers from N(0, 1), float64."""
    return torch.randn(*shape, dtype=torch.float64, generator=random)


def network(cell: Cell[Any]) -> Model:
    """Return one layer of ``cell`` in float64, real inputs, under a head of one output of each sequence's last step."""
    with drawing(0):  # the head
        return Model(Stack([Recurrent(cell, "loop")]), cell.input_size, 1, tokens=False, every_step=False).double()


def driven(cell: Cell[Any], inputs: Tensor) -> Measurement:
    """Return the Measurement of ``network(cell)`` on ``inputs`` [T, B, I], all targets 0."""
    return Measurement(network(cell), Batch(inputs, inputs.new_zeros(inputs.shape[1], 1)), "mse")


@torch.no_grad()
def silence_biases(cell: Cell[Any]) -> None:
    """Set every bias of ``cell`` to 0."""
    for projection in cell.modules():
        if isinstance(projection, nn.Linear) and projection.bias is not None:
            projection.bias.zero_()
