"""What was seen on each problem, in a sentence: within which steps, by how many runs, and against which references."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from statistics import median

from rnnbench.outcomes.problems import Problem
from rnnbench.outcomes.settings import Setting
from rnnbench.report.tables import number

LISTED = 4  # settings that a sentence names one by one
FIRST = 3  # of more
ORDERS = range(1, 5)  # of the count models that are named; order 0 knows no character


def title(problem: Problem, group: Sequence[Setting]) -> str:
    """Return the problem and the step budget of the runs on it: "adding, T = 100, at most 3000 steps"."""
    budgets = sorted({known for setting in group if (known := setting.known("trainer.max_steps"))})
    if not budgets:
        return problem.title
    most = f"{budgets[0]}" if len(budgets) == 1 else f"{budgets[0]} to {budgets[-1]}"
    return f"{problem.title}, at most {most} steps"


def ranked(group: Sequence[Setting]) -> list[Setting]:
    """Return settings of one problem, the best first: by time to solve where it can be solved, else by score."""
    return sorted(group, key=lambda setting: setting.rank)


def answer(problem: Problem, group: Sequence[Setting]) -> str:
    """Return one sentence of what was seen on a problem, from best to worst."""
    best, rest = named(group)
    if not best[0].solvable:
        words = "median score " + ", ".join(f"{setting.name} {setting.score.value:.2f}" for setting in best)
        if rest:
            words += f", the other {len(rest)} at most {rest[0].score.value:.2f}"
    elif not any(setting.solved for setting in group):
        words = f"no run solved it; the highest median score is {best[0].score.value:.2f}, of {best[0].name}"
    elif not rest:
        words = "solved by " + ", ".join(f"{setting.name} in {solved(setting)}" for setting in best)
    else:
        words = _many(ranked(group))
    return f"{title(problem, group)}: {'; '.join(filter(None, (words, against_count_models(group))))}."


def _many(group: list[Setting]) -> str:
    """Return who solved a problem in every run, in some and in none, for too many settings to name."""
    every = [setting for setting in group if len(setting.solved) == len(setting.runs)]
    some = [setting for setting in group if 0 < len(setting.solved) < len(setting.runs)]
    none = [setting for setting in group if not setting.solved]
    parts = []
    if every:
        first, last = ((s.name, number(s.median_steps_to_solve)) for s in (every[0], every[-1]))
        ends = f"{first[0]} first (median step {first[1]})"
        if len(every) > 1:
            ends += f", {last[0]} last ({last[1]})"
        parts.append(f"solved in every run by {len(every)} of {len(group)} settings, {ends}")
    if some:
        parts.append("in some by " + ", ".join(f"{s.name}, {solved(s)}" for s in some[:LISTED]) + _more(some))
    if none:
        parts.append("in none by " + ", ".join(s.name for s in none[:LISTED]) + _more(none))
    return "; ".join(parts)


def _more(group: list[Setting]) -> str:
    return f" and {len(group) - LISTED} more" if len(group) > LISTED else ""


def named(group: Sequence[Setting]) -> tuple[list[Setting], list[Setting]]:
    """Return the settings of a problem that a sentence names, the best first, and the others."""
    ordered = ranked(group)
    cut = len(ordered) if len(ordered) <= LISTED else FIRST
    return ordered[:cut], ordered[cut:]


def solved(setting: Setting) -> str:
    """Return how many runs solved the task, and when: "5 of 5 (median step 300)"."""
    steps = setting.median_steps_to_solve
    return f"{len(setting.solved)} of {len(setting.runs)}" + (
        "" if steps is None else f" (median step {number(steps)})"
    )


def count_models(group: Sequence[Setting]) -> dict[int, float]:
    """Return the test loss of count models of the text that a problem is about, in bits per character, by order."""
    known = {order: next((bits for s in group if (bits := s.known(f"order_{order}_bits"))), None) for order in ORDERS}
    return {order: bits for order, bits in known.items() if bits is not None}


def count_line(problem: Problem, group: Sequence[Setting]) -> str:
    """Return the count models of a text as a line below a table; empty where the problem has none."""
    models = ", ".join(f"order {order} {bits:.2f}" for order, bits in count_models(group).items())
    return models and f"{problem.title}: count models of the same text: {models} bits per character."


def against_count_models(group: Sequence[Setting]) -> str:
    """Return how the best setting on a text compares with the best count model, in words; empty where none is known.

    A run without a test metric, because it diverged or failed, is worse than any model.
    """
    models = count_models(group)
    if not models:
        return ""
    order = min(models, key=models.__getitem__)
    text = f"order-{order} count model ({models[order]:.3f} bits)"
    bits = [[inf if (found := run.get("test_metric")) is None else found for run in s.runs] for s in group]
    best = min(range(len(group)), key=lambda index: median(bits[index]))
    reached, name = median(bits[best]), group[best].name
    if reached == inf:
        return f"no better than an {text}"
    if reached >= models[order]:
        return f"{name}, with {reached:.3f} bits, is no better than an {text}"
    runs = "in every run" if max(bits[best]) < models[order] else "in the median but not in every run"
    return f"{name}, with {reached:.3f} bits, is better than the best count model, an {text}, {runs}"
