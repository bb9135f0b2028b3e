"""Builds the network of a run from its configuration."""

from __future__ import annotations

import os
from typing import Any

import torch
from torch import nn

from rnnbench.config.cell_config import CellConfig
from rnnbench.config.cell_options import ExternalConfig
from rnnbench.config.network import NetworkConfig
from rnnbench.config.schema import Config
from rnnbench.errors import UserError, unknown
from rnnbench.network import budget, costs
from rnnbench.network.block import Block, make_mixer, norm
from rnnbench.network.cells import CELLS, Cell
from rnnbench.network.cells.external import from_target
from rnnbench.network.cells.recurrent_dropout import RecurrentDropout
from rnnbench.network.cells.zoneout import Zoneout
from rnnbench.network.initialization import initialize
from rnnbench.network.layers import Layer, Recurrent, Stack
from rnnbench.network.model import Embedding, Model

WIDEST = 2**20
"""The largest width: a matrix of its square is 4 TB."""
WIDEST_TRIED = 2**11
"""The largest width tried for a cell of another package, which has to be built to be measured."""


def build_model(config: Config) -> Model:
    """Return the network, its parameters drawn from torch's global generator.

    Raises UserError where it cannot be built.
    """
    width = hidden_size(config)
    if not isinstance(config.cell, ExternalConfig):
        _check_memory(config.network, costs.parameters(meta_model(config, width)))
    return _network(config, width, draw=True)


def hidden_size(config: Config) -> int:
    """Return the configured width, or the one whose cost is nearest to the configured budget."""
    network = config.network
    if network.budget is None:
        assert network.hidden_size is not None  # NetworkConfig has checked it
        return network.hidden_size
    cost = costs.COSTS[budget.parse(network.budget)[0]]
    widest = WIDEST_TRIED if isinstance(config.cell, ExternalConfig) else WIDEST
    multiple = config.cell.width_multiple
    return budget.width(network.budget, lambda width: cost(meta_model(config, width)), multiple, widest)


def meta_model(config: Config, hidden: int) -> Model:
    """Return the network on torch's meta device: shapes without numbers, which take no memory and draw nothing.

    A cell of another package may need numbers to be built: it gets them, and the state of the random generator is
    restored.
    """
    if isinstance(config.cell, ExternalConfig):
        with torch.random.fork_rng(devices=[]):
            return _network(config, hidden, draw=False)
    with torch.device("meta"):
        return _network(config, hidden, draw=False)


def _check_memory(network: NetworkConfig, numbers: int) -> None:
    """Raise UserError where so many parameters and their gradients do not fit into this machine's memory."""
    needed = 2 * numbers * torch.get_default_dtype().itemsize
    available = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if needed > available:
        key = "hidden_size" if network.budget is None else "budget"
        raise UserError(
            f"network.{key}={getattr(network, key)}: {numbers} parameters and their gradients take "
            f"{needed / 1e9:.0f} GB, this machine has {available / 1e9:.0f}; choose a smaller network"
        )


def _network(config: Config, hidden: int, *, draw: bool) -> Model:
    task, network = config.task, config.network
    block = network.block == "residual"
    width = hidden if block else network.embedding
    layers: list[Layer] = []
    for index in range(network.depth):
        size = layers[-1].output_size if layers else width or task.input_size
        directions = []
        for reverse in (False, True) if network.bidirectional else (False,):
            cell = build_cell(config.cell, size, hidden)
            if draw:
                initialize(cell, **config.init.options(), last=index == network.depth - 1)
            directions.append(Recurrent(_wrapped(cell, network), network.engine, reverse))
        mixer = make_mixer(directions, network.convolution)
        layers.append(Block(mixer, hidden, network.norm, network.mlp) if block else mixer)
    return Model(
        Stack(layers, network.dropout),
        task.input_size,
        task.output_size,
        tokens=task.tokens,
        every_step=task.every_step,
        embedding=None if width is None else (Embedding if task.tokens else nn.Linear)(task.input_size, width),
        norm=norm(network.norm, hidden) if block else None,
        tied_head=network.tied_head,
    )


def build_cell(config: CellConfig, input_size: int, hidden_size: int) -> Cell[Any]:
    """Return one cell, as its constructor draws it. Raises UserError where there is no such cell."""
    if isinstance(config, ExternalConfig):
        return from_target(config._target_, input_size, hidden_size, config.arguments)
    if config.name not in CELLS:
        raise unknown("cell", config.name, CELLS)
    return CELLS[config.name](input_size, hidden_size, **config.options())


def _wrapped(cell: Cell[Any], network: NetworkConfig) -> Cell[Any]:
    if network.recurrent_dropout > 0:
        cell = RecurrentDropout(cell, network.recurrent_dropout)
    if network.zoneout > 0 or network.zoneout_memory > 0:
        cell = Zoneout(cell, network.zoneout, network.zoneout_memory)
    return cell
