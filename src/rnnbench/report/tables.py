"""Tables for people: one row a setting, under the names and with the explanations of the columns of runs.csv."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from rnnbench.report import reach
from rnnbench.statistics import Estimate
from rnnbench.store.columns import COLUMNS
from rnnbench.store.settings import Setting


class Table(NamedTuple):
    """A table as text, for Markdown and HTML alike, and what a reader must know to read it."""

    title: str
    header: list[str]
    rows: list[list[str]]
    note: str


class Summary(NamedTuple):
    """One column of a table of settings: what becomes of a column of runs.csv."""

    title: str
    column: str
    how: str
    """How the runs of a setting are summed up, for people."""
    text: Callable[[Setting], str]
    shown: Callable[[list[Setting]], bool] = lambda settings: True


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


def _mean(column: str) -> Callable[[Setting], str]:
    """The mean of a column, shown as that column is."""

    def text(setting: Setting) -> str:
        found = setting.mean(column)
        return COLUMNS[column].text(None if found is None else found.value)

    return text


def _budgeted(settings: list[Setting]) -> bool:
    return any(setting.numbers("off_budget") for setting in settings)


def _deep(settings: list[Setting]) -> bool:
    return any(reach.ways(setting) for setting in settings)


def _off_budget(setting: Setting) -> str:
    found = setting.numbers("off_budget")
    return COLUMNS["off_budget"].text(found[0] if found else None)


def _metric(setting: Setting) -> str:
    return f"{setting.known('metric') or ''} {estimate(setting.mean('test_metric'))}".strip()


INTERVAL = "mean over runs with its 95 % interval (Student's t)"
MIDDLE = "median over runs; flat, grows, dead or decays where there is no such number, with the number of runs"
SUMMARIES = (
    Summary("score", "score", INTERVAL, lambda setting: estimate(setting.score)),
    Summary("test loss", "test_loss", "mean over runs that have one", _mean("test_loss")),
    Summary(
        "solved",
        "solved_at_step",
        "share of runs that have one, with Wilson's interval",
        lambda s: share(s.solved_share),
    ),
    Summary("steps to solve", "solved_at_step", "its Kaplan-Meier median", lambda s: number(s.median_steps_to_solve)),
    Summary("test metric", "test_metric", INTERVAL, _metric),
    Summary("half-life at start", "half_life_initial", MIDDLE, lambda s: reach.half_life(s, "initial")),
    Summary("half-life at end", "half_life_final", MIDDLE, lambda s: reach.half_life(s, "final")),
    Summary("horizon at end", "horizon_final", "median over runs", lambda s: reach.horizon(s, "final")),
    Summary("far share at end", "far_share_final", "median over runs", lambda s: reach.middle(s, "far_share", "final")),
    Summary(
        "furthest at end", "headline_final", "the most frequent first", lambda s: reach.headline(s, "final"), _deep
    ),
    Summary("failures", "status", "runs that diverged or failed", lambda setting: setting.failures or "none"),
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
    return " ".join(
        f"{each.title.capitalize()}: {COLUMNS[each.column].meaning} ({each.how})." for each in _chosen(settings)
    )
