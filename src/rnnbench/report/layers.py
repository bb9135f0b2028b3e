"""The gradient of every layer and direction, as a table."""

from __future__ import annotations

from collections.abc import Callable

from rnnbench.outcomes.columns import COLUMNS
from rnnbench.outcomes.diagnostic_columns import MOMENTS
from rnnbench.outcomes.layer_directions import in_words
from rnnbench.outcomes.settings import Setting
from rnnbench.report import reach
from rnnbench.report.tables import Table

SHOWN = (
    ("half-life", "half_life"),
    ("fit", "fit"),
    ("horizon", "horizon"),
    ("g(T-1) / g(0)", "vanishing_ratio"),
    ("far share", "far_share"),
    ("dead sequences", "dead_share"),
)
"""The columns after the layer and direction, by the column of runs.csv that they sum up."""
SPECIAL: dict[str, Callable[[Setting, str, str], str]] = {"half_life": reach.half_life, "horizon": reach.horizon}


def table(settings: list[Setting]) -> Table | None:
    """Return what was measured of every layer and direction; None where no gradient was."""
    probed = [setting for setting in settings if setting.probed]
    if not probed:
        return None
    rows = [
        [
            *setting.shown.values(),
            words,
            direction or reach.headline(setting, moment),
            *_numbers(setting, moment, prefix),
        ]
        for setting in probed
        for moment, words in MOMENTS.items()
        for direction, prefix in _places(setting)
    ]
    meanings = [f"{title[0].upper()}{title[1:]}: {_meaning(name)}." for title, name in SHOWN]
    note = (
        "L is the loss of the last target alone, s_t the whole state of a layer and direction, g the norm of dL/ds_t, "
        "lag the steps back from the loss in the order of that direction. The loss also reaches a lower layer through "
        "every step of the layers above it: its gradient may be large at a lag that its own recurrence does not carry. "
        f"{' '.join(meanings)} Medians over runs, with the number of runs where they differ."
    )
    header = [*probed[0].factors, "moment", "layer and direction", *(title for title, _ in SHOWN)]
    return Table("How far the gradient reaches", header, rows, note)


def _places(setting: Setting) -> list[tuple[str, str]]:
    """Return each layer and direction in words with the prefix of its columns; for a single one the headline's."""
    return [(in_words(direction), f"{direction}_") for direction in reach.layer_directions(setting)] or [("", "")]


def _numbers(setting: Setting, moment: str, prefix: str) -> list[str]:
    return [
        SPECIAL[name](setting, moment, prefix) if name in SPECIAL else reach.middle(setting, name, moment, prefix)
        for _, name in SHOWN
    ]


def _meaning(name: str) -> str:
    """Return the column's explanation without the moment."""
    return COLUMNS[f"{name}_final"].meaning.removesuffix(f"; {MOMENTS['final']}")
