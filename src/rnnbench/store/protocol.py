"""Fair comparison as a protocol: every setting is tuned alike, on seeds of its own, before it is reported.

A setting (a cell on a task, say) is trained at every point of one grid, the same for all, with the tuning seeds. The
point that does best on validation data is chosen. Only then is it trained with fresh seeds, whose test results are
reported. What an experiment file declares under ``protocol`` is not part of any run's configuration.
"""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from rnnbench.config.factors import NOT_FACTORS
from rnnbench.config.identity import below, flatten, is_neutral
from rnnbench.errors import UserError, check_range
from rnnbench.store import typed
from rnnbench.store.files import replacing
from rnnbench.store.status import Status

FILE = "protocol.json"
LEARNED = 0.1
"""The share of the memoryless loss that a trial must gain to have learned anything: a validation score of .1.

Between trials that gained less, small differences of constants choose, and another seed reverses them.
"""


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """The ``protocol`` of an experiment file. Raises UserError where it contradicts itself."""

    tune: dict[str, list[Any]] | None
    """The values to choose from for each configuration key, in order; None: nothing is tuned."""
    tune_seeds: list[int]
    report_seeds: list[int]
    tolerance: dict[str, float]
    """By how much a column of runs.csv may differ when a run is repeated on another kind of machine."""

    def __post_init__(self) -> None:
        for key, most in self.tolerance.items():
            check_range(f"protocol.tolerance.{key}", most, at_least=0)
        if self.tune is None:
            return
        for key, values in self.tune.items():
            if below(key, NOT_FACTORS) or len(set(map(str, values))) < 2:
                raise UserError(
                    f"protocol.tune.{key}={values}: give two or more values of a key that is part of a run and not "
                    "its seed"
                )
        for key in ("tune_seeds", "report_seeds"):
            seeds = getattr(self, key)
            if not seeds:
                raise UserError(f"protocol.{key}=[]: tuning needs both protocol.tune_seeds and protocol.report_seeds")
            if len(set(seeds)) < len(seeds):
                raise UserError(f"protocol.{key}={seeds}: name each seed once")
        common = set(self.tune_seeds) & set(self.report_seeds)
        if common:
            raise UserError(f"protocol.tune_seeds and protocol.report_seeds share {sorted(common)}: report fresh seeds")

    @property
    def grid(self) -> list[dict[str, Any]]:
        """Every combination of the values to choose from."""
        tune = self.tune or {}
        return [dict(zip(tune, values, strict=True)) for values in itertools.product(*tune.values())]

    def setting(self, config: Mapping[str, Any]) -> str:
        """Return what two flat configurations share that differ in nothing but the seed and what is tuned."""
        less = (*NOT_FACTORS, *(self.tune or {}))
        own = {k: v for k, v in config.items() if "." in k and not is_neutral(k, v) and not below(k, less)}
        return json.dumps(own, sort_keys=True)

    def point(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """Return the value of each tuned key in a flat configuration; a group such as ``init`` has that of its name.

        A key that does not apply to it (``clip.threshold`` with ``clip=none``) is left out.
        """
        values = {key: config.get(key, config.get(f"{key}.name")) for key in self.tune or {}}
        return {key: value for key, value in values.items() if value is not None or None in (self.tune or {})[key]}

    def points(self, config: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Return the points of the grid that are different runs of the setting of a flat configuration."""
        applies = self.point(config)
        points = [{key: value for key, value in point.items() if key in applies} for point in self.grid]
        return [point for index, point in enumerate(points) if point not in points[:index]]

    def check(self, point: dict[str, Any], config: Mapping[str, Any]) -> None:
        """Raise UserError where the flat configuration made for a point of the grid has other values."""
        for key, value in self.point(config).items():
            given = flatten({key: point[key]})[key]
            if given != value:
                raise UserError(f"protocol.tune.{key}: {given!r} is read as {value!r}; write it so")


class Trial(NamedTuple):
    """One point of the grid, over the tuning seeds."""

    point: dict[str, Any]
    runs: int
    solved: int
    steps: float
    """The mean number of steps to solve the task; infinite where a run did not."""
    loss: float
    """The mean validation loss after the last step; infinite where a run diverged."""

    @property
    def rank(self) -> tuple[float, float]:
        """The smallest is best. A solved run stops early, so among those that all solve the task the fastest wins."""
        return -self.solved, self.steps if self.solved == self.runs else self.loss


class Choice(NamedTuple):
    """What was chosen for one setting."""

    trials: list[Trial]
    """In the order of the grid."""
    best: Trial
    edges: list[str]
    """The tuned keys whose chosen value is the first or the last of its numbers: the best may lie beyond."""

    def undecided(self, baseline: float | None) -> bool:
        """Return whether no trial learned anything, so that the choice is random.

        That is: none solved the task in any run, and no mean validation loss is more than ``LEARNED`` below
        ``baseline``, the memoryless one. False where that is not known.
        """
        if not baseline:
            return False
        return not any(trial.solved or trial.loss < (1 - LEARNED) * baseline for trial in self.trials)


def choices(runs: Iterable[Mapping[str, Any]], protocol: Protocol) -> dict[str, Choice]:
    """Return the choice for each setting whose tuning runs have all ended with a result, by ``Protocol.setting``.

    ``runs`` are rows: the columns ``status``, ``seed``, ``solved_at_step`` and ``validation_loss``, and dotted keys.
    """
    found: dict[str, list[Mapping[str, Any]]] = {}
    for run in runs:
        if run["seed"] in protocol.tune_seeds and Status(run["status"]).complete:
            found.setdefault(protocol.setting(run), []).append(run)
    chosen = {}
    for setting, group in found.items():
        points = protocol.points(group[0])
        trials = [_trial(point, [run for run in group if protocol.point(run) == point]) for point in points]
        if all(trial.runs == len(protocol.tune_seeds) for trial in trials):
            best = min(trials, key=lambda trial: trial.rank)
            chosen[setting] = Choice(trials, best, _edges(best.point, protocol))
    return chosen


def _trial(point: dict[str, Any], runs: list[Mapping[str, Any]]) -> Trial:
    done = [run for run in runs if run["status"] == Status.DONE]
    solved = [run["solved_at_step"] for run in done if run["solved_at_step"] is not None]
    losses = [run["validation_loss"] for run in done]
    finite = [loss for loss in losses if loss is not None]
    return Trial(
        point, len(runs), len(solved),
        steps=float(np.mean(solved)) if runs and len(solved) == len(runs) else math.inf,
        loss=float(np.mean(finite)) if runs and len(finite) == len(runs) else math.inf,
    )  # fmt: skip


def _edges(point: dict[str, Any], protocol: Protocol) -> list[str]:
    edges = []
    for key, values in (protocol.tune or {}).items():
        numbers = all(isinstance(value, int | float) for value in values)
        if numbers and point.get(key) in (min(values), max(values)):
            edges.append(key)
    return edges


def write(folder: Path, protocol: Protocol) -> None:
    """Write a tuned sweep's protocol beside its runs. Raises UserError where the runs there are of another kind."""
    before = read(folder)
    if protocol.tune is None:
        if before is not None:
            raise UserError(f"{folder} has the runs of a tuned comparison: choose another name=... for these")
        return
    folder.mkdir(parents=True, exist_ok=True)
    with replacing(folder / FILE) as temporary:
        temporary.write_text(json.dumps(asdict(protocol), indent=2) + "\n", encoding="utf-8")


def read(folder: Path) -> Protocol | None:
    """Return the protocol of a tuned sweep; None if nothing was tuned. Raises UserError for a damaged file."""
    path = folder / FILE
    if not path.exists():
        return None
    try:
        return typed.build(Protocol, typed.parse(path.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: not a valid protocol ({error}); launch the sweep again") from error
