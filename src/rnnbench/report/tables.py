"""Tables for people: one row a setting, under the names and with the explanations of the columns of runs.csv."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from rnnbench.outcomes.columns import COLUMNS
from rnnbench.outcomes.settings import Setting
from rnnbench.report import reach
from rnnbench.statistics import Estimate, median_coverage, median_rank


class Table(NamedTuple):
    """A table as text, for Markdown and HTML alike, and what a reader must know to read it."""

    title: str
    header: list[str]
    rows: list[list[str]]
    """Empty where the note stands in place of them."""
    note: str


class Summary(NamedTuple):
    """One column of a table of settings: a summary of a column of runs.csv."""

    title: str
    column: str
    """The column whose meaning the legend gives; or another meaning itself."""
    how: str
    """How the runs of a setting are summed up, for people."""
    text: Callable[[Setting], str]
    shown: Callable[[list[Setting]], bool] = lambda settings: True

    @property
    def meaning(self) -> str:
        return COLUMNS[self.column].meaning if self.column in COLUMNS else self.column


def estimate(value: Estimate | None) -> str:
    """Return ``value [low, high]``."""
    if value is None:
        return "–"
    if value.low is None:
        return f"{value.value:.3f}"
    return f"{value.value:.3f} [{value.low:.3f}, {value.high:.3f}]"


def share(value: Estimate | None) -> str:
    """Return ``successes/n [low, high]``."""
    if value is None:
        return "–"
    return f"{value.value * value.n:.0f}/{value.n} [{value.low:.2f}, {value.high:.2f}]"


def number(value: float | None) -> str:
    """Return three digits for small numbers, none after the point for large ones."""
    if value is None:
        return "–"
    return f"{value:.0f}" if value == int(value) or value >= 100 else f"{value:.1f}"


def interval_words(sizes: Iterable[int]) -> str:
    """Return what the interval of a median of that many runs is, and how often it covers the true median."""
    known = sorted({n for n in sizes if n > 1})
    if not known:
        return "a single run has no interval"
    parts = []
    for n in known:
        rank = median_rank(n)
        what = f"the range of {n} runs" if rank == 1 else f"that of {n} runs without the {rank - 1} on each side"
        parts.append(f"{what} covers the true median in {100 * median_coverage(n):.0f} % of cases")
    return f"in brackets {', '.join(parts)}"


def _median(column: str) -> Callable[[Setting], str]:
    """Return the median of a column, formatted as that column."""

    def text(setting: Setting) -> str:
        found = setting.median(column)
        return COLUMNS[column].text(None if found is None else found.value)

    return text


def _budgeted(settings: list[Setting]) -> bool:
    return any(setting.numbers("off_budget") for setting in settings)


def _deep(settings: list[Setting]) -> bool:
    return any(reach.layer_directions(setting) for setting in settings)


def _off_budget(setting: Setting) -> str:
    found = setting.numbers("off_budget")
    return COLUMNS["off_budget"].text(found[0] if found else None)


def _metric(setting: Setting) -> str:
    tested, error = setting.known("test_sequences"), setting.test_error
    text = f"{setting.known('metric') or ''} {estimate(setting.median('test_metric'))}".strip()
    return text if error is None else f"{text}, test set of {tested}: ± {error:.3f}"


def _errors(settings: list[Setting]) -> bool:
    return any(setting.test_error is not None for setting in settings)


def _best(settings: list[Setting]) -> bool:
    return any(setting.best_score is not None for setting in settings)


MEDIAN = "median over runs with its interval"
MIDDLE = "median over runs; flat, grows, dead or decays where there is no such number, with the number of runs"
SUMMARIES = (
    Summary("score", "score", f"after the last step; {MEDIAN}", lambda setting: estimate(setting.score)),
    Summary(
        "best validation score",
        "1 - validation loss / its memoryless baseline at the validation where that loss was lowest, before a run "
        "diverged if it did, which is known only afterwards and is no test",
        MEDIAN,
        lambda setting: estimate(setting.best_score),
        _best,
    ),
    Summary("test loss", "test_loss", "median over runs that have one", _median("test_loss")),
    Summary(
        "solved",
        "runs with a validation loss below 5 % of the baseline, of all runs; one that then diverged or failed does not "
        "count, and – is a task without such a threshold",
        "with Wilson's 95 % interval",
        lambda s: share(s.solved_share),
    ),
    Summary(
        "steps to solve",
        "the step at which half of the runs had solved the task; – where half did not within their steps",
        "Kaplan-Meier",
        lambda s: number(s.median_steps_to_solve),
    ),
    Summary("test metric", "test_metric", f"{MEDIAN}; of runs that have one", _metric),
    Summary("half-life at start", "half_life_initial", MIDDLE, lambda s: reach.half_life(s, "initial")),
    Summary("half-life at end", "half_life_final", MIDDLE, lambda s: reach.half_life(s, "final")),
    Summary("horizon at end", "horizon_final", "median over runs", lambda s: reach.horizon(s, "final")),
    Summary("far share at end", "far_share_final", "median over runs", lambda s: reach.middle(s, "far_share", "final")),
    Summary(
        "furthest at end", "headline_final", "the most frequent first", lambda s: reach.headline(s, "final"), _deep
    ),
    Summary("failures", "runs that diverged or failed", "of all runs", lambda setting: setting.failures or "none"),
    Summary("parameters", "parameters", "the same in all runs", lambda s: number(s.known("parameters"))),
    Summary("units", "hidden_size", "the same in all runs", lambda s: number(s.known("hidden_size")), _budgeted),
    Summary("off budget", "off_budget", "the same in all runs", _off_budget, _budgeted),
)
"""The columns of the main table after the factors and the number of runs."""


def _chosen(settings: list[Setting]) -> list[Summary]:
    return [summary for summary in SUMMARIES if summary.shown(settings)]


def header(settings: list[Setting]) -> list[str]:
    """Return the columns of ``rows``."""
    return [*settings[0].factors, "runs", *(summary.title for summary in _chosen(settings))]


def rows(settings: list[Setting]) -> list[list[str]]:
    """Return each setting as text, for Markdown and HTML alike, in the columns of ``header``."""
    chosen = _chosen(settings)
    return [
        [*setting.shown.values(), str(len(setting.runs)), *(summary.text(setting) for summary in chosen)]
        for setting in settings
    ]


def legend(settings: list[Setting]) -> str:
    """Return what the columns of ``rows`` mean, from the columns of runs.csv."""
    sizes = [found.n for s in settings for found in (s.score, s.best_score, s.median("test_metric")) if found]
    lines = [f"{each.title.capitalize()}: {each.meaning} ({each.how})." for each in _chosen(settings)]
    lines.append(f"Intervals of medians: {interval_words(sizes)}.")
    if _errors(settings):
        lines.append(
            "±: the binomial standard deviation of one accuracy on a test set of that size. All runs are tested on the "
            "same sequences, so the interval over runs does not hold it."
        )
    return " ".join(lines)
