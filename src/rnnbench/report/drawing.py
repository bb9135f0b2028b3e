"""What all figures share: style, colors, one panel a task, SVG that is the same for the same runs."""

from __future__ import annotations

from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rnnbench.records import Record
from rnnbench.report.summary import Setting

Array = np.ndarray[Any, Any]
Folder = Callable[[Record], Path]
"""Where a record's run lies."""

STYLE = {
    "svg.hashsalt": "rnnbench",
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.3,
}
COLORS = mpl.colormaps["tab10"].colors  # type: ignore[attr-defined]  # a ListedColormap
DASHES: list[Any] = ["-", "--", ":", "-.", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 3)), (0, (7, 3)), (0, (3, 1, 1, 3))]
WIDTH, HEIGHT = 5.2, 3.5  # inches of a panel


def by_task(settings: list[Setting]) -> dict[str, list[Setting]]:
    """The settings of each task, in order."""
    groups: dict[str, list[Setting]] = {}
    for setting in settings:
        groups.setdefault(setting.task, []).append(setting)
    return groups


def styles(settings: list[Setting]) -> dict[str, dict[str, Any]]:
    """A color for each cell and a dash for each combination of the other factors, by the settings' labels."""
    cells = list(dict.fromkeys(setting.cell for setting in settings))
    others = list(dict.fromkeys(_other(setting) for setting in settings))
    return {
        setting.label: {
            "color": COLORS[cells.index(setting.cell) % len(COLORS)],
            "linestyle": DASHES[others.index(_other(setting)) % len(DASHES)],
        }
        for setting in settings
    }


def _other(setting: Setting) -> tuple[Any, ...]:
    return tuple(value for key, value in setting.factors.items() if key not in ("task", "cell"))


def legend(axes: Axes) -> None:
    """Names the lines; where all runs failed there is nothing to name."""
    if axes.get_legend_handles_labels()[0]:
        axes.legend(fontsize=7)


def load(folder: Path, name: str) -> Array | None:
    """An array of ``gradients.npz``; None where the run has none of that name."""
    path = folder / "gradients.npz"
    if not path.exists():
        return None
    with np.load(path, allow_pickle=False) as arrays:
        return arrays.get(name)


def svg(figure: Figure) -> str:
    """The figure as text, without a date."""
    text = StringIO()
    figure.savefig(text, format="svg", metadata={"Date": None})
    return text.getvalue()
