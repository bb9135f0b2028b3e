"""How W&B calls a run and its setting: the cell and every varied factor in words, ``lstm · 2 layers · T 100 · seed 0``.

A sweep tells its runs what it varies in ``tracking.factors``, which is no part of a run's identity. A run by itself is
called by its cell, task and seed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from rnnbench.config.identity import below, flatten, valued
from rnnbench.config.schema import Config

SEPARATOR = " · "
LONGEST = 128
"""Characters of a name that W&B takes; a longer one ends in a hash of the whole."""
LONGEST_TAG = 64
CELL, TASK = "cell.name", "task.name"


def display_name(config: Config) -> str:
    """Return the name of a run, unique within its sweep."""
    return _fitting(SEPARATOR.join([setting(config), f"seed {config.seed}"]))


def group(config: Config) -> str:
    """Return the W&B group of a run: its setting. A project may have several experiments, so it begins with its own."""
    return _fitting(f"{config.name}: {setting(config)}")


def setting(config: Config) -> str:
    """Return what is varied less the seed in words: the cell, the network and its training, then the problem."""
    factors = config.tracking.factors or [TASK]
    chosen = sorted({*factors, CELL}, key=lambda key: _order(key, factors))
    flat = flatten(config.to_dict())
    return SEPARATOR.join(filter(None, (_word(key, flat, chosen) for key in chosen)))


def tags(config: Config) -> list[str]:
    """Return the task, the cell and the experiment, in as many characters as a tag may have."""
    return list(dict.fromkeys(each[:LONGEST_TAG] for each in (config.task.name, config.cell.name, config.name)))


def _order(key: str, factors: Sequence[str]) -> tuple[bool, bool, bool, int]:
    return (key != CELL, below(key, ["task"]), key != TASK, factors.index(key) if key in factors else 0)


def _word(key: str, flat: Mapping[str, Any], chosen: Sequence[str]) -> str:
    """Return the value of a factor in words; empty where it does not apply, or another factor's words have it."""
    value = valued(flat, key)
    if below(key, ["clip"]):
        return "" if key == "clip.threshold" and "clip.kind" in chosen else _clipping(flat, chosen)
    if value is None:
        return ""
    parent, _, last = key.rpartition(".")
    if isinstance(value, bool):
        word = "one direction" if (key, value) == ("network.bidirectional", False) else last.replace("_", " ")
        return word if value or word == "one direction" else f"no {word}"
    text = _text(value)
    if key in (CELL, TASK):
        return text
    if key == "network.depth":
        return f"{text} layer{'' if value == 1 else 's'}"
    same = [other for other in chosen if other.rpartition(".")[2] == last]
    name = {"task.length": "T", "network.hidden_size": "width"}.get(key) or (parent if last == "name" else last)
    return f"{(name if len(same) == 1 or last == 'name' else key).replace('_', ' ')} {text}"


def _clipping(flat: Mapping[str, Any], chosen: Sequence[str]) -> str:
    kind, threshold = flat["clip.kind"], flat["clip.threshold"]
    if kind == "none":
        return "no clipping"
    return f"clip {kind} {_text(threshold)}" if "clip.threshold" in chosen else f"clip {kind}"


def _text(value: Any) -> str:
    """Return a value as people write it, with all its digits."""
    short = f"{value:g}" if isinstance(value, float) else ""
    return short if short and float(short) == value else " ".join(str(value).split())


def _fitting(name: str) -> str:
    if len(name) <= LONGEST:
        return name
    return f"{name[: LONGEST - 10]}… {hashlib.sha256(name.encode()).hexdigest()[:8]}"
