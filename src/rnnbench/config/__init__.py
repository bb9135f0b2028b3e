"""The configuration of one run: its keys, types and ranges, and which configurations are the same run."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).parents[1]
CONF = next(each for each in (_PACKAGE / "conf", _PACKAGE.parents[1] / "conf") if each.is_dir())
"""Hydra's groups: rnnbench/conf where the package is installed, conf/ at the top of a checkout."""
