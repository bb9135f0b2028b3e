"""Which configurations are the same run: ``digest`` is the part of a run_id that distinguishes runs.

It hashes the keys that can change the result of a run, and of them only those whose value is not *neutral*: the value
that means "as before this key existed". So a new key keeps all existing ids, as long as its neutral value is listed
here.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

OUTSIDE = (
    "name", "runs_dir", "results_dir", "force", "retry_failed", "reuse", "probe", "tracking", "loggers",
    "trainer.progress",
    "trainer.checkpoint_every",
)  # fmt: skip
"""Keys, and groups of keys, that do not change what a network learns: where files are, what is measured and shown."""
LABELS = ("init.name",)
"""Keys that only name what other keys define."""
NEUTRAL: dict[str, Any] = {
    "cell.skip": False,
    "early_stop.name": "none",
    "init.bias": "default",
    "init.bias_scale": 1.0,
    "init.input": "default",
    "init.input_scale": 1.0,
    "init.memory": "default",
    "init.paper": False,
    "init.recurrent": "default",
    "init.recurrent_scale": 1.0,
    "network.bidirectional": False,
    "network.block": "none",
    "network.convolution": 0,
    "network.depth": 1,
    "network.dropout": 0.0,
    "network.engine": "auto",
    "network.mlp": 0.0,
    "network.norm": "layer",
    "network.recurrent_dropout": 0.0,
    "network.tied_head": False,
    "network.zoneout": 0.0,
    "network.zoneout_memory": 0.0,
    "optimizer.decay": "all",
    "optimizer.momentum": 0.0,
    "optimizer.weight_decay": 0.0,
    "probe.diagnostics": "[]",
    "schedule.name": "constant",
    "task.labels": "last",
    "task.test_lengths": "[]",
    "task.train_lengths": "[]",
    "trainer.accelerator": "cpu",
    "trainer.accumulate_grad_batches": 1,
    "trainer.precision": "32",
    "trainer.steps_per_execution": 1,
    "trainer.threads": 1,
}
"""The neutral value of each key that has one; null and an empty table are neutral by themselves."""


def digest(config: dict[str, Any]) -> str:
    """Return ten hexadecimal digits of the SHA-256 of what makes a nested configuration the run that it is."""
    return hashlib.sha256(json.dumps(distinguishing(config), sort_keys=True).encode()).hexdigest()[:10]


def distinguishing(config: dict[str, Any]) -> dict[str, Any]:
    """Return what makes a nested configuration the run that it is, with dotted keys."""
    return {
        key: value
        for key, value in flatten(config).items()
        if not below(key, (*OUTSIDE, *LABELS)) and not is_neutral(key, value)
    }


def valued(config: Mapping[str, Any], key: str) -> Any:
    """Return the value of a key in a flat configuration.

    A missing one has its neutral value: the key may be younger than the run.
    """
    found = config.get(key)
    return NEUTRAL.get(key) if found is None else found


def is_neutral(key: str, value: Any) -> bool:
    """Return whether a key with this value means the same as a missing key."""
    return value is None or (key in NEUTRAL and NEUTRAL[key] == value)


def below(key: str, parents: Iterable[str]) -> bool:
    """Return whether a dotted key is one of ``parents`` or lies in one."""
    return f"{key}.".startswith(_prefixes(tuple(parents)))


@cache  # a sweep asks it for each key of each run
def _prefixes(parents: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f"{parent}." for parent in parents)


def flatten(config: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return a nested configuration with dotted keys, its lists as text."""
    flat: dict[str, Any] = {}
    for key, value in config.items():
        if isinstance(value, dict):
            flat |= flatten(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = str(value) if isinstance(value, list) else value
    return flat
