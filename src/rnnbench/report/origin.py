"""provenance.json: what a reader needs to run a result again, and to know whether the outcome may be compared."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rnnbench.errors import UserError
from rnnbench.factors import NOT_FACTORS, below, factors, flatten
from rnnbench.protocol import Protocol
from rnnbench.records import Record

FILE = "provenance.json"


def environments(found: list[Record]) -> list[dict[str, Any]]:
    """The distinct pairs of versions and machine, in order of appearance; runs.csv numbers them."""
    distinct: list[dict[str, Any]] = []
    for record in found:
        if environment(record) not in distinct:
            distinct.append(environment(record))
    return distinct


def environment(record: Record) -> dict[str, Any]:
    """What a run ran on."""
    return {"versions": record.versions, "machine": record.machine}


def origin(name: str, found: list[Record], protocol: Protocol | None) -> dict[str, Any]:
    """The content of provenance.json for the runs ``found`` of the experiment ``name``; times in seconds and UTC."""
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
    path.write_text(json.dumps(content, indent=2) + "\n")


def read(folder: Path) -> dict[str, Any]:
    """The provenance of a result. Raises UserError where it has none."""
    path = folder / FILE
    try:
        content: dict[str, Any] = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be used ({error!r}); write it again with scripts/report.py") from error
    return content
