"""Reported results, run again: do the committed rows still come out of the code?

On the versions and the kind of machine that a row was made with, every number must be the same, bit for bit. On
another kind of machine a row may be off by the tolerances of its experiment, and each setting's mean must lie within
its reported interval. With other versions of the packages that compute, or another corpus, a difference would say
nothing about the code: such rows are not compared.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from rnnbench import provenance, records, rows
from rnnbench.config import Config
from rnnbench.errors import UserError, check_range
from rnnbench.records import Record
from rnnbench.report import origin
from rnnbench.statistics import mean_interval
from rnnbench.sweep.compose import Plan, plan_again
from rnnbench.sweep.ledger import folder_of
from rnnbench.sweep.scheduler import Options, run_all

COMPUTING = ("torch", "pytorch-lightning", "torchmetrics", "numpy")
"""The packages whose versions can change a number; a corpus that depends on another one has its own hash."""
KIND = ("processor", "instructions", "accelerator")
"""What makes two machines of one kind."""
EQUAL, CLOSE, INSIDE = "equal", "within tolerance", "within interval"
DIFFERS, NOT_COMPARABLE = "DIFFERS", "not comparable"


class Check(NamedTuple):
    """What became of one row, or of the mean of one setting."""

    what: str
    committed: str
    """The reported score."""
    now: str
    verdict: str
    why: str = ""


class Committed(NamedTuple):
    """A reported result, and the runs that its commands would start now."""

    rows: dict[str, dict[str, str]]
    """By run_id."""
    environments: list[dict[str, Any]]
    plan: Plan


def read(folder: Path, conf: Path) -> Committed:
    """A result that scripts/report.py wrote to ``folder``. Raises UserError where it is not complete or is damaged."""
    found = {row["run_id"]: row for row in rows.read(folder)}
    for row in found.values():
        for key in ("score", "validation_loss", "solved_at_step"):
            rows.number(row[key])
    content = origin.read(folder)
    plans = [plan_again(conf, command) for command in content["commands"]]
    tuning = {run_id: job for each in plans for run_id, job in each.tuning.items()}
    candidates = {run_id: job for each in plans for run_id, job in each.candidates.items()}
    return Committed(found, content["environments"], Plan(plans[0].protocol, tuning, candidates))


def strays(committed: Committed) -> list[Check]:
    """Rows that belong to no run of the experiment, and runs of the experiment that have no row."""
    known = committed.plan.tuning | committed.plan.candidates
    unknown = [Check(run_id, row["score"], "", DIFFERS, "no run of this experiment")
               for run_id, row in committed.rows.items() if run_id not in known]  # fmt: skip
    expected = committed.plan.tuning | committed.plan.reported(_tuned(committed))
    lost = [Check(run_id, "", "", DIFFERS, "has no row") for run_id in expected if run_id not in committed.rows]
    return unknown + lost


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


def obstacle(config: Config, row: dict[str, str], environment: dict[str, Any], any_version: bool) -> str:
    """Why a repeated run could not be compared with its row; empty where it can."""
    data = str(config.task.provenance().get("sha256", ""))
    if data != row["data_sha256"]:
        return f"other data: sha256 {data[:12]}, reported {row['data_sha256'][:12]}"
    changed = changes(environment["versions"], provenance.versions(), COMPUTING)
    return "" if any_version or not changed else "other versions: " + ", ".join(changed)


def changes(before: dict[str, Any], now: dict[str, Any], keys: Sequence[str]) -> list[str]:
    """``key before -> now`` for each of ``keys`` that was known and is different."""
    return [f"{key} {before[key]} -> {now.get(key)}" for key in keys if key in before and before[key] != now.get(key)]


def compare(row: dict[str, str], record: Record, environment: dict[str, Any], tolerance: dict[str, float]) -> Check:
    """A repeated run against its row."""
    now = rows.as_text(rows.row(record))
    different = [key for key in now if key in row and key not in rows.NOT_RESULTS and now[key] != row[key]]
    same_machine = not changes(environment["machine"], record.machine, KIND)
    same_versions = not changes(environment["versions"], record.versions, COMPUTING)
    if not different:
        return Check(record.run_id, row["score"], now["score"], EQUAL)
    far = [key for key, most in tolerance.items() if not _within(row.get(key, ""), now[key], most)]
    if same_machine and same_versions:
        far = different
    elif row["status"] != now["status"]:
        far = ["status", *far]
    told = ", ".join(f"{key} {row.get(key) or '-'} -> {now[key] or '-'}" for key in far[:3])
    more = f" and {len(far) - 3} more" if len(far) > 3 else ""
    return Check(record.run_id, row["score"], now["score"], DIFFERS if far else CLOSE, told + more)


def _within(before: str, now: str, most: float) -> bool:
    was, is_now = rows.number(before), rows.number(now)
    return was == is_now if was is None or is_now is None else abs(was - is_now) <= most


def means(committed: Committed, repeated: dict[str, Record]) -> list[Check]:
    """The mean score of each setting whose runs were all repeated, against the reported interval."""
    names = rows.factors(committed.rows.values())
    groups: dict[tuple[str, ...], list[dict[str, str]]] = {}
    for row in committed.rows.values():
        groups.setdefault((row["phase"], *(row[name] for name in names)), []).append(row)
    checks = []
    for (_, *values), group in groups.items():
        now = [repeated[row["run_id"]].score for row in group if row["run_id"] in repeated]
        before = [rows.number(row["score"]) for row in group]
        if len(now) < len(group) or None in now or None in before:
            continue
        was, is_now = (mean_interval([score for score in scores if score is not None]) for scores in (before, now))
        if was.low is not None and was.high is not None:
            inside = was.low <= is_now.value <= was.high or is_now.value == was.value
            label = "mean of " + (", ".join(values) or "all")
            interval = f"{was.value:.3f} [{was.low:.3f}, {was.high:.3f}]"
            checks.append(Check(label, interval, f"{is_now.value:.3f}", INSIDE if inside else DIFFERS))
    return checks


def reproduce(
    folder: Path, conf: Path, work: Path, fraction: float = 1.0, any_version: bool = False, jobs: int | None = None
) -> list[Check]:
    """Runs the result in ``folder`` again, or the share ``fraction`` of it, in ``work``, and compares.

    ``any_version`` compares across versions too, within the tolerances. Raises UserError where there is no result.
    """
    check_range("--fraction", fraction, above=0, at_most=1)
    committed = read(folder, conf)
    checks = strays(committed)
    configs = []
    for run_id, config in sample(committed, fraction).items():
        row = committed.rows[run_id]
        why = obstacle(config, row, _environment(committed, row), any_version)
        if why:
            checks.append(Check(run_id, row["score"], "", NOT_COMPARABLE, why))
        else:
            tracking = replace(config.tracking, mode="disabled")
            configs.append(replace(config, runs_dir=str(work), tracking=tracking, force=False, retry_failed=False))
    run_all(configs, Options(jobs))
    repeated = {config.run_id: record for config in configs if (record := records.read(folder_of(config))) is not None}
    for config in configs:
        row, record = committed.rows[config.run_id], repeated.get(config.run_id)
        if record is None:
            checks.append(Check(config.run_id, row["score"], "", DIFFERS, "left no record"))
        else:
            tolerance = committed.plan.protocol.tolerance
            checks.append(compare(row, record, _environment(committed, row), tolerance))
    return checks + means(committed, repeated)


def _environment(committed: Committed, row: dict[str, str]) -> dict[str, Any]:
    try:
        return committed.environments[int(row["environment"])]
    except (ValueError, IndexError):
        told = f"{row['run_id']}: environment '{row['environment']}' is not in provenance.json"
        raise UserError(f"{told}; write both again with scripts/report.py") from None


def exit_code(checks: list[Check]) -> int:
    """1 where anything differs, else 3 where anything could not be compared, else 0."""
    verdicts = Counter(check.verdict for check in checks)
    return 1 if verdicts[DIFFERS] else 3 if verdicts[NOT_COMPARABLE] else 0
