"""What a set of configurations varies, and what is the same in all of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

# What never is a factor: where files lie, how runs are tracked, and the unit of replication.
NOT_FACTORS = (
    "seed", "name", "runs_dir", "force", "retry_failed", "tracking", "trainer.progress", "trainer.checkpoint_every"
)  # fmt: skip


def factors(configs: list[dict[str, Any]]) -> list[str]:
    """The keys that vary, less those that others already determine (a text corpus follows from its task)."""
    keys = dict.fromkeys(key for config in configs for key in config if not below(key, NOT_FACTORS))
    first = sorted(keys, key=lambda key: (key not in ("task.name", "cell.name"), not key.endswith((".name", ".kind"))))
    chosen: list[str] = []
    for key in first:
        seen: dict[tuple[Any, ...], set[Any]] = {}
        for config in configs:
            seen.setdefault(tuple(config.get(k) for k in chosen), set()).add(config.get(key))
        if any(len(values) > 1 for values in seen.values()):
            chosen.append(key)
    return sorted(chosen, key=lambda key: (key != "task.name", key != "cell.name", list(keys).index(key)))


def below(key: str, parents: Iterable[str]) -> bool:
    """Whether a dotted key is one of ``parents`` or lies in one."""
    return any(key == parent or key.startswith(f"{parent}.") for parent in parents)


def flatten(config: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """A nested configuration with dotted keys, its lists as text."""
    flat: dict[str, Any] = {}
    for key, value in config.items():
        if isinstance(value, dict):
            flat |= flatten(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = str(value) if isinstance(value, list) else value
    return flat
