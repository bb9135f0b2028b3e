"""Tries published claims: from a claim's arms to runs or measurements, and to what is committed of them."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from rnnbench.claims import evidence, outcome
from rnnbench.claims.claim import COMMAND, FOLDER, TIERS, Entry, read_all
from rnnbench.claims.evidence import Evidence
from rnnbench.claims.outcome import Outcome
from rnnbench.config import CONF
from rnnbench.errors import RunsFailedError, UserError, check_choice, unknown
from rnnbench.laws import LAWS
from rnnbench.outcomes import result
from rnnbench.outcomes.gather import gather, with_published
from rnnbench.report import claims as pages
from rnnbench.report.overview import check_page
from rnnbench.store import provenance
from rnnbench.store.folder import PAGE, check_replaceable, replacing_folder
from rnnbench.sweep.compose import Plan, plan
from rnnbench.sweep.run_states import add_to_plan
from rnnbench.sweep.scheduler import Options, run_all

PUBLISHED = "claims"
"""The folder of all published claims, among the results; and that of their runs."""
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

    @property
    def all_runs(self) -> list[str]:
        return [run_id for own in self.run_ids.values() for run_id in own]


def run(entry: Entry, runs_dir: Path, results_dir: Path, reuse: bool = False, jobs: int | None = None) -> Tried:
    """Run what is missing of a claim below ``runs_dir``, or measure its law.

    ``reuse`` counts what is published below ``results_dir`` as done. Raises RunsFailedError where a run failed.
    """
    if entry.claim.law is not None:
        check_choice("law", entry.claim.law, LAWS)
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
    print(f"{entry.id}: {len(configs)} runs to {folder}; each says here how it ended", flush=True)
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


def check_publishable(entry: Entry, results_dir: Path) -> None:
    """Raise UserError where ``publish`` would replace what was not generated."""
    check_page(results_dir)
    check_replaceable(results_dir / entry.id)


def publish(entry: Entry, tried: Tried, runs_dir: Path, results_dir: Path) -> Outcome:
    """Write ``results_dir/ID``, to be committed, and the pages of all claims beside it.

    The rows are merged with what is published. Raises UserError where rows contradict each other or files are damaged.
    """
    check_publishable(entry, results_dir)
    target = results_dir / entry.id
    law = entry.claim.law is not None
    found = None if law else with_published(entry.id, [runs_dir / entry.id], target, only=tried.all_runs)
    with replacing_folder(target, {*result.FILES, evidence.MEASUREMENTS, outcome.FILE, pages.FIGURE, PAGE}) as new:
        if found is None:
            evidence.write_measurements(new, evidence.table(tried.measured))
        else:
            result.write(new, found)
        here = provenance.code() if law else None
        made = outcome.write(new, entry, tried.run_ids, tried.seconds, here)
        pages.write_page(new, outcome.state(entry, new))
    pages.write_overview(results_dir, list(known().values()))
    return made


def render_again(results_dir: Path) -> None:
    """Write the pages of all claims again, from what is published below ``results_dir``."""
    for state in pages.write_overview(results_dir, list(known().values())):
        if state.outcome is not None:
            pages.write_page(results_dir / state.entry.id, state)


def select(tiers: Sequence[str]) -> list[Entry]:
    """Return the claims of the tiers, the cheapest first."""
    found = known().values()
    return [each for tier in TIERS if tier in tiers for each in found if each.claim.tier == tier]
