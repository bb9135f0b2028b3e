"""How far the gradient reaches back, in words.

A gradient decays with a half-life where a line fits, decays without one, is flat, grows, or is dead; runs of a setting
may differ, and are then counted. The headline of a network is its layer and direction that reaches furthest.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from statistics import median

from rnnbench.outcomes.columns import COLUMNS, Row
from rnnbench.outcomes.diagnostic_columns import LAYER_DIRECTION
from rnnbench.outcomes.settings import Setting

NOT_MEASURED = "not measured"
HALVES = "halves"


def layer_directions(setting: Setting) -> list[str]:
    """Return the layers and directions of which a setting's rows speak apart, as ``layer1_forward``, in order."""
    known = {key for run in setting.runs for key in run if run[key] is not None}
    found = {match[1] for match in map(LAYER_DIRECTION.fullmatch, known) if match}
    return sorted(found, key=lambda name: (int(re.findall(r"\d+", name)[0]), name.endswith("backward")))


def half_life(setting: Setting, moment: str, prefix: str = "") -> str:
    """Return "1.5", "flat" and so on; "1.5 (2), flat (1)" with numbers of runs where they differ."""
    found = _half_lives(setting, moment, prefix)
    return _joined((_steps(each, "half_life") if word == HALVES else word, len(each)) for word, each in found.items())


def horizon(setting: Setting, moment: str, prefix: str = "") -> str:
    """Return the median over runs in steps; "dead", with their number, for those without a gradient."""
    runs = _probed(setting, moment)
    steps = [run[f"{prefix}horizon_{moment}"] for run in runs if run.get(f"{prefix}horizon_{moment}") is not None]
    gone = len(runs) - len(steps)
    if not runs:
        return NOT_MEASURED
    if not steps:
        return "dead" if any(run.get(f"{prefix}decay_{moment}") == "dead" for run in runs) else "–"
    return _steps(steps, "horizon") + (f" ({gone} without)" if gone else "")


def middle(setting: Setting, column: str, moment: str, prefix: str = "") -> str:
    """Return the median over runs of another column, as that column is shown."""
    values = [run[key] for run in setting.runs if run.get(key := f"{prefix}{column}_{moment}") is not None]
    return COLUMNS[f"{column}_{moment}"].text(median(values) if values else None)


def headline(setting: Setting, moment: str) -> str:
    """Return the layer and direction that reaches furthest, the most frequent first, with numbers where runs differ."""
    return _joined(Counter(str(run[f"headline_{moment}"]) for run in _probed(setting, moment)).items())


def _probed(setting: Setting, moment: str) -> list[Row]:
    return [run for run in setting.runs if run.get(f"headline_{moment}") is not None]


def _half_lives(setting: Setting, moment: str, prefix: str = "") -> dict[str, list[float]]:
    """Return the half-lives of the runs that have one below HALVES, and an entry for each other run below its word."""
    found: dict[str, list[float]] = {}
    for run in _probed(setting, moment):
        steps, word = run.get(f"{prefix}half_life_{moment}"), run.get(f"{prefix}decay_{moment}")
        found.setdefault(HALVES if steps is not None else word or "–", []).append(steps or 0.0)
    return found


def _steps(found: list[float], column: str) -> str:
    return COLUMNS[f"{column}_final"].text(median(found))


def _joined(groups: Iterable[tuple[str, int]]) -> str:
    """Return the text of each group of runs, the largest first, with its size where there are several."""
    ranked = sorted(groups, key=lambda group: -group[1])
    return ", ".join(text + (f" ({size})" if len(ranked) > 1 else "") for text, size in ranked) or NOT_MEASURED
