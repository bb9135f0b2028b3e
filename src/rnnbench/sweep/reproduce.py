"""Runs reported results again: does the code still produce the committed rows?

On the versions and the kind of machine that a row was made with, every number must be the same, bit for bit. On another
kind of machine, or with another version of rnnbench, whose engines may add up in another order, the columns that depend
on it may be off by their tolerances, and the interval of each setting's median score must meet the reported one, up to
that tolerance. With other versions of the packages that compute, or another
corpus, a difference would say nothing about the code: such rows are not compared, nor are runs that failed.
"""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from rnnbench.config.schema import Config
from rnnbench.errors import check_range
from rnnbench.outcomes import agreement
from rnnbench.outcomes.agreement import Rule
from rnnbench.outcomes.columns import COLUMNS, REPORT, TUNING, Row, row
from rnnbench.outcomes.merge import COMPUTING, changes, elsewhere, reason
from rnnbench.outcomes.provenance import Environment, environment
from rnnbench.outcomes.settings import settings
from rnnbench.statistics import Estimate, median_interval
from rnnbench.store import provenance, records
from rnnbench.store.files import LOCKS, locked
from rnnbench.store.records import Record
from rnnbench.store.status import Status
from rnnbench.sweep.committed import Committed, contradictions, read, sample, unmatched_rows
from rnnbench.sweep.run_states import folder_of
from rnnbench.sweep.scheduler import Options, run_all

EQUAL, CLOSE, INSIDE = "equal", "within tolerance", "within interval"
DIFFERS, NOT_COMPARABLE = "DIFFERS", "not comparable"


class Check(NamedTuple):
    """The check of one row, or of the median score of one setting."""

    what: str
    committed: str
    """The reported score."""
    now: str
    verdict: str
    why: str = ""


class Outcome(NamedTuple):
    """The outcome of running a result again."""

    checks: list[Check]
    tolerances: str
    """How far columns could be off, in a line; empty where every row was made on this kind of machine."""


def obstacle(config: Config, before: Row, made_on: Environment, any_version: bool) -> str:
    """Return why a repeated run could not be compared with its row; empty if it can."""
    if before["status"] == Status.FAILED:
        return "the reported run failed: there is nothing to repeat"
    data, reported = str(config.task.provenance().get("sha256", "")), before["data_sha256"] or ""
    if data != reported:
        return f"other data: sha256 {data[:12]}, reported {reported[:12]}"
    changed = changes(made_on["versions"], provenance.versions(), COMPUTING)
    return "" if any_version or not changed else "other versions: " + ", ".join(changed)


def compare(before: Row, record: Record, made_on: Environment, rules: dict[str, Rule]) -> Check:
    """Compare a repeated run with its row."""
    now = row(record)
    different = agreement.differences(before, now)
    if not different:
        return Check(record.run_id, _text(before), _text(now), EQUAL)
    if record.status == Status.FAILED:
        return Check(record.run_id, _text(before), "", DIFFERS, f"status {before['status']} -> {record.outcome}")
    other = bool(elsewhere(made_on, environment(record)))
    far = agreement.beyond(before, now, rules) if other else different
    words = agreement.differences_in_words(before, now, far or different, rules if other else None)
    why = f"{words} ({reason(made_on, environment(record))})"
    return Check(record.run_id, _text(before), _text(now), DIFFERS if far else CLOSE, why)


def _text(found: Row) -> str:
    """Return the score as text."""
    return COLUMNS["score"].text(found["score"])


def medians(committed: Committed, repeated: dict[str, Record]) -> list[Check]:
    """Compare the median score of each setting whose runs were all repeated with the reported interval.

    A score below 0 counts as 0, as in rows: how much worse than the baseline one is that learned nothing is chance.
    Two intervals of the same distribution meet more often than the one holds the median of the other: of three runs
    each in 90 % of cases.
    """
    table, slack = committed.result.rows, committed.rules["score"].most or 0.0
    checks = []
    for phase in (TUNING, REPORT):
        for setting in settings(table[table["phase"] == phase], committed.result.tuned):
            now = [record.score for run in setting.runs if (record := repeated.get(run["run_id"])) is not None]
            scores = [score for score in now if score is not None]
            was = setting.score
            if len(scores) == len(setting.runs) and was.low is not None and was.high is not None:
                found = median_interval(scores)
                low = found.value if found.low is None else found.low
                high = found.value if found.high is None else found.high
                inside = max(low, 0) <= max(was.high, 0) + slack and max(high, 0) >= max(was.low, 0) - slack
                label = "median of " + (", ".join(f"{each}" for each in setting.factors.values()) or "all")
                why = f"{'meets' if inside else 'beyond'} the interval of the {len(scores)} reported runs"
                verdict = INSIDE if inside else DIFFERS
                checks.append(Check(label, _interval(was), _interval(found), verdict, why))
    return checks


def _interval(found: Estimate) -> str:
    return f"{found.value:.3f}" if found.low is None else f"{found.value:.3f} [{found.low:.3f}, {found.high:.3f}]"


@contextmanager
def workplace(runs_dir: Path, name: str) -> Iterator[Path]:
    """Make a folder for the repeated runs of a result, and remove it once all have been run and read.

    Until then what was interrupted goes on there: it is of one commit. Code that differs from its commit, or has none,
    begins anew each time. Raises HeldElsewhereError where another process repeats the same.
    """
    commit = provenance.git_commit()
    if commit is None or commit.endswith(provenance.DIRTY):
        with tempfile.TemporaryDirectory(prefix="rnnbench-") as temporary:
            yield Path(temporary)
        return
    work = runs_dir / "reproduced" / commit[:12]
    with locked(work / name):
        yield work
        shutil.rmtree(work / name, ignore_errors=True)
    with suppress(OSError):  # where others are at work
        for folder in (work / LOCKS, work, work.parent):
            folder.rmdir()


def reproduce(
    folder: Path, conf: Path, runs_dir: Path, fraction: float = 1.0, any_version: bool = False, jobs: int | None = None
) -> Outcome:
    """Run the result in ``folder`` again, or the share ``fraction`` of it, below ``runs_dir``, and compare.

    ``any_version`` compares across versions too, within the tolerances. Raises UserError where there is no result.
    """
    check_range("--fraction", fraction, above=0, at_most=1)
    if jobs is not None:
        check_range("--jobs", jobs, at_least=1)
    committed = read(folder, conf)
    wrong = unmatched_rows(committed) | contradictions(committed)
    scores = {run_id: _text(each) for run_id, each in committed.rows.items()}
    checks = [Check(run_id, scores.get(run_id, ""), "", DIFFERS, why) for run_id, why in wrong.items()]
    configs = []
    for run_id, config in sample(committed, fraction).items():
        before = committed.rows[run_id]
        why = obstacle(config, before, committed.environment(before), any_version)
        if why:
            checks.append(Check(run_id, scores[run_id], "", NOT_COMPARABLE, why))
        else:
            tracking = replace(config.tracking, mode="disabled")
            configs.append(replace(config, force=False, retry_failed=False, reuse=False, tracking=tracking))
    with workplace(runs_dir, committed.result.name) as work:
        repeated = _repeated([replace(config, runs_dir=str(work)) for config in configs], jobs)
    for config in configs:
        before, record = committed.rows[config.run_id], repeated.get(config.run_id)
        if record is None:
            checks.append(Check(config.run_id, scores[config.run_id], "", DIFFERS, "left no record"))
        else:
            checks.append(compare(before, record, committed.environment(before), committed.rules))
    others = [
        elsewhere(committed.environment(committed.rows[run_id]), environment(record))
        for run_id, record in repeated.items()
    ]
    return Outcome(checks + medians(committed, repeated), agreement.summary(committed.rules) if any(others) else "")


def _repeated(configs: list[Config], jobs: int | None) -> dict[str, Record]:
    """Run configurations and return their records by run_id."""
    run_all(configs, Options(jobs))
    return {config.run_id: record for config in configs if (record := records.read(folder_of(config))) is not None}


def exit_code(checks: list[Check]) -> int:
    """Return 1 if anything differs, else 3 if anything could not be compared, else 0."""
    verdicts = Counter(check.verdict for check in checks)
    return 1 if verdicts[DIFFERS] else 3 if verdicts[NOT_COMPARABLE] else 0
