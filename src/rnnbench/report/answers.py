"""What was seen on each problem, in a sentence: within which steps, by how many runs, and against which references."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import inf
from statistics import median

from rnnbench.outcomes.columns import COLUMNS
from rnnbench.outcomes.problems import Problem
from rnnbench.outcomes.settings import Setting, solves
from rnnbench.report.reach import layer_directions
from rnnbench.report.tables import estimate, number
from rnnbench.statistics import median_interval, median_time, wilson_interval

LISTED = 4  # settings that a sentence names one by one
FIRST = 3  # of more
ORDERS = range(1, 5)  # of the count models that are named; order 0 knows no character


def title(problem: Problem, group: Sequence[Setting]) -> str:
    """Return the problem and the step budget of the runs on it: "adding, T = 100, at most 3000 steps"."""
    steps = _budget(group)
    return f"{problem.title}, at most {steps} steps" if steps else problem.title


def _budget(group: Sequence[Setting]) -> str:
    found = sorted({known for setting in group if (known := setting.known("trainer.max_steps"))})
    return "" if not found else f"{found[0]}" if len(found) == 1 else f"{found[0]} to {found[-1]}"


def ranked(group: Sequence[Setting]) -> list[Setting]:
    """Return settings of one problem, the best first: by time to solve where it can be solved, else by score."""
    return sorted(group, key=lambda setting: setting.rank)


def answer(problem: Problem, group: Sequence[Setting]) -> str:
    """Return what was seen on a problem in a few sentences, the best first, with 95 % intervals."""
    parts, steps = _parts(group), _budget(group)
    within = f"within {steps} steps " if steps else ""
    if not group[0].solvable:
        seen = f"{within}the median score is {_listed(_by_score(parts), _score)}"
    elif not any(setting.solved for setting in group):
        best = ranked(group)[0]
        count = sum(len(setting.runs) for setting in group)
        seen = f"{within}none of {count} runs solves the task; the highest median score is {estimate(best.score)}"
        seen += f", with {best.name}"
    else:
        seen = f"{within}the task is solved {_listed(parts, _solving)}"
    sentences = [f"{problem.title}: {seen}", *_within_cells(parts), _gradient(parts), against_count_models(group)]
    return " ".join(f"{sentence}." for sentence in sentences if sentence)


Part = tuple[str, list[Setting]]
"""A name, and the settings that it stands for."""


def _parts(group: Sequence[Setting]) -> list[Part]:
    """Return the settings that sentences name, the best first: each alone, or where these are many, each cell."""
    if len(group) <= LISTED or "cell" not in group[0].factors:
        found = [(setting.name, [setting]) for setting in ranked(group)]
    else:
        cells: dict[str, list[Setting]] = {}
        for setting in ranked(group):
            cells.setdefault(setting.cell, []).append(setting)
        found = list(cells.items())
    return sorted(found, key=lambda part: _rank(part[1]))


def _rank(group: list[Setting]) -> tuple[float, float, float]:
    solving, runs = sum(len(s.solved) for s in group), sum(len(s.runs) for s in group)
    steps = _half_by(group)
    return -solving / runs, inf if steps is None else steps, -median(_scores(group))


def _half_by(group: list[Setting]) -> float | None:
    """Return the step by which half of the runs had solved the task; None where half did not."""
    runs = [(time, solves(run)) for setting in group for time, run in zip(setting.times, setting.runs, strict=True)]
    return median_time(*zip(*runs, strict=True))


def _scores(group: list[Setting]) -> list[float]:
    return [score for setting in group for score in setting.scores]


def _by_score(parts: list[Part]) -> list[Part]:
    return sorted(parts, key=lambda part: -median(_scores(part[1])))


def _score(part: Part) -> str:
    return f"{estimate(median_interval(_scores(part[1])))} with {part[0]}"


def _solving(part: Part) -> str:
    """Return "in 5 of 5 runs with gru (57–100 %, half of them by step 300)"."""
    name, group = part
    share = wilson_interval(sum(len(s.solved) for s in group), sum(len(s.runs) for s in group))
    steps = _half_by(group)
    half = "" if steps is None else f", half of them by step {number(steps)}"
    count = f"{share.value * share.n:.0f} of {share.n}"
    return f"in {count} runs with {name} ({100 * (share.low or 0):.0f}–{100 * (share.high or 0):.0f} %{half})"


def _listed(parts: list[Part], words: Callable[[Part], str]) -> str:
    """Return the first parts in words, and the best of the others."""
    shown = parts if len(parts) <= LISTED else parts[:FIRST]
    listed = _and([words(part) for part in shown])
    if len(shown) < len(parts):
        listed += f"; of the other {len(parts) - len(shown)} the best is {words(parts[len(shown)])}"
    return listed


def _and(texts: list[str]) -> str:
    return ", ".join(texts[:-1]) + (" and " if len(texts) > 1 else "") + texts[-1]


def _within_cells(parts: list[Part]) -> list[str]:
    """Return where what else was varied changed how many runs of a cell solved the task, or how soon."""
    found = []
    for name, group in parts:
        if len(group) < 2 or not any(setting.solved for setting in group):
            continue
        ends = ranked(group)
        if len({f"{len(s.solved)} of {len(s.runs)}" for s in group}) > 1:
            listed = ends if len(ends) <= LISTED else [ends[0], ends[-1]]
            found.append(f"With {name} these are {_and([f'{solved(s)} with {_else(s)}' for s in listed])}")
        elif len({s.median_steps_to_solve for s in group}) > 1:
            first, last = (f"{number(s.median_steps_to_solve)} ({_else(s)})" for s in (ends[0], ends[-1]))
            found.append(f"Among the settings of {name} the median step goes from {first} to {last}")
    return found


def _else(setting: Setting) -> str:
    """Return the name of a setting less its cell."""
    return setting.name.removeprefix(f"{setting.cell}, ")


def _gradient(parts: list[Part]) -> str:
    """Return how fast the gradient decays before training, and how far it reaches after; empty where not measured."""
    probed = [(name, own) for name, group in parts if (own := [s for s in group if s.probed])]
    if not probed:
        return ""
    reached: dict[str, list[str]] = {}
    for name, group in probed if len(probed) <= LISTED else probed[:FIRST]:
        reached.setdefault(_horizon(group), []).append(name)
    texts = [f"{steps} steps back with {_and(names)}" for steps, names in reached.items()]
    several = any(layer_directions(setting) for _, own in probed for setting in own)
    of = ", each time in the layer and direction that reaches furthest" if several else ""
    return f"{_start(probed)} training, at least 1 % of it is left {_and(texts)}{of}"


def _start(probed: list[Part]) -> str:
    """Return the median half-lives before training, the shortest and the longest, up to "after"."""
    halves = sorted(
        (median(values), name)
        for name, group in probed
        if (values := [v for s in group for v in s.numbers("half_life_initial")])
    )
    if not halves:
        return "Of the gradient, after"
    (low, first), (high, last) = (
        (COLUMNS["half_life_initial"].text(each), name) for each, name in (halves[0], halves[-1])
    )
    if halves[-1][0] > 2 * halves[0][0]:
        span = f"{low} ({first}) to {high} ({last})"
    else:
        span = low if low == high else f"{low} to {high}"
    return f"Before training the gradient halves every {span} steps on its way back; after"


def _horizon(group: list[Setting]) -> str:
    """Return the median horizon after training with its interval; a dead gradient reaches nowhere."""
    runs = [run for setting in group for run in setting.runs if run.get("headline_final") is not None]
    found = median_interval([run.get("horizon_final") or 0 for run in runs])
    interval = "" if found.low is None or found.low == found.high else f" [{found.low:.0f}, {found.high:.0f}]"
    return f"{number(found.value)}{interval}"


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
