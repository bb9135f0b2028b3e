"""Checks a published result against the runs of its commands: every row belongs to one and is consistent."""

from __future__ import annotations

import math
from pathlib import Path
from typing import NamedTuple

from rnnbench.config.identity import valued
from rnnbench.config.schema import Config
from rnnbench.errors import UserError
from rnnbench.outcomes import agreement, consistency, provenance, result
from rnnbench.outcomes.agreement import Rule
from rnnbench.outcomes.columns import REPORT, TUNING, UNUSED, Row, configuration
from rnnbench.outcomes.provenance import Environment
from rnnbench.outcomes.result import Result
from rnnbench.sweep.compose import Plan
from rnnbench.sweep.recorded_command import plan_again


class Committed(NamedTuple):
    """A reported result, and the runs that its commands would start now."""

    result: Result
    rows: dict[str, Row]
    """By run_id."""
    plan: Plan
    rules: dict[str, Rule]
    """How far each column may be off on another kind of machine."""

    def environment(self, row: Row) -> Environment:
        """Return what the run of a row ran on."""
        return self.result.environments[row["environment"]]


def read(folder: Path, conf: Path) -> Committed:
    """Return a result that rnnbench publish wrote to ``folder``.

    Raises UserError where it is not complete or is damaged.
    """
    found = result.read(folder)
    plans = [_plan(folder, conf, command) for command in found.commands]
    tuning = {run_id: job for each in plans for run_id, job in each.tuning.items()}
    candidates = {run_id: job for each in plans for run_id, job in each.candidates.items()}
    joined = Plan(plans[0].protocol, tuning, candidates)
    by_id = {row["run_id"]: row for row in found.runs}
    return Committed(found, by_id, joined, agreement.rules(joined.protocol.tolerance))


def _plan(folder: Path, conf: Path, command: str) -> Plan:
    try:
        return plan_again(conf, command)
    except UserError as error:
        raise UserError(f"{folder / provenance.FILE}: the command {command!r}: {error}") from error


def unmatched_rows(committed: Committed) -> dict[str, str]:
    """Return the rows that belong to no run of the experiment, and its runs without a row: what is wrong, by run_id."""
    known = committed.plan.tuning | committed.plan.candidates
    unknown = {run_id: "no run of this experiment" for run_id in committed.rows if run_id not in known}
    expected = committed.plan.tuning | committed.plan.reported(committed.rows.values())
    return unknown | {run_id: "has no row" for run_id in expected if run_id not in committed.rows}


def contradictions(committed: Committed) -> dict[str, str]:
    """Return the rows that contradict themselves, or the configuration of their run_id: in what, by run_id."""
    known = committed.plan.tuning | committed.plan.candidates
    wrong = {}
    for run_id, row in committed.rows.items():
        found = consistency.contradictions(row)
        if run_id in known:
            phase = TUNING if run_id in committed.plan.tuning else REPORT
            if row["phase"] not in (phase, UNUSED):
                found.append(f"phase '{row['phase']}' of a {phase} run")
            expected = _configured(known[run_id].config)
            found += [
                f"{key} {row.get(key)!r} of a run with {value!r}"
                for key, value in expected.items()
                if valued(row, key) != value and not key.startswith("probe.")
            ]
        if found:
            wrong[run_id] = "; ".join(found)
    return wrong


def _configured(config: Config) -> Row:
    """Return the values that a row must have for a configuration."""
    own = {"seed": config.seed, "task": config.task.name, "length": config.task.length, "cell": config.cell.name,
           "metric": config.task.metric}  # fmt: skip
    return own | configuration(config.to_dict())


def sample(committed: Committed, fraction: float) -> dict[str, Config]:
    """Return the runs to repeat: the share ``fraction`` of all, rounded up, with the smallest configuration hashes."""
    known = committed.plan.tuning | committed.plan.candidates
    by_hash = sorted(committed.rows.keys() & known.keys(), key=lambda run_id: run_id.rpartition("-")[2])
    return {run_id: known[run_id].config for run_id in by_hash[: math.ceil(fraction * len(by_hash))]}
