"""provenance.json: what a reader needs to run a result again, and to know whether the outcome may be compared."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypedDict

from rnnbench import typed
from rnnbench.errors import UserError
from rnnbench.factors import NOT_FACTORS, below, factors, flatten
from rnnbench.protocol import Protocol
from rnnbench.records import Record

FILE = "provenance.json"


class Environment(TypedDict):
    """What a run ran on."""

    versions: dict[str, str]
    machine: dict[str, Any]


class Origin(TypedDict):
    """The content of provenance.json; times in seconds and UTC."""

    experiment: str
    commands: list[str]
    config: dict[str, Any]
    varied: dict[str, list[Any]]
    seeds: list[int]
    config_sha256: str
    protocol: Protocol | None
    commits: list[str]
    dirty: bool
    environments: list[Environment]
    data: list[dict[str, Any]]
    runs: int
    started: str | None
    ended: str | None
    seconds: float


UNKNOWN = (None, "", "unknown")
"""What a run that could not begin says of its machine: it may have been any."""


def environments(found: list[Record]) -> list[Environment]:
    """The distinct pairs of versions and machine, in order of appearance; runs.csv numbers them."""
    distinct: list[Environment] = []
    for record in sorted(found, key=_vague):
        if place(record, distinct) is None:
            distinct.append(_environment(record))
    return distinct


def place(record: Record, distinct: list[Environment]) -> int | None:
    """Which of the environments a run's is: what is unknown of it is no difference; None where it is none of them."""
    own = _environment(record)
    return next((index for index, other in enumerate(distinct) if _alike(own, other)), None)


def _environment(record: Record) -> Environment:
    return {"versions": record.versions, "machine": record.machine}


def _vague(record: Record) -> bool:
    return not record.versions or not record.machine or any(value in UNKNOWN for value in record.machine.values())


def _alike(own: Environment, other: Environment) -> bool:
    versions = not own["versions"] or own["versions"] == other["versions"]
    known = {key: value for key, value in own["machine"].items() if value not in UNKNOWN}
    return versions and all(other["machine"].get(key) == value for key, value in known.items())


def origin(name: str, found: list[Record], protocol: Protocol | None) -> dict[str, Any]:
    """The content of provenance.json for the runs ``found`` of the experiment ``name``, as ``Origin`` has it."""
    flat = [flatten(record.config) for record in found]
    own = [{key: value for key, value in config.items() if not below(key, NOT_FACTORS)} for config in flat]
    varied = factors(own)
    common = {key: own[0][key] for key in own[0] if all(key in each and each[key] == own[0][key] for each in own)}
    resolved = sorted(json.dumps(record_config | {"seed": record.seed}, sort_keys=True)
                      for record_config, record in zip(own, found, strict=True))  # fmt: skip
    commits = sorted({record.commit or "unknown" for record in found})
    return {
        "experiment": name,
        "commands": sorted({record.command for record in found}),
        "config": common,
        "varied": {key: sorted({config.get(key) for config in own}, key=str) for key in varied},
        "seeds": sorted({record.seed for record in found}),
        "config_sha256": hashlib.sha256("\n".join(resolved).encode()).hexdigest(),
        "protocol": None if protocol is None else asdict(protocol),
        "commits": commits,
        "dirty": any(commit.endswith("+dirty") for commit in commits),
        "environments": environments(found),
        "data": [json.loads(text) for text in sorted({json.dumps(r.data, sort_keys=True) for r in found if r.data})],
        "runs": len(found),
        "started": min((record.started for record in found if record.started), default=None),
        "ended": max((record.ended for record in found if record.ended), default=None),
        "seconds": round(sum(record.seconds for record in found), 1),
    }


def write(path: Path, content: dict[str, Any]) -> None:
    """Writes provenance.json."""
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def read(folder: Path) -> dict[str, Any]:
    """The provenance of a result. Raises UserError where it has none, or it is damaged."""
    path = folder / FILE
    try:
        content: dict[str, Any] = typed.parse(path.read_text(encoding="utf-8"))
        typed.check(content, Origin)
        if not content["commands"] or not content["environments"]:
            raise ValueError("it says no command, or no environment")
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise UserError(f"{path}: cannot be used ({reason}); write it again with scripts/publish.py") from error
    return content
