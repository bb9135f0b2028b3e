"""The pages of published claims: one of each beside its rows, and one of all, "What the literature says"."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rnnbench.claims import outcome
from rnnbench.claims.claim import COMMAND, Claim, Entry
from rnnbench.claims.outcome import State
from rnnbench.claims.verdict import EVIDENCE, Number, Verdict
from rnnbench.report.charts import theme
from rnnbench.report.overview import check_page
from rnnbench.report.templates import template
from rnnbench.store.files import replacing
from rnnbench.store.folder import MARK, PAGE, writing

CORES = 2
"""That the estimated minutes are of: so many runs go on at once."""
INTERACTIVE = "claims.html"
FIGURE = "figure.svg"
HEADER = ("what is said", "published", "found", "verdict", "why")
LIST = ("claim", "verdict", "published", "found", "seeds", "seconds", "cells", "tasks", "what it says")


def shown(number: Number) -> str:
    """Return a number with its interval in a few characters."""
    value, low, high = ("never" if math.isinf(each) else f"{each:.3g}" for each in number[:3])
    return value if low == high == value else f"{value} [{low}, {high}]"


def checks(state: State) -> list[list[str]]:
    """Return a row for each check, in the order of HEADER."""
    return [
        [
            check.says,
            "" if check.published is None else f"{check.published:g} ({check.evidence}, {check.where})",
            ", ".join(f"{arm} {shown(each)}" for arm, each in found.numbers.items()),
            str(found.verdict),
            found.why,
        ]
        for check, found in zip(state.entry.claim.checks, state.findings, strict=True)
    ]


def row(state: State) -> list[str]:
    """Return what there is to say of a claim in a line, in the order of LIST."""
    claim = state.entry.claim
    published = [f"{check.published:g}" for check in claim.checks if check.published is not None]
    numbers = [shown(each) for found in state.findings for each in found.numbers.values()]
    return [
        state.entry.id, verdict(state), ", ".join(dict.fromkeys(published)), ", ".join(dict.fromkeys(numbers)),
        str(len(claim.seeds)), cost(state), ", ".join(claim.cells),
        ", ".join(claim.tasks), claim.title,
    ]  # fmt: skip


def cost(state: State) -> str:
    """Return the seconds of all runs of a claim, or their estimate; empty where nobody knows."""
    claim = state.entry.claim
    if state.outcome is not None:
        return f"{state.outcome.seconds:.0f}"
    return f"about {60 * claim.minutes * (1 if claim.law else CORES):.0f}" if claim.minutes else ""


def verdict(state: State) -> str:
    """Return the verdict, and why it does not hold any more."""
    return f"{state.verdict} (stale: {state.stale})" if state.stale else str(state.verdict)


def limits(claim: Claim) -> list[str]:
    """Return why the protocol contradicts nothing."""
    named = {"smaller than published": claim.scaled, "may decide": claim.departs}
    return [f"{name}: {text}" for name, text in named.items() if text]


def figure(state: State) -> str | None:
    """Return the picture of a claim; None where there are no numbers."""
    from rnnbench.report.charts import chart, claims  # Altair takes a second to load

    drawn = claims.claim(state.entry.claim, state.findings)
    if drawn is None:
        return None
    numbers = "; ".join(f"{line[0]}: {line[1]} {line[3]}" for line in drawn.rows)
    return chart.svg(drawn, state.entry.id, f"{state.entry.claim.title}. {numbers}")


def write_page(folder: Path, state: State) -> None:
    """Write the page of one claim, and its picture, into a folder."""
    picture = figure(state)
    if picture is not None:
        (folder / FIGURE).write_text(picture, encoding="utf-8")
    text = template("claim.md").render(_facts(state) | {"mark": MARK, "picture": FIGURE if picture else None})
    (folder / PAGE).write_text(text, encoding="utf-8")


def write_overview(results_dir: Path, claims: Sequence[Entry]) -> list[State]:
    """Write the pages of all claims to ``results_dir``: README.md and claims.html. Raises UserError for damage."""
    check_page(results_dir)
    order = [Verdict.CONTRADICTED, Verdict.REPRODUCED, Verdict.SCALED, Verdict.INCONCLUSIVE, Verdict.NOT_RUN]
    states = [outcome.state(entry, results_dir / entry.id) for entry in claims]
    states.sort(key=lambda state: order.index(state.verdict))
    found = [_facts(state) | {"picture": figure(state)} for state in states]
    counts = {each: sum(state.verdict == each for state in states) for each in Verdict}
    shared = {
        "claims": found, "mark": MARK, "counts": counts,
        "evidence": EVIDENCE, "figure": FIGURE, "verdicts": [each for each in Verdict if counts[each]],
        "cells": sorted({each for state in states for each in state.entry.claim.cells}),
        "tasks": sorted({each for state in states for each in state.entry.claim.tasks}), "inks": theme.inks(),
    }  # fmt: skip
    results_dir.mkdir(parents=True, exist_ok=True)
    for file, name in ((PAGE, "claims.md"), (INTERACTIVE, "claims.html")):
        with writing(results_dir / file), replacing(results_dir / file) as temporary:
            temporary.write_text(template(name).render(shared), encoding="utf-8")
    return states


def _facts(state: State) -> dict[str, Any]:
    return {
        "id": state.entry.id, "claim": state.entry.claim, "verdict": state.verdict, "stale": state.stale,
        "outcome": state.outcome, "cost": cost(state), "limits": limits(state.entry.claim), "checks_header": HEADER,
        "checks": checks(state),
        "command": f"{COMMAND} {state.entry.id}",
    }  # fmt: skip
