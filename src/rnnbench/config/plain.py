"""Restores a configuration from its plain values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rnnbench.config.cell_options import cell_config
from rnnbench.config.early_stop import EARLY_STOP_CONFIGS
from rnnbench.config.network import InitConfig, NetworkConfig
from rnnbench.config.optimizer import OPTIMIZER_CONFIGS
from rnnbench.config.schedule import SCHEDULE_CONFIGS
from rnnbench.config.schema import ClipConfig, Config, ProbeConfig, TrackingConfig, TrainerConfig
from rnnbench.tasks import TASKS
from rnnbench.tasks.external import ExternalTask


def from_dict(values: Mapping[str, Any]) -> Config:
    """Return the Config whose ``to_dict`` is ``values``, as a checkpoint holds them; keys younger than it are neutral.

    A file that a person wrote is checked more carefully by ``rnnbench.sweep.configuration.read``.
    """
    task = values["task"]
    made: dict[str, type] = {
        "cell": cell_config(values["cell"]),
        "network": NetworkConfig,
        "task": ExternalTask if "_target_" in task else TASKS[task["name"]],
        "init": InitConfig,
        "clip": ClipConfig,
        "optimizer": OPTIMIZER_CONFIGS[values["optimizer"]["name"]],
        "probe": ProbeConfig,
        "tracking": TrackingConfig,
        "trainer": TrainerConfig,
    }
    for group, known in (("schedule", SCHEDULE_CONFIGS), ("early_stop", EARLY_STOP_CONFIGS)):
        if group in values:
            made[group] = known[values[group]["name"]]
    return Config(**(dict(values) | {group: kind(**values[group]) for group, kind in made.items()}))
