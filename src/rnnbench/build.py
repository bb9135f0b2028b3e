"""From a configuration to its parts: the network, the optimizer, the learner and the probe."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from typing import Any

import torch

from rnnbench import budget
from rnnbench.cell_options import CellConfig, ExternalConfig
from rnnbench.cells import CELLS, Cell
from rnnbench.cells.external import from_target
from rnnbench.cells.recurrent_dropout import RecurrentDropout
from rnnbench.cells.zoneout import Zoneout
from rnnbench.config import Config, NetworkConfig, OptimizerConfig
from rnnbench.costs import COSTS
from rnnbench.data import to_torch
from rnnbench.errors import unknown
from rnnbench.gradients import Survey, survey_all, survey_profile
from rnnbench.initialization import initialize
from rnnbench.layers import Bidirectional, Recurrent, Stack
from rnnbench.model import Model
from rnnbench.probe import Probe
from rnnbench.training import Learner

OPTIMIZERS: dict[str, type[torch.optim.Optimizer]] = {
    "adam": torch.optim.Adam,
    "rmsprop": torch.optim.RMSprop,
    "sgd": torch.optim.SGD,
}


def build_model(config: Config) -> Model:
    """The network, its parameters drawn from torch's global generator. Raises UserError where it cannot be built."""
    return _network(config, hidden_size(config), draw=True)


def hidden_size(config: Config) -> int:
    """The configured width, or the one that meets the configured budget best."""
    network = config.network
    if network.budget is None:
        assert network.hidden_size is not None  # NetworkConfig has checked it
        return network.hidden_size
    kind, amount = budget.parse(network.budget)

    def cost(width: int) -> int:
        return COSTS[kind](_network(config, width, draw=False))

    with torch.random.fork_rng(devices=[]):  # what is drawn on the way must not change the network
        return budget.solve(cost, amount, config.cell.width_multiple)


def _network(config: Config, hidden: int, *, draw: bool) -> Model:
    task, network = config.task, config.network
    layers: list[Recurrent | Bidirectional] = []
    for _ in range(network.depth):
        size = layers[-1].output_size if layers else task.input_size
        ways = []
        for reverse in (False, True) if network.bidirectional else (False,):
            cell = _cell(config.cell, size, hidden)
            if draw:
                initialize(cell, **config.init.options())
            ways.append(Recurrent(_wrapped(cell, network), network.engine, reverse))
        layers.append(Bidirectional(*ways) if network.bidirectional else ways[0])
    stack = Stack(layers, network.dropout)
    return Model(stack, task.input_size, task.output_size, tokens=task.tokens, every_step=task.every_step)


def _cell(config: CellConfig, input_size: int, hidden_size: int) -> Cell[Any]:
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


def build_optimizer(config: OptimizerConfig) -> Callable[[Any], torch.optim.Optimizer]:
    """A function from parameters to the configured optimizer."""
    options = {key: value for key, value in asdict(config).items() if key != "name"}
    if config.name == "adam":
        options["betas"] = (options.pop("beta1"), options.pop("beta2"))
    return lambda parameters: OPTIMIZERS[config.name](parameters, **options)


def build_learner(config: Config) -> Learner:
    """The LightningModule of the run."""
    return Learner(
        build_model(config),
        config.task,
        build_optimizer(config.optimizer),
        log_every=config.trainer.log_every,
        stop_when_solved=config.trainer.stop_when_solved,
    )


def build_probe(config: Config) -> Probe | None:
    """The probe on a fixed batch of the validation split, or None with ``probe=off``."""
    if config.probe.kind == "off":
        return None
    task = config.task.altered(batch_size=config.probe.batch_size)
    batch = to_torch(task.batch("validation", config.seed, 0))
    survey: Callable[..., Survey] = survey_profile
    if config.probe.kind == "full":
        survey = partial(survey_all, sequences=config.probe.sequences, exponents=config.probe.exponents)
    return Probe(partial(survey, loss=task.loss), batch, config.probe.every)
