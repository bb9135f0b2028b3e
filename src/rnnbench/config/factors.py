"""The factors of a set of configurations: the keys whose values vary."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rnnbench.config.identity import OUTSIDE, below, valued

NOT_FACTORS = ("seed", *OUTSIDE)
"""Keys that are never factors: the unit of replication, and keys outside a run's identity."""


def short(key: str) -> str:
    """Return a key as people say it: "cell" and "clip", which cell.name and clip.kind choose."""
    return key.removesuffix(".name").removesuffix(".kind")


def factors(configs: Sequence[Mapping[str, Any]], last: Sequence[str] = ()) -> list[str]:
    """Return the keys that vary over flat configurations, less those that others determine, and less the seed.

    A text corpus follows from its task; the task and the cell come first. Of two keys that determine each other the one
    in ``last`` is dropped: what was tuned follows from what was swept.
    """
    keys = dict.fromkeys(key for config in configs for key in config if not below(key, NOT_FACTORS))
    first = sorted(
        keys,
        key=lambda key: (
            below(key, last),
            key not in ("task.name", "cell.name"),
            not key.endswith((".name", ".kind")),
        ),
    )
    chosen: list[str] = []
    for key in first:
        seen: dict[tuple[Any, ...], set[Any]] = {}
        for config in configs:
            seen.setdefault(tuple(valued(config, k) for k in chosen), set()).add(valued(config, key))
        if any(len(values) > 1 for values in seen.values()):
            chosen.append(key)
    return sorted(chosen, key=lambda key: (key != "task.name", key != "cell.name", list(keys).index(key)))
