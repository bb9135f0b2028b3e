"""Callbacks and loggers of Lightning that a user names: a table of tables, each a class and its arguments.

callbacks: {mine: {_target_: my.module.Class, every: 5}}
"""

from __future__ import annotations

from typing import Any

from rnnbench.errors import UserError, check_plain
from rnnbench.extensions import dotted

TARGET = "_target_"


def checked(group: str, given: dict[str, Any]) -> dict[str, Any]:
    """Return the tables of a group, their targets in one spelling. Raises UserError for what is none."""
    check_plain(group, given)
    return {name: _checked(f"{group}.{name}", each) for name, each in given.items()}


def _checked(key: str, given: Any) -> dict[str, Any]:
    target = given.get(TARGET) if isinstance(given, dict) else None
    if not isinstance(target, str) or not target.strip():
        raise UserError(f"{key}={given}: names no class; give +{key}.{TARGET}=package.module.Class and its arguments")
    return given | {TARGET: dotted(target)}
