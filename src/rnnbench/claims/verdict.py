"""From numbers to a verdict, by the rule of each check.

``reproduced``: our interval meets what was published, within the tolerance. ``contradicted``: it excludes it.
``inconclusive``: it does neither, or there are fewer than ``SEEDS`` seeds, or a run diverged or failed: that is no
confirmation. A smaller protocol than the published one can agree (``scaled``), but contradicts nothing; nor does one
that departs from it in what may decide (``departs``).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from enum import StrEnum
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from rnnbench.statistics import median_rank

if TYPE_CHECKING:
    from rnnbench.claims.claim import Check, Claim
    from rnnbench.claims.evidence import Evidence

SEEDS = 3
"""The fewest for a verdict."""
EVIDENCE = {
    "text": "read in the paper",
    "code": "read in the authors' code or logs",
    "figure": "read by eye from a figure, about 10 %",
    "calc": "computed from the paper's formula",
}


class Verdict(StrEnum):
    """What our numbers say of a claim."""

    REPRODUCED = "reproduced"
    SCALED = "scaled"
    """The order holds in a smaller protocol than the published one."""
    CONTRADICTED = "contradicted"
    INCONCLUSIVE = "inconclusive"
    NOT_RUN = "not run"


class Number(NamedTuple):
    """The median over ``n`` seeds and its interval; infinite where a run was not solved within its steps."""

    value: float
    low: float
    high: float
    n: int

    def plain(self) -> dict[str, float | None]:
        """Return the number as JSON has it: None for what is infinite."""
        return {key: value if math.isfinite(value) else None for key, value in self._asdict().items()}


class Finding(NamedTuple):
    """The verdict of one check, and why in a few words; the numbers are by arm, in the order of the check."""

    verdict: Verdict
    why: str
    numbers: dict[str, Number]


def number(values: Sequence[float]) -> Number:
    """Return the median and the interval between two order statistics (``statistics.median_interval``)."""
    array = np.sort(np.array(values, float))
    rank = median_rank(len(array))
    return Number(float(np.median(array)), float(array[rank - 1]), float(array[-rank]), len(array))


def agreeing(check: Check) -> tuple[float, float]:
    """Return the least and the largest number that agree with the published one; a bound is open on one side."""
    assert check.published is not None
    off = check.tolerance or 0.0
    low, high = check.published - off, check.published + off
    if check.factor is not None:
        low, high = check.published / check.factor, check.published * check.factor
    return -math.inf if check.rule == "at_most" else low, math.inf if check.rule == "at_least" else high


def _close(found: list[Number], check: Check) -> tuple[Verdict, str]:
    """Every interval meets the published number, within the tolerance or the factor."""
    low, high = agreeing(check)
    meets = all(each.high >= low and each.low <= high for each in found)
    return Verdict.REPRODUCED if meets else Verdict.CONTRADICTED, f"between {low:.4g} and {high:.4g}"


def _at_least(found: list[Number], check: Check) -> tuple[Verdict, str]:
    """Every interval lies at or above the published number, less the tolerance."""
    least, _ = agreeing(check)
    return _bounded([each.low >= least for each in found], [each.high < least for each in found]), f"at least {least:g}"


def _at_most(found: list[Number], check: Check) -> tuple[Verdict, str]:
    """Every interval lies at or below the published number, plus the tolerance."""
    _, most = agreeing(check)
    return _bounded([each.high <= most for each in found], [each.low > most for each in found]), f"at most {most:g}"


def _increasing(found: list[Number], check: Check) -> tuple[Verdict, str]:
    """The interval of each arm lies below that of the next."""
    pairs = list(pairwise(found))
    verdict = _bounded([a.high < b.low for a, b in pairs], [a.low > b.high for a, b in pairs])
    return verdict, "each below the next"


def _bounded(holds: list[bool], fails: list[bool]) -> Verdict:
    return Verdict.CONTRADICTED if any(fails) else Verdict.REPRODUCED if all(holds) else Verdict.INCONCLUSIVE


RULES: dict[str, Callable[[list[Number], Check], tuple[Verdict, str]]] = {
    "close": _close, "at_least": _at_least, "at_most": _at_most, "increasing": _increasing,
}  # fmt: skip


def find(check: Check, evidence: Evidence) -> Finding:
    """Return what the numbers say of one check."""
    values = {arm: evidence.numbers(arm, check.measure) for arm in check.arms}
    numbers = {arm: number(each) for arm, each in values.items() if each}
    lacking = [arm for arm in check.arms if arm not in numbers]
    if lacking:
        return Finding(Verdict.NOT_RUN, f"no numbers of {', '.join(lacking)}", numbers)
    lost = {arm: evidence.lost[arm] for arm in check.arms if evidence.lost.get(arm)}
    few = [f"{arm}: {each.n}" for arm, each in numbers.items() if each.n < SEEDS]
    verdict, why = RULES[check.rule](list(numbers.values()), check)
    if lost:
        return Finding(Verdict.INCONCLUSIVE, "; ".join(f"{arm}: {each}" for arm, each in lost.items()), numbers)
    if few:
        return Finding(Verdict.INCONCLUSIVE, f"fewer than {SEEDS} seeds ({', '.join(few)})", numbers)
    return Finding(verdict, why, numbers)


def judge(claim: Claim, findings: Sequence[Finding]) -> Verdict:
    """Return the verdict of a claim: that of its weakest check."""
    found = {each.verdict for each in findings}
    if found == {Verdict.NOT_RUN}:
        return Verdict.NOT_RUN
    if Verdict.CONTRADICTED in found:
        return Verdict.INCONCLUSIVE if claim.scaled or claim.departs else Verdict.CONTRADICTED
    if found == {Verdict.REPRODUCED}:
        return Verdict.SCALED if claim.scaled else Verdict.REPRODUCED
    return Verdict.INCONCLUSIVE
