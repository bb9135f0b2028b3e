"""Tables: one row a setting for people, one row a run for programs."""

from __future__ import annotations

from typing import NamedTuple

from rnnbench.report.summary import Setting
from rnnbench.statistics import Estimate


class Table(NamedTuple):
    """A table as text, for Markdown and HTML alike, and what a reader must know to read it."""

    title: str
    header: list[str]
    rows: list[list[str]]
    note: str


BUDGET_COLUMNS = ["units", "off budget"]


def header(settings: list[Setting]) -> list[str]:
    """The columns of ``row``."""
    return [
        *settings[0].factors,
        "runs",
        "score",
        "solved",
        "steps to solve",
        "test metric",
        "half-life at start",
        "half-life at end",
        "horizon at end",
        "failures",
        "parameters",
        *BUDGET_COLUMNS * _budgeted(settings),
    ]


def rows(settings: list[Setting]) -> list[list[str]]:
    """Each setting as text, for Markdown and HTML alike, in the columns of ``header``."""
    budgeted = _budgeted(settings)
    return [row(setting) + _budget(setting) * budgeted for setting in settings]


def row(setting: Setting) -> list[str]:
    """One setting as text, without its budget."""
    name, metric = setting.metric
    return [
        *setting.shown.values(),
        str(len(setting.records)),
        estimate(setting.score),
        share(setting.solved_share),
        number(setting.median_steps_to_solve),
        f"{name} {estimate(metric)}",
        half_life(setting, "initial"),
        half_life(setting, "final"),
        number(setting.decay("final", "horizon")) if setting.probed else "not measured",
        setting.failures or "none",
        number(setting.known("parameters")),
    ]


def _budgeted(settings: list[Setting]) -> bool:
    return any(record.off_budget is not None for setting in settings for record in setting.records)


def _budget(setting: Setting) -> list[str]:
    off = next((record.off_budget for record in setting.records if record.off_budget is not None), None)
    return [number(setting.known("hidden_size")), "–" if off is None else f"{100 * off:+.1f} %"]


def estimate(value: Estimate | None) -> str:
    """``value [low, high]``."""
    if value is None:
        return "–"
    if value.low is None:
        return f"{value.value:.3f}"
    return f"{value.value:.3f} [{value.low:.3f}, {value.high:.3f}]"


def share(value: Estimate | None) -> str:
    """``successes/n [low, high]``."""
    if value is None:
        return "–"
    return f"{value.value * value.n:.0f}/{value.n} [{value.low:.2f}, {value.high:.2f}]"


def number(value: float | None) -> str:
    """Three digits for small numbers, none after the point for large ones."""
    if value is None:
        return "–"
    return f"{value:.0f}" if value == int(value) or value >= 100 else f"{value:.1f}"


def half_life(setting: Setting, moment: str) -> str:
    """Steps, or in words where there is no number."""
    if not setting.probed:
        return "not measured"
    value = setting.decay(moment, "half_life")
    return "no decay" if value is None else number(value)
