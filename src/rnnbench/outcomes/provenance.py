"""provenance.json: what a reader needs to run a result again, and to know whether the outcome may be compared."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypedDict

from rnnbench.store.provenance import DIRTY
from rnnbench.store.records import Record

FILE = "provenance.json"
FORMAT = 2
"""The version of a results folder; it increases when older programs can no longer read it."""
UNKNOWN = (None, "", "unknown")
"""Values for what is not known of a machine, as in a run that could not begin: it may have been any."""

FOLDERS = ("runs_dir=", "results_dir=")
"""Overrides that say where files go, which is nothing that a result depends on."""


class Environment(TypedDict):
    """The versions and the machine of a run."""

    versions: dict[str, str]
    machine: dict[str, Any]


class Provenance(TypedDict):
    """The content of provenance.json; times in seconds and UTC."""

    format: int
    experiment: str
    commands: list[str]
    runs: int
    seeds: list[int]
    commits: list[str]
    dirty: bool
    started: str | None
    ended: str | None
    seconds: float
    environments: list[Environment]
    data: list[dict[str, Any]]
    missing: dict[str, str]
    damaged: dict[str, str]
    redrawable: bool


def environment(record: Record) -> Environment:
    """Return the versions and the machine of a run."""
    return {"versions": record.versions, "machine": record.machine}


def commands(found: Iterable[Record]) -> list[str]:
    """Return the different commands of runs, without the folders of the machine that they name."""
    return sorted({_anywhere(record.command) for record in found})


def _anywhere(command: str) -> str:
    try:
        words = shlex.split(command)
    except ValueError:
        return command
    kept = [word for word in words if not word.startswith(FOLDERS)]
    return command if kept == words else shlex.join(kept)


def distinct(found: Iterable[Environment]) -> list[Environment]:
    """Return the different environments, in an order that does not depend on that of ``found``."""
    listed = {json.dumps(each, sort_keys=True): each for each in found}
    chosen: list[Environment] = []
    for _, each in sorted(listed.items(), key=lambda pair: (_vague(pair[1]), pair[0])):
        if place(each, chosen) is None:
            chosen.append(each)
    return chosen


def place(own: Environment, among: Sequence[Environment]) -> int | None:
    """Return which of the environments this one is: what is unknown of it is no difference; None: none of them."""
    return next((index for index, other in enumerate(among) if _alike(own, other)), None)


def _vague(own: Environment) -> bool:
    return not own["versions"] or not own["machine"] or any(value in UNKNOWN for value in own["machine"].values())


def _alike(own: Environment, other: Environment) -> bool:
    versions = not own["versions"] or own["versions"] == other["versions"]
    known = {key: value for key, value in own["machine"].items() if value not in UNKNOWN}
    return versions and all(other["machine"].get(key) == value for key, value in known.items())


def summary(found: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return what follows from the rows of a result."""
    commits = sorted({each["commit"] or "unknown" for each in found})
    return {
        "runs": len(found),
        "seeds": sorted({each["seed"] for each in found}),
        "commits": commits,
        "dirty": any(commit.endswith(DIRTY) for commit in commits),
        "started": min((each["started"] for each in found if each["started"]), default=None),
        "ended": max((each["ended"] for each in found if each["ended"]), default=None),
        "seconds": round(sum(each["seconds"] for each in found), 1),
    }


def unique(found: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the different tables that are not empty, sorted by their text."""
    return [json.loads(text) for text in sorted({json.dumps(each, sort_keys=True) for each in found if each})]
