"""claim.json: what was found of a claim, committed beside the rows that say so, and whether it still holds."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rnnbench.claims import evidence
from rnnbench.claims.claim import COMMAND, Entry
from rnnbench.claims.evidence import Evidence
from rnnbench.claims.verdict import Finding, Verdict, find, judge
from rnnbench.errors import UserError
from rnnbench.outcomes import result, rows
from rnnbench.store import typed
from rnnbench.store.files import replacing

FILE = "claim.json"


@dataclass(frozen=True)
class Outcome:
    """What is committed of a claim."""

    claim: str
    protocol: str
    """The sha256 of the protocol that was run (``Entry.protocol``)."""
    arms: dict[str, list[str]]
    """The run_ids of each arm; a law has none."""
    verdict: str
    findings: list[dict[str, Any]]
    seconds: float
    """Of all runs, or of the measurements."""
    environment: dict[str, Any] = field(default_factory=dict)
    """The commit, the versions and the machine of a law's measurements; runs have theirs in provenance.json."""


@dataclass(frozen=True)
class State:
    """A claim and what is known of it now."""

    entry: Entry
    verdict: Verdict
    findings: list[Finding]
    outcome: Outcome | None = None
    stale: str = ""
    """Why the committed verdict does not hold any more; empty where it does."""


def collect(entry: Entry, folder: Path, arms: dict[str, list[str]]) -> Evidence:
    """Return the evidence in a folder of results. Raises UserError where a file is damaged."""
    if entry.claim.law is not None:
        measured = evidence.read_measurements(folder)
        return Evidence({}, {}) if measured is None else evidence.of_measurements(measured)
    if not (folder / rows.FILE).exists():
        return Evidence({}, {})
    return evidence.of_runs(result.read(folder).runs, arms)


def findings(entry: Entry, found: Evidence) -> list[Finding]:
    """Return what the evidence says of each check of the claim."""
    return [find(check, found) for check in entry.claim.checks]


def write(
    folder: Path, entry: Entry, arms: dict[str, list[str]], seconds: float, environment: dict[str, Any] | None = None
) -> Outcome:
    """Judge the evidence in ``folder`` and write the outcome beside it."""
    judged = findings(entry, collect(entry, folder, arms))
    made = Outcome(
        entry.id, entry.protocol, arms, judge(entry.claim, judged), [_plain(each) for each in judged],
        round(seconds, 1), environment or {},
    )  # fmt: skip
    with replacing(folder / FILE) as temporary:
        temporary.write_text(json.dumps(vars(made), indent=2) + "\n", encoding="utf-8")
    return made


def read(folder: Path) -> Outcome | None:
    """Return the committed outcome of a claim; None without one. Raises UserError where it is damaged."""
    path = folder / FILE
    if not path.exists():
        return None
    try:
        made = typed.build(Outcome, typed.parse(path.read_text(encoding="utf-8")))
        Verdict(made.verdict)
    except (OSError, ValueError) as error:
        message = f"{COMMAND} {folder.name} --publish writes it again"
        raise UserError(f"{path}: is damaged ({' '.join(str(error).split())}); {message}") from error
    return made


def state(entry: Entry, folder: Path) -> State:
    """Return what is known of a claim from what its ``folder`` holds. Raises UserError for damage."""
    outcome = read(folder)
    if outcome is None:
        return State(entry, Verdict.NOT_RUN, findings(entry, Evidence({}, {})))
    found = findings(entry, collect(entry, folder, outcome.arms))
    stale = ""
    if outcome.protocol != entry.protocol:
        stale = "the protocol has changed since"
    elif [_plain(each) for each in found] != outcome.findings or judge(entry.claim, found) != outcome.verdict:
        stale = "the rows have changed since"
    return State(entry, Verdict(outcome.verdict), found, outcome, stale)


def _plain(found: Finding) -> dict[str, Any]:
    return {
        "verdict": str(found.verdict), "why": found.why,
        "numbers": {arm: number.plain() for arm, number in found.numbers.items()},
    }  # fmt: skip
