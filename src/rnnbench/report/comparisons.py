"""Tables across settings: their scores over all tasks, and which differences exceed the variation between seeds."""

from __future__ import annotations

from itertools import combinations
from statistics import fmean
from typing import NamedTuple

from rnnbench.outcomes.problems import words
from rnnbench.outcomes.settings import Setting, by_problem
from rnnbench.report.tables import Table, estimate, share
from rnnbench.statistics import (
    LEVEL,
    bootstrap_interval,
    effect_size,
    holm,
    permutation_p,
    probability_of_improvement,
    seeds_needed,
    smallest_p,
    wilson_interval,
)

MOST = 50  # rows; more would not be read


def pooled(settings: list[Setting]) -> Table | None:
    """Return each combination of the other factors over all problems, best first.

    None for one problem, or where no combination ran on all.
    """
    problems = by_problem(settings)
    if len(problems) < 2:
        return None
    groups: dict[str, list[Setting]] = {}
    for setting in settings:
        groups.setdefault(setting.name, []).append(setting)
    ranked, missing = [], []
    for label, group in groups.items():
        strata = [setting.scores for setting in group]
        if len(strata) < len(problems):
            missing.append(label)
            continue
        values = [bootstrap_interval(strata, statistic) for statistic in ("iqm", "mean", "median")]
        known = [setting for setting in group if setting.solvable]
        solved = wilson_interval(sum(len(s.solved) for s in known), sum(len(s.runs) for s in known)) if known else None
        ranked.append((values[0].value, [label, str(values[0].n), *map(estimate, values), share(solved)]))
    if not ranked:
        return None
    note = (
        f"Scores of all runs on {'; '.join(problem.title for problem in problems)} together. IQM, the interquartile "
        "mean, leaves out the lowest and the highest quarter of them. Intervals are 95 % bootstrap intervals that draw "
        "the seeds again within each task and length; with few seeds they are too narrow. Solved: of all runs on tasks "
        "that have a threshold, with Wilson's interval."
    )
    if missing:
        note += f" Left out, without a run on each of them: {'; '.join(missing)}."
    rows = [row for _, row in sorted(ranked, key=lambda pair: -pair[0])]
    title = (
        "All tasks together"
        if len({each.task for each in problems}) == len(problems)
        else "All tasks and lengths together"
    )
    return Table(title, ["setting", "runs", "IQM", "mean", "median", "solved"], rows, note)


class Pair(NamedTuple):
    """Two settings of a task; ``a`` has the better mean score."""

    a: Setting
    b: Setting
    difference: float
    """Of the mean scores."""


def comparisons(settings: list[Setting]) -> list[Table]:
    """Return for each factor the pairs of settings of a task that differ in nothing else; both sides have two scores.

    Where seeds are too few for any p of a factor to be small after Holm's correction, a note says so in place of rows.
    """
    families: dict[str, list[Pair]] = {}
    for a, b in combinations(settings, 2):
        differing = _factors(a, b)
        if a.task == b.task and len(differing) == 1 and min(len(a.scores), len(b.scores)) >= 2:
            families.setdefault(_root(differing[0], a), []).append(_pair(a, b))
    return [_family(factor, pairs) for factor, pairs in families.items()]


def _family(factor: str, pairs: list[Pair]) -> Table:
    """Return the table of the pairs that answer one question, corrected together."""
    title = f"Comparisons by {factor}"
    sizes = sorted({tuple(sorted((len(a.scores), len(b.scores)))) for a, b, _ in pairs})
    lowest = min(1.0, len(pairs) * min(smallest_p(n, m) for n, m in sizes))
    if lowest > LEVEL:
        return Table(title, [], [], _too_few(len(pairs), lowest))
    p_values = [permutation_p(a.scores, b.scores) for a, b, _ in pairs]
    # Over all that were tested: to correct over the largest differences alone would ignore that they were picked.
    rows, choice = list(zip(pairs, p_values, holm(p_values), strict=True)), ""
    if len(rows) > MOST:
        choice = f" Of {len(rows)} pairs the {MOST} with the largest difference are shown."
        rows = sorted(rows, key=lambda row: -row[0].difference)[:MOST]
    smallest = ", ".join(f"{smallest_p(n, m):.2g} for {n} against {m}" for n, m in sizes)
    note = (
        "Scores of all runs; the unit is the seed, n counts them. P(A > B): how often a run of A beats one of B, "
        "a tie counting half; its 95 % bootstrap interval is too narrow with few seeds, and has no width where all "
        "runs of A beat all of B. Hedges' g: the difference of means in standard deviations. p: two-sided permutation "
        f"test of the difference of means. Few seeds cannot give a small p: the smallest possible is {smallest}. A p "
        f"above .05 is therefore no sign that two settings are equal. Holm: corrected over the {len(pairs)} pairs of "
        f"this table, which cannot give less than {lowest:.2g}.{choice}{_shared_tests(pairs)}"
    )
    texts = [_row(*row) for row in rows]
    shared = [text[0] for text in texts]
    return Table(title, HEADER, sorted(texts, key=lambda text: shared.index(text[0])), note)


def _too_few(pairs: int, lowest: float) -> str:
    count, them = ("There is 1 pair", "it") if pairs == 1 else (f"There are {pairs} pairs", "them")
    return (
        f"{count} of settings to compare, and with these seeds the smallest possible p after Holm's correction is "
        f"{lowest:.2g}: no difference between {them} could be told from luck of the seed. Such a comparison needs "
        f"{seeds_needed(pairs)} seeds of each setting."
    )


def _shared_tests(pairs: list[Pair]) -> str:
    """Return a note that p does not cover a test set that all runs of a task share; empty where it is large enough."""
    tests: dict[tuple[str, int], list[float]] = {}
    for setting in (side for pair in pairs for side in (pair.a, pair.b)):
        if (error := setting.test_error) is not None:
            tests.setdefault((setting.task, setting.known("test_sequences")), []).append(error)
    return "".join(
        f" All runs on {task} are tested on the same {count} sequences, on which one accuracy has a binomial standard "
        f"deviation of up to {max(errors):.3f}: p and intervals speak of other seeds, not of other test data."
        for (task, count), errors in tests.items()
    )


HEADER = [
    "compared on",
    "A",
    "B",
    "difference of mean score (A - B)",
    "P(A > B)",
    "Hedges' g",
    "p (permutation)",
    "p (Holm)",
]


def _pair(a: Setting, b: Setting) -> Pair:
    difference = fmean(a.scores) - fmean(b.scores)
    return Pair(a, b, difference) if difference >= 0 else Pair(b, a, -difference)


def _row(pair: Pair, p: float | None, corrected: float | None) -> list[str]:
    a, b, difference = pair
    shared = {key: value for key, value in a.factors.items() if key != "task" and b.factors[key] == value}
    g = effect_size(a.scores, b.scores)
    return [
        ", ".join(filter(None, (a.task, words(shared)))),
        _side(a, b),
        _side(b, a),
        f"{difference:.3f}",
        estimate(probability_of_improvement([a.scores], [b.scores])),
        "–" if g is None else f"{g:.2f}",
        "–" if p is None else f"{p:.2g}",
        "–" if corrected is None else f"{corrected:.2g}",
    ]


def _side(setting: Setting, other: Setting) -> str:
    """Return the factors that only one side has: "norm, threshold 1 (n = 5)"."""
    chosen = _factors(setting, other)
    own = {k: v for k, v in setting.factors.items() if other.factors[k] != v and (v is not None or k in chosen)}
    return f"{words(own)} (n = {len(setting.scores)})"


def _root(factor: str, setting: Setting) -> str:
    """Return the factor that another one is an option of: ``clip`` for ``clip.threshold`` where both vary."""
    return next(key for key in setting.factors if key != "task" and (factor == key or factor.startswith(f"{key}.")))


def _factors(a: Setting, b: Setting) -> list[str]:
    """Return the factors that two settings choose differently; a missing clip.threshold of clip=none does not count."""
    differing = [key for key, value in a.factors.items() if value != b.factors[key]]
    return [
        key
        for key in differing
        if None not in (a.factors[key], b.factors[key]) or not any(key.startswith(f"{other}.") for other in differing)
    ]
