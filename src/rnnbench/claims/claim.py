"""A published claim as data: what was said and where, how it is tried here, and by which rules it is judged."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import yaml

from rnnbench.claims.evidence import VALUE
from rnnbench.claims.verdict import EVIDENCE, RULES
from rnnbench.errors import UserError, unknown
from rnnbench.store import typed

FOLDER = "claim"
"""The group of configurations that holds the claims, one file each."""
COMMAND = "rnnbench reproduce --claim"
"""What tries a claim, before its id; the rows record it."""
TIERS = ("exact", "seconds", "minutes", "hours")
"""What trying a claim costs on two cores; ``exact`` trains nothing."""
NOT_THE_PROTOCOL = ("title", "differences", "notes", "minutes", "tier", "cells", "tasks", "paper", "link")
"""Words about a claim, which a verdict does not depend on."""


@dataclass(frozen=True, kw_only=True)
class Check:
    """One statement of a claim, as a rule over the numbers of its arms."""

    says: str
    """The statement in words."""
    rule: str
    """Of ``verdict.RULES``."""
    evidence: str
    """How the published statement was read: of ``verdict.EVIDENCE``."""
    where: str
    """Where in the source it stands, such as Tab. 1."""
    arms: list[str]
    """Whose numbers; for the rule ``increasing`` in that order. Those of a law are its quantities."""
    measure: str = VALUE
    """``solved`` (0 or 1), ``steps_to_solve``, or another column of runs.csv; a law has the value alone."""
    published: float | None = None
    tolerance: float | None = None
    """By how much a number may be off, in its own unit."""
    factor: float | None = None
    """Or by which factor."""


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A claim of the literature. Times in minutes of two cores."""

    title: str
    """The claim in a sentence."""
    paper: str
    link: str
    tier: str
    cells: list[str]
    tasks: list[str]
    checks: list[Check]
    seeds: list[int] = field(default_factory=lambda: [0, 1, 2])
    law: str | None = None
    """What is measured without a training, a name of ``rnnbench.laws``."""
    arms: dict[str, list[str]] = field(default_factory=dict)
    """The overrides of each setting that is trained, added to those of the file itself."""
    scaled: str | None = None
    """How this protocol is smaller than the published one: then orders are judged, and no values."""
    departs: str | None = None
    """Where this protocol departs from the source, or guesses, in what may decide: then nothing is contradicted."""
    differences: list[str] = field(default_factory=list)
    """Where the protocol differs from the published one, or had to choose what is not stated."""
    notes: str = ""
    """What was found on the way, such as with neighbouring settings."""
    minutes: float | None = None
    """What the runs are estimated to cost."""


@dataclass(frozen=True)
class Entry:
    """A claim, its id, and the file that states it."""

    id: str
    claim: Claim
    file: Path
    protocol: str
    """The sha256 of all in the file that a verdict depends on."""


def read(file: Path) -> Entry:
    """Return the claim that a file states. Raises UserError, which names the file, for what is no claim."""
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
        values = typed.parse(json.dumps(content)).get(FOLDER)  # JSON: YAML has more types
        typed.check(values, Claim)
        _refuse_unknown(values, Claim)
        for each in values["checks"]:
            _refuse_unknown(each, Check)
        claim = Claim(**values | {"checks": [Check(**each) for each in values["checks"]]})
        _validate(claim)
    except (OSError, ValueError, TypeError, AttributeError, yaml.YAMLError) as error:
        raise UserError(f"{file}: is no claim ({' '.join(str(error).split())}); correct it") from error
    judged = {key: value for key, value in values.items() if key not in NOT_THE_PROTOCOL}
    protocol = hashlib.sha256(json.dumps(content | {FOLDER: judged}, sort_keys=True).encode()).hexdigest()
    return Entry(file.stem, claim, file, protocol)


def _refuse_unknown(values: dict[str, Any], kind: type) -> None:
    known = [each.name for each in fields(kind)]
    stray = next((key for key in values if key not in known), None)
    if stray is not None:
        raise ValueError(str(unknown("key", stray, known)))


def _validate(claim: Claim) -> None:
    """Raise ValueError where a claim contradicts itself or says too little to be judged."""
    if claim.tier not in TIERS:
        raise ValueError(str(unknown("tier", claim.tier, TIERS)))
    if (claim.law is None) == (not claim.arms):
        raise ValueError("give arms to train, or the law to measure, and not both")
    if len(set(claim.seeds)) < len(claim.seeds) or not claim.seeds:
        raise ValueError(f"seeds {claim.seeds}: name each seed once")
    if not claim.checks:
        raise ValueError("it has no checks")
    for check in claim.checks:
        try:
            _validate_check(check, claim)
        except ValueError as error:
            raise ValueError(f"the check '{check.says}': {error}") from error


def _validate_check(check: Check, claim: Claim) -> None:
    if check.rule not in RULES:
        raise ValueError(str(unknown("rule", check.rule, RULES)))
    if check.evidence not in EVIDENCE:
        raise ValueError(str(unknown("evidence", check.evidence, EVIDENCE)))
    for arm in check.arms if claim.arms else []:
        if arm not in claim.arms:
            raise ValueError(str(unknown("arm", arm, claim.arms)))
    if not check.arms:
        raise ValueError("it names no arm")
    if (check.measure == VALUE) == bool(claim.arms):
        raise ValueError("give the measure of its runs" if claim.arms else "a law has no measure")
    if check.rule == "increasing":
        if len(check.arms) < 2:
            raise ValueError("increasing needs two arms or more")
    elif check.published is None:
        raise ValueError(f"{check.rule} needs the published number")
    if check.rule == "close":
        if (check.tolerance is None) == (check.factor is None):
            raise ValueError("close needs a tolerance or a factor")
        if claim.scaled is not None:
            raise ValueError("close compares values, and the protocol is scaled: judge an order")


def read_all(folders: Iterable[Path]) -> dict[str, Entry]:
    """Return the claims in the group ``claim`` of folders of configurations, by id; an earlier folder hides a later."""
    found: dict[str, Entry] = {}
    for folder in folders:
        for file in sorted((folder / FOLDER).glob("*.yaml")):
            found.setdefault(file.stem, read(file))
    return found
