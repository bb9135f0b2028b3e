"""What the panels and the colors of a sweep stand for: the same in all its charts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from rnnbench.outcomes.problems import belongs_to_problem, words
from rnnbench.outcomes.settings import Setting
from rnnbench.report.charts import theme

MOST = 10  # colors of a panel; more factors are then told apart by panels


class Design(NamedTuple):
    """Settings in panels: by problem, and where the cell and something else were varied, by cell too."""

    settings: list[Setting]
    labels: list[str]
    """What tells each setting from all others: "adding, lstm, depth 2"."""
    facets: list[str]
    """The panel of each setting."""
    series: list[str]
    """What its color stands for: the cell, or what else was varied."""
    colors: dict[str, str]
    """By series."""

    def place(self, index: int) -> dict[str, Any]:
        """Return what every row of a chart's data says of its setting."""
        return {
            "setting": index,
            "label": self.labels[index],
            "facet": self.facets[index],
            "series": self.series[index],
        }


def design(settings: list[Setting]) -> Design:
    """Return the design of a sweep. The last factors are told apart by color, as many as give ``MOST`` values."""
    own = [key for key in settings[0].factors if not belongs_to_problem(key)]
    own.sort(key=lambda key: key != "cell")
    many = len({setting.problem for setting in settings}) > 1
    start = 1 if len(own) > 1 else 0
    while start < len(own) - 1 and len({_words(setting, own[start:]) for setting in settings}) > MOST:
        start += 1
    start = _whole(own, start)
    series = [_words(setting, own[start:]) or setting.cell for setting in settings]
    facets = []
    for setting in settings:
        parts = [setting.problem.title] if many or start == 0 else []
        facets.append(", ".join(filter(None, (*parts, _words(setting, own[:start])))))
    tasks = len({setting.task for setting in settings}) > 1
    labels = [f"{setting.task}, {setting.label}" if tasks else setting.label for setting in settings]
    return Design(settings, labels, facets, series, _colors(settings, own[start:], series))


def _whole(own: list[str], start: int) -> int:
    """Return a start that does not part a choice from its options, as clip from clip.threshold."""
    while start > 0 and own[start].startswith(f"{own[start - 1]}."):
        start -= 1
    return start


def _words(setting: Setting, keys: list[str]) -> str:
    return words({key: setting.factors[key] for key in keys})


def _colors(settings: list[Setting], keys: list[str], series: list[str]) -> dict[str, str]:
    if keys in ([], ["cell"]):
        fixed = theme.cell_colors(setting.cell for setting in settings)
        return {name: fixed[setting.cell] for name, setting in zip(series, settings, strict=True)}
    if keys[0] == "cell":  # and its options: shades of its color
        of: dict[str, list[str]] = {}
        for name, setting in dict(zip(series, settings, strict=True)).items():
            of.setdefault(setting.cell, []).append(name)
        return {
            name: shade
            for cell, color in theme.cell_colors(of).items()
            for name, shade in zip(of[cell], theme.shades(color, len(of[cell])), strict=True)
        }
    values: list[Mapping[str, Any]] = [{key: each.factors[key] for key in keys} for each in settings]
    ordered = len(keys) == 1 and all(_number(value[keys[0]]) for value in values)
    return theme.colors(list(dict.fromkeys(series)), ordered)


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
