"""A published result and the runs that its commands stand for: does every row belong to one, and agree with itself?"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from rnnbench import agreement, rows
from rnnbench.agreement import Rule
from rnnbench.config import Config
from rnnbench.errors import UserError
from rnnbench.factors import flatten
from rnnbench.records import Record
from rnnbench.report import origin
from rnnbench.sweep.compose import Plan, plan_again


class Committed(NamedTuple):
    """A reported result, and the runs that its commands would start now."""

    rows: dict[str, dict[str, str]]
    """By run_id."""
    environments: list[dict[str, Any]]
    plan: Plan
    rules: dict[str, Rule]
    """How far each column may be off on another kind of machine."""


def read(folder: Path, conf: Path) -> Committed:
    """A result that scripts/publish.py wrote to ``folder``. Raises UserError where it is not complete or is damaged."""
    found = {row["run_id"]: row for row in rows.read(folder)}
    content = origin.read(folder)
    for row in found.values():
        if row["environment"] not in map(str, range(len(content["environments"]))):
            told = f"{folder}: {row['run_id']}: environment '{row['environment']}' is not in provenance.json"
            raise UserError(f"{told}; write both again with scripts/publish.py")
    plans = [_plan(folder, conf, command) for command in content["commands"]]
    tuning = {run_id: job for each in plans for run_id, job in each.tuning.items()}
    candidates = {run_id: job for each in plans for run_id, job in each.candidates.items()}
    joined = Plan(plans[0].protocol, tuning, candidates)
    return Committed(found, content["environments"], joined, agreement.rules(joined.protocol.tolerance))


def _plan(folder: Path, conf: Path, command: str) -> Plan:
    try:
        return plan_again(conf, command)
    except UserError as error:
        raise UserError(f"{folder / origin.FILE}: {error}") from error


def strays(committed: Committed) -> dict[str, str]:
    """Rows that belong to no run of the experiment, and runs of it that have no row: what is wrong, by run_id."""
    known = committed.plan.tuning | committed.plan.candidates
    unknown = {run_id: "no run of this experiment" for run_id in committed.rows if run_id not in known}
    expected = committed.plan.tuning | committed.plan.reported(_tuned(committed))
    return unknown | {run_id: "has no row" for run_id in expected if run_id not in committed.rows}


def contradictions(committed: Committed) -> dict[str, str]:
    """Rows that do not agree with themselves, or with the configuration of their run_id: in what, by run_id."""
    known = committed.plan.tuning | committed.plan.candidates
    names = rows.factors(committed.rows.values())
    wrong = {}
    for run_id, row in committed.rows.items():
        found = agreement.contradictions(row)
        if run_id in known:
            phase = rows.TUNING if run_id in committed.plan.tuning else rows.REPORT
            expected = _configured(known[run_id].config, names) | {"phase": phase}
            found += [
                f"{key} '{row[key]}' of a run with {value}" for key, value in expected.items() if row[key] != value
            ]
        if found:
            wrong[run_id] = "; ".join(found)
    return wrong


def _configured(config: Config, names: Iterable[str]) -> dict[str, str]:
    """What a row must say of a configuration: in its own columns, and in those of what was varied."""
    flat = flatten(json.loads(json.dumps(config.to_dict())))
    own = {"seed": config.seed, "task": config.task.name, "length": config.task.length, "cell": config.cell.name,
           "metric": config.task.metric}  # fmt: skip
    varied = {name: next((flat[key] for key in (name, f"{name}.name", f"{name}.kind") if key in flat), None)
              for name in names}  # fmt: skip
    return rows.as_text(varied | own)


def _tuned(committed: Committed) -> Iterable[Record]:
    """The tuning runs as far as a choice depends on them, from their rows."""
    for run_id, job in committed.plan.tuning.items():
        row = committed.rows.get(run_id)
        if row is not None:
            solved = rows.number(row["solved_at_step"])
            yield Record(
                run_id=run_id, experiment=job.config.name, status=row["status"], seed=job.config.seed,
                config=json.loads(json.dumps(job.config.to_dict())),
                solved_at_step=None if solved is None else int(solved),
                final={"val/loss": rows.number(row["validation_loss"])},
            )  # fmt: skip


def sample(committed: Committed, fraction: float) -> dict[str, Config]:
    """The runs to repeat: the share ``fraction`` of all, rounded up, whose configurations have the smallest hashes."""
    known = committed.plan.tuning | committed.plan.candidates
    by_hash = sorted(committed.rows.keys() & known.keys(), key=lambda run_id: run_id.rpartition("-")[2])
    return {run_id: known[run_id].config for run_id in by_hash[: math.ceil(fraction * len(by_hash))]}
