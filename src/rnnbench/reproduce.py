"""Reported results, run again: do the committed rows still come out of the code?

On the versions and the kind of machine that a row was made with, every number must be the same, bit for bit. On
another kind of machine the columns that depend on it may be off by their tolerances, and each setting's mean must lie
within its reported interval. With other versions of the packages that compute, or another corpus, a difference would
say nothing about the code: such rows are not compared, nor are runs that failed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from rnnbench import agreement, provenance, records, rows
from rnnbench.agreement import Rule
from rnnbench.committed import Committed, contradictions, read, sample, strays
from rnnbench.config import Config
from rnnbench.errors import check_range
from rnnbench.records import Record
from rnnbench.statistics import mean_interval
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


class Outcome(NamedTuple):
    """What came of a result that was run again."""

    checks: list[Check]
    tolerances: str
    """How far columns could be off, in a line; empty where every row was made on this kind of machine."""


def obstacle(config: Config, row: dict[str, str], environment: dict[str, Any], any_version: bool) -> str:
    """Why a repeated run could not be compared with its row; empty where it can."""
    if row["status"] == records.FAILED:
        return "the reported run failed: there is nothing to repeat"
    data = str(config.task.provenance().get("sha256", ""))
    if data != row["data_sha256"]:
        return f"other data: sha256 {data[:12]}, reported {row['data_sha256'][:12]}"
    changed = changes(environment["versions"], provenance.versions(), COMPUTING)
    return "" if any_version or not changed else "other versions: " + ", ".join(changed)


def changes(before: dict[str, Any], now: dict[str, Any], keys: Sequence[str]) -> list[str]:
    """``key before -> now`` for each of ``keys`` that was known and is different."""
    return [f"{key} {before[key]} -> {now.get(key)}" for key in keys if key in before and before[key] != now.get(key)]


def compare(row: dict[str, str], record: Record, environment: dict[str, Any], rules: dict[str, Rule]) -> Check:
    """A repeated run against its row."""
    now = rows.as_text(rows.row(record))
    different = agreement.differences(row, now)
    if not different:
        return Check(record.run_id, row["score"], now["score"], EQUAL)
    if record.status == records.FAILED:
        return Check(record.run_id, row["score"], "", DIFFERS, f"status {row['status']} -> {record.outcome}")
    elsewhere = _elsewhere(environment, record)
    far = agreement.beyond(row, now, rules) if elsewhere else different
    told = agreement.told(row, now, far or different, rules if elsewhere else None)
    return Check(record.run_id, row["score"], now["score"], DIFFERS if far else CLOSE, told)


def _elsewhere(environment: dict[str, Any], record: Record) -> list[str]:
    """What a repeated run had that another number may come from."""
    machines = changes(environment["machine"], record.machine, KIND)
    return machines + changes(environment["versions"], record.versions, COMPUTING)


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
            why = f"{'inside' if inside else 'outside'} the interval of the {len(group)} reported runs"
            checks.append(Check(label, interval, f"{is_now.value:.3f}", INSIDE if inside else DIFFERS, why))
    return checks


def reproduce(
    folder: Path, conf: Path, work: Path, fraction: float = 1.0, any_version: bool = False, jobs: int | None = None
) -> Outcome:
    """Runs the result in ``folder`` again, or the share ``fraction`` of it, in ``work``, and compares.

    ``any_version`` compares across versions too, within the tolerances. Raises UserError where there is no result.
    """
    check_range("--fraction", fraction, above=0, at_most=1)
    if jobs is not None:
        check_range("--jobs", jobs, at_least=1)
    committed = read(folder, conf)
    wrong = strays(committed) | contradictions(committed)
    scores = {run_id: row["score"] for run_id, row in committed.rows.items()}
    checks = [Check(run_id, scores.get(run_id, ""), "", DIFFERS, why) for run_id, why in wrong.items()]
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
            checks.append(compare(row, record, _environment(committed, row), committed.rules))
    elsewhere = any(
        _elsewhere(_environment(committed, committed.rows[run_id]), repeated[run_id]) for run_id in repeated
    )
    return Outcome(checks + means(committed, repeated), agreement.summary(committed.rules) if elsewhere else "")


def _environment(committed: Committed, row: dict[str, str]) -> dict[str, Any]:
    return committed.environments[int(row["environment"])]


def exit_code(checks: list[Check]) -> int:
    """1 where anything differs, else 3 where anything could not be compared, else 0."""
    verdicts = Counter(check.verdict for check in checks)
    return 1 if verdicts[DIFFERS] else 3 if verdicts[NOT_COMPARABLE] else 0
