"""Builds what trains and measures a network from the configuration of its run: the learner and the probe."""

from __future__ import annotations

from typing import Any

from rnnbench.builders.network import build_model, hidden_size, meta_model
from rnnbench.config.plain import from_dict
from rnnbench.config.schema import Config
from rnnbench.errors import UserError
from rnnbench.gradients import Measurement, Options, survey
from rnnbench.gradients.registry import KINDS, named
from rnnbench.network import costs
from rnnbench.training.data import held_out_batch
from rnnbench.training.learner import Learner
from rnnbench.training.optimizers import optimizer
from rnnbench.training.probe import Probe
from rnnbench.training.schedules import schedule


class ConfiguredLearner(Learner):
    """The LightningModule of a run, made of its configuration alone: a Config, or the plain values of one.

    They are its hyperparameters, so that ``ConfiguredLearner.load_from_checkpoint(path)`` gives the trained network of
    any checkpoint. An older checkpoint without them takes them as ``config=...``, the content of its config.yaml.
    """

    def __init__(self, config: Config | dict[str, Any]) -> None:
        config = config if isinstance(config, Config) else from_dict(config)
        threshold = config.clip.threshold
        super().__init__(
            build_model(config),
            config.task,
            optimizer(config.optimizer),
            schedule(config.schedule, config.optimizer.lr, config.trainer.max_steps),
            log_every=config.trainer.log_every,
            stop_when_solved=config.trainer.stop_when_solved,
            steps_per_execution=config.trainer.steps_per_execution,
            clip=None if threshold is None else (threshold, config.clip.kind),
        )
        self.save_hyperparameters({"config": config.to_dict()}, logger=False)


def build_learner(config: Config) -> ConfiguredLearner:
    """Return the LightningModule of the run."""
    return ConfiguredLearner(config)


def build_probe(config: Config) -> Probe | None:
    """Return the probe on a fixed batch of the validation split, or None with ``probe=off``.

    Raises UserError where a diagnostic is not offered for a state of this size.
    """
    if config.probe.kind == "off":
        return None
    task, batch = config.task, held_out_batch(config.task, "validation", config.probe.batch_size)
    chosen = [named(name) for name in (*KINDS[config.probe.kind], *config.probe.diagnostics)]
    _check_state(config, {each.name: each.widest for each in chosen if each.widest is not None})
    options = Options(config.probe.sequences, config.probe.exponents)
    return Probe(
        lambda model, batch: survey(Measurement(model, batch, task.loss), chosen, options), batch, config.probe.every
    )


def _check_state(config: Config, limited: dict[str, int]) -> None:
    """Raise UserError where the state of a direction has more numbers than a diagnostic takes, by its name."""
    if not limited:
        return
    stack = meta_model(config, hidden_size(config)).stack
    cells = [direction.cell for layer in stack.layer_directions() for direction in layer]
    numbers = max(costs.state_numbers(cell.initial_state(1)) for cell in cells)
    for diagnostic, widest in limited.items():
        if numbers > widest:
            wanted = dict.fromkeys((*KINDS[config.probe.kind], *config.probe.diagnostics))
            others = ",".join(name for name in wanted if name not in (diagnostic, *KINDS["default"]))
            raise UserError(
                f"probe={config.probe.kind}: the diagnostic {diagnostic} takes states of at most {widest} numbers, "
                f"that of cell={config.cell.name} has {numbers} here; choose a smaller network, or "
                f"probe=default probe.diagnostics=[{others}]"
            )
