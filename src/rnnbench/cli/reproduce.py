"""``rnnbench reproduce``: run a committed result again."""

from __future__ import annotations

import sys
from collections import Counter
from contextlib import AbstractContextManager, nullcontext, redirect_stdout
from pathlib import Path

import click

from rnnbench.claims.claim import TIERS, Entry
from rnnbench.claims.outcome import State, findings
from rnnbench.claims.verdict import Verdict, judge
from rnnbench.cli import options
from rnnbench.cli.claims import facts, show_state
from rnnbench.config import CONF
from rnnbench.errors import UserError, check_range
from rnnbench.report.console import print_json, show
from rnnbench.sweep import claims
from rnnbench.sweep.reproduce import Outcome, exit_code, reproduce

STYLES = {"DIFFERS": "red", "not comparable": "yellow"}


@click.command("reproduce")
@click.argument("name", type=options.Name("results_dir"), required=False)
@click.option("--fraction", type=float, default=1.0, show_default=True, help="The share of the runs to repeat.")
@click.option("--any-version", is_flag=True, help="Compare across versions, within the tolerances.")
@click.option("--claim", "claim_id", help="Try a published claim instead: rnnbench claims.")
@click.option("--tier", type=click.Choice(TIERS), multiple=True, help="Try all claims of this cost.")
@click.option("--all", "every", is_flag=True, help="Try all claims.")
@click.option("--reuse", is_flag=True, help="Runs of a claim that are published count as done.")
@click.option("--publish", is_flag=True, help="Write what was found of a claim to RESULTS_DIR/claims.")
@click.option("--jobs", type=int, help="Runs at once; by default one a core.")
@options.runs_dir
@options.results_dir
@options.as_json
def command(
    name: str | None, fraction: float, any_version: bool, claim_id: str | None, tier: tuple[str, ...], every: bool,
    reuse: bool, publish: bool, jobs: int | None, runs_dir: Path, results_dir: Path, as_json: bool,
) -> None:  # fmt: skip
    """Run the committed result NAME again and compare, run by run; or try a published claim.

    Bit for bit on the versions and the kind of machine of RESULTS_DIR/NAME/provenance.json, but for the last bits of
    what the probe measures; else within the tolerances, which are printed; an experiment file may set its own.
    --fraction repeats the runs whose configurations have the smallest hashes. What was interrupted goes on below
    RUNS_DIR/reproduced, with the same code.

    --claim ID, --tier or --all run what is missing below RUNS_DIR/claims and say whether the numbers agree with the
    published ones; --publish commits that.

    Exit code 0: reproduced; 1: something differs or is contradicted, and is named; 2: there is no such result or claim;
    3: versions or data differ, so that a comparison would say nothing, runs failed, or a claim is inconclusive.
    """
    wanted = [name is not None, claim_id is not None, bool(tier), every]
    if sum(wanted) != 1:
        raise UserError("give the NAME of a result, or one of --claim ID, --tier and --all")
    if jobs is not None:
        check_range("--jobs", jobs, at_least=1)
    if name is None:
        entries = [claims.chosen(claim_id)] if claim_id else claims.select(TIERS if every else tier)
        sys.exit(
            _try(entries, runs_dir / claims.PUBLISHED, results_dir / claims.PUBLISHED, reuse, publish, jobs, as_json)
        )
    if reuse or publish:
        raise UserError("--reuse and --publish go with --claim, --tier or --all")
    with _progress(as_json):
        outcome = reproduce(results_dir / name, CONF, runs_dir, fraction, any_version, jobs)
    if as_json:
        print_json({"checks": [check._asdict() for check in outcome.checks], "tolerances": outcome.tolerances})
    else:
        _print_outcome(outcome)
    sys.exit(exit_code(outcome.checks))


def _try(
    entries: list[Entry], runs_dir: Path, results_dir: Path, reuse: bool, publish: bool, jobs: int | None, as_json: bool
) -> int:
    """Try claims one after the other and print what was found; return the exit code."""
    for entry in entries if publish else []:
        claims.check_publishable(entry, results_dir)
    states = []
    for entry in entries:
        with _progress(as_json):
            tried = claims.run(entry, runs_dir, results_dir, reuse, jobs)
            if publish:
                claims.publish(entry, tried, runs_dir, results_dir)
        found = findings(entry, tried.evidence)
        states.append(State(entry, judge(entry.claim, found), found))
        if not as_json:
            show_state(states[-1])
    if as_json:
        print_json([facts(state) for state in states])
    verdicts = {state.verdict for state in states}
    return 1 if Verdict.CONTRADICTED in verdicts else 3 if {Verdict.INCONCLUSIVE, Verdict.NOT_RUN} & verdicts else 0


def _progress(as_json: bool) -> AbstractContextManager[object]:
    """Send what runs say to standard error where standard output is for JSON alone."""
    return redirect_stdout(sys.stderr) if as_json else nullcontext()


def _print_outcome(outcome: Outcome) -> None:
    """Print one line a run, then how many of each verdict, and what another kind of machine was allowed."""
    header = ("run", "reported score", "score now", "verdict", "why")
    show(header, outcome.checks, [STYLES.get(check.verdict) for check in outcome.checks])
    counts = Counter(check.verdict for check in outcome.checks)
    print(", ".join(f"{count} {verdict}" for verdict, count in counts.items()))
    if outcome.tolerances:
        print(f"Some rows are of another kind of machine or other versions. They may be off by: {outcome.tolerances}.")
