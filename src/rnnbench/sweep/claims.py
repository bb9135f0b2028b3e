"""Tries published claims: from a claim's arms to runs or measurements, and to what is committed of them."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from rnnbench.claims import evidence, outcome
from rnnbench.claims.claim import FOLDER, TIERS, Entry, read_all
from rnnbench.claims.evidence import Evidence
from rnnbench.claims.outcome import Outcome
from rnnbench.config import CONF
from rnnbench.errors import RunsFailedError, UserError, unknown
from rnnbench.laws import LAWS
from rnnbench.outcomes.gather import gather
from rnnbench.outcomes.provenance import Environment
from rnnbench.report import merge_published
from rnnbench.store import provenance
from rnnbench.sweep.compose import Plan, plan
from rnnbench.sweep.run_states import add_to_plan
from rnnbench.sweep.scheduler import Options, run_all

COMMAND = "rnnbench reproduce --claim"
"""What the rows of a claim record, before its id."""
OWN = Path("conf")
"""The folder of a user's own claims, below the current folder."""


def known() -> dict[str, Entry]:
    """Return all claims by id, a user's own first."""
    return read_all(dict.fromkeys(folder.resolve() for folder in (OWN, CONF)))


def chosen(claim_id: str) -> Entry:
    """Return a claim. Raises UserError for an unknown id."""
    claims = known()
    if claim_id not in claims:
        raise unknown("claim", claim_id, claims)
    return claims[claim_id]


def plans(entry: Entry) -> dict[str, Plan]:
    """Return the runs of each arm, as Hydra composes them. Raises UserError for a mistake."""
    root = entry.file.parents[1]
    own = [] if root == CONF.resolve() else [f'hydra.searchpath=["file://{root}"]']
    seeds = f"seed={','.join(map(str, entry.claim.seeds))}"
    found = {}
    for arm, overrides in entry.claim.arms.items():
        try:
            found[arm] = plan(CONF, [f"{FOLDER}={entry.id}", f"name={entry.id}", *overrides, seeds, *own])
        except UserError as error:
            raise UserError(f"{entry.file}: the arm {arm}: {error}") from error
    return found


def planned(entry: Entry) -> Plan:
    """Return the runs of all arms."""
    found = list(plans(entry).values())
    return Plan(found[0].protocol, {}, {run_id: job for each in found for run_id, job in each.candidates.items()})


class Tried(NamedTuple):
    """What was run, or measured, of a claim."""

    evidence: Evidence
    run_ids: dict[str, list[str]]
    """Of each arm."""
    measured: dict[int, dict[str, float]]
    """By seed; of a law."""
    seconds: float


def run(entry: Entry, runs_dir: Path, results_dir: Path, reuse: bool = False, jobs: int | None = None) -> Tried:
    """Run what is missing of a claim below ``runs_dir``, or measure its law.

    ``reuse`` counts what is published below ``results_dir`` as done. Raises RunsFailedError where a run failed.
    """
    if entry.claim.law is not None:
        return _measure(entry, entry.claim.law)
    folder, published = runs_dir / entry.id, results_dir / entry.id
    reuse = reuse and published.exists()
    found = plans(entry)
    configs = {
        run_id: replace(job.config, runs_dir=str(runs_dir), results_dir=str(results_dir), reuse=reuse)
        for each in found.values()
        for run_id, job in each.candidates.items()
    }
    os.environ[provenance.COMMAND] = f"{COMMAND} {entry.id}"
    folder.mkdir(parents=True, exist_ok=True)
    add_to_plan(folder, configs, published if reuse else None)
    states = run_all(list(configs.values()), Options(jobs))
    if not all(each.complete for each in states):
        raise RunsFailedError(f"{entry.id}: some runs failed; the same command goes on")
    run_ids = {arm: list(each.candidates) for arm, each in found.items()}
    seen = evidence.of_runs(gather(folder).runs, run_ids)
    return Tried(seen, run_ids, {}, seen.seconds)


def _measure(entry: Entry, law: str) -> Tried:
    began = time.perf_counter()
    measured = {seed: LAWS[law](seed) for seed in entry.claim.seeds}
    return Tried(evidence.of_measurements(evidence.table(measured)), {}, measured, time.perf_counter() - began)


def publish(entry: Entry, tried: Tried, runs_dir: Path, results_dir: Path) -> Outcome:
    """Write ``results_dir/ID``, to be committed: the rows, merged with what is published, and the outcome."""
    target = results_dir / entry.id
    if entry.claim.law is None:
        merge_published(entry.id, [runs_dir / entry.id], results_dir)
        return outcome.write(target, entry, tried.run_ids, tried.seconds)
    target.mkdir(parents=True, exist_ok=True)
    evidence.write_measurements(target, evidence.table(tried.measured))
    here = Environment(versions=provenance.versions(), machine=provenance.machine())
    return outcome.write(target, entry, {}, tried.seconds, here)


def select(tiers: Sequence[str]) -> list[Entry]:
    """Return the claims of the tiers, the cheapest first."""
    found = known().values()
    return [each for tier in TIERS if tier in tiers for each in found if each.claim.tier == tier]
