"""Options that only some choices of a group take, in a sweep over several of them: cell=lstm,lru cell.r_min=0.9.

Each applies to the runs whose choice takes it, and is left out of the others.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig

from rnnbench.config.identity import flatten
from rnnbench.config.schema import Config
from rnnbench.errors import unknown
from rnnbench.extensions import EXTERNAL

TARGETED = ("cell", "task")
"""The groups of which a choice may be a class that ``_target_`` names."""


def as_choices(arguments: Sequence[str]) -> list[str]:
    """Return the overrides with ``group.option=value`` as a choice of one where ``group`` is swept over.

    Hydra would set a plain value in the configuration that all runs share, whose choice may not have the option.
    """
    parsed = OverridesParser.create().parse_overrides(list(arguments))
    swept = {each.key_or_group for each in parsed if each.is_sweep_override() and "." not in each.key_or_group}

    def is_plain(key: str) -> bool:
        return _parts(key)[0] in swept and bool(_parts(key)[1]) and not targeted(key)

    return [
        f"{each.get_key_element()}=choice({each.get_value_element_as_str()})"
        if is_plain(each.get_key_element()) and not (each.is_sweep_override() or each.is_delete())
        else line
        for each, line in zip(parsed, arguments, strict=True)
    ]


def targeted(override: str) -> str:
    """Return the group whose ``_target_``, or whose arguments of one, an override sets; empty where it sets none."""
    group, key = _parts(override.lstrip("+~"))
    return group if group in TARGETED and key.partition(".")[0] in ("_target_", "arguments") else ""


def optional(override: str, mixed: Collection[str]) -> bool:
    """Return whether some choices may not take an override; the sweep has several choices of the groups ``mixed``."""
    group, option = _parts(override)
    return bool(targeted(override)) or (bool(option) and group in mixed)


def fitting(override: str, composed: Mapping[Any, Any], mixed: Collection[str]) -> bool:
    """Return whether an override applies to a run whose groups are chosen as in ``composed``."""
    group = targeted(override)
    if group:  # a class where one is given
        chosen = composed.get(group, {})
        own = chosen.get("name") != EXTERNAL and ("._target_" in override or chosen.get("_target_") is None)
        return not own
    group, option = _parts(override)
    return not option or group not in mixed or option.partition(".")[0] in composed[group]


def applies(key: str, composed: DictConfig) -> bool:
    """Return whether the run in ``composed`` has a tuned key: it may belong to another cell or task."""
    group, option = _parts(key)
    return group not in TARGETED or option.partition(".")[0] in composed[group]


def check_tuned(tuned: Sequence[str], configs: Iterable[Config]) -> None:
    """Raise UserError where none of the runs has a tuned key."""
    known = {key for config in configs for key in flatten(config.to_dict())} if tuned else set()
    for key in tuned:
        if not any(each == key or each.startswith(f"{key}.") for each in known):
            beside = f"{key.rpartition('.')[0]}."
            raise unknown("key", key, sorted(each for each in known if each.startswith(beside)))


def _parts(override: str) -> tuple[str, str]:
    """Return the group and the option of ``group.option=value``."""
    group, _, option = override.partition("=")[0].partition(".")
    return group, option
