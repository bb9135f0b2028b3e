"""Shared parts of all figures: style, colors, panels, bands, legends, and reproducible SVG."""

from __future__ import annotations

import html
import math
import re
from collections.abc import Iterable
from io import StringIO
from typing import Any, NamedTuple

import matplotlib as mpl
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from rnnbench.outcomes.settings import Setting
from rnnbench.report.long_tables import Array

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
PALETTE = [mpl.colors.to_hex(color) for name in ("tab10", "Dark2") for color in mpl.colormaps[name].colors]  # type: ignore[attr-defined]  # ListedColormaps
DASHES: list[Any] = ["-", "--", ":", "-.", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 3)), (0, (7, 3)), (0, (3, 1, 1, 3))]
MARKERS = "os^Dv*XP"
WIDTH, HEIGHT = 5.2, 3.5  # inches of a panel
LEGIBLE = 0.6  # of its size, a figure can be read; on a narrower screen it scrolls
POINTS = 100  # of the line of a mean, for small pages; of a thin line a third
NAMED = 12  # settings that a legend names one by one; above, it names colors and dashes


class ReportFigure(NamedTuple):
    """A figure, its numbers as a table, and pictures of single settings by index where there are any."""

    figure: Figure
    header: list[str]
    rows: list[list[str]]
    single: dict[int, Figure] = {}  # noqa: RUF012  # never changed


def by_task(settings: list[Setting]) -> dict[str, list[tuple[int, Setting]]]:
    """Return the settings of each task with their indices, in order."""
    groups: dict[str, list[tuple[int, Setting]]] = {}
    for index, setting in enumerate(settings):
        groups.setdefault(setting.task, []).append((index, setting))
    return groups


def styles(settings: list[Setting]) -> list[dict[str, Any]]:
    """Return each setting's style: a color for each cell, a dash and a marker for each combination of other factors.

    With a single cell the combinations differ in color too.
    """
    cells = list(dict.fromkeys(setting.cell for setting in settings))
    others = list(dict.fromkeys(map(_other, settings)))
    places = [(cells.index(setting.cell), others.index(_other(setting))) for setting in settings]
    return [
        {
            "color": PALETTE[(cell if len(cells) > 1 else other) % len(PALETTE)],
            "linestyle": DASHES[other % len(DASHES)],
            "marker": MARKERS[other % len(MARKERS)],
        }
        for cell, other in places
    ]


def _other(setting: Setting) -> str:
    """Return the label without the cell."""
    return "" if setting.label == setting.cell else setting.label.removeprefix(f"{setting.cell}, ")


def panels(count: int, columns: int = 2, width: float = WIDTH, height: float = HEIGHT) -> tuple[Figure, list[Axes]]:
    """Return a figure of that many panels, row by row."""
    columns = min(columns, count)
    rows = math.ceil(count / columns)
    figure = Figure(figsize=(width * columns, height * rows), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for spare in axes[count:]:
        spare.remove()
    return figure, list(axes[:count])


def mark(artist: Artist, *indices: int) -> None:
    """Record in the SVG which settings an artist shows: the page filters and colors by it."""
    artist.set_gid("setting-" + "-".join(map(str, indices)))


def band(axes: Axes, index: int, x: Any, lines: list[Any], style: dict[str, Any]) -> Array:
    """Draw the mean over a setting's runs and the range from the lowest to the highest; return the mean."""
    length = min(map(len, lines))
    stacked = np.array([line[:length] for line in lines])
    kept = np.unique(np.linspace(0, length - 1, min(length, POINTS)).round().astype(int))
    at, mean = np.asarray(x)[:length][kept], stacked.mean(axis=0)
    (line,) = axes.plot(at, mean[kept], color=style["color"], linestyle=style["linestyle"], linewidth=1.8)
    mark(line, index)
    if len(lines) > 1:
        low, high = stacked.min(axis=0)[kept], stacked.max(axis=0)[kept]
        mark(axes.fill_between(at, low, high, color=style["color"], alpha=0.15, linewidth=0), index)
    return mean


def thin_line(axes: Axes, index: int, x: Any, lines: list[Any], style: dict[str, Any]) -> Array:
    """Draw the mean over a setting's runs as a thin line beside a band; return the mean."""
    length = min(map(len, lines))
    kept = np.unique(np.linspace(0, length - 1, min(length, POINTS // 3)).round().astype(int))
    mean = np.array([line[:length] for line in lines]).mean(axis=0)
    (line,) = axes.plot(
        np.asarray(x)[:length][kept], mean[kept], color=style["color"], linestyle=style["linestyle"], linewidth=0.7,
        alpha=0.6,
    )  # fmt: skip
    mark(line, index)
    return mean


def legend(
    figure: Figure, settings: list[Setting], shown: Iterable[int], *, lines: bool, baseline: bool = False
) -> None:
    """Add a legend below the panels: each label; where there are many, each color, and above the panels each dash."""
    style, shown = styles(settings), sorted(set(shown))
    labels: dict[str, list[int]] = {}
    cells: dict[str, list[int]] = {}
    others: dict[str, dict[str, Any]] = {}
    for index in shown:
        labels.setdefault(settings[index].label, []).append(index)
        cells.setdefault(settings[index].cell, []).append(index)
        others.setdefault(_other(settings[index]), style[index] | {"color": "black"})
    entries = [(label, style[indices[0]], indices) for label, indices in labels.items()]
    if len(labels) > NAMED and len(cells) > 1:
        solid = {"linestyle": "-", "marker": "o"}
        entries = [(cell, style[indices[0]] | solid, indices) for cell, indices in cells.items()]
        if len(others) > 1:
            _legend(figure, "upper", [(other, look, []) for other, look in others.items()], lines)
    if baseline:
        entries.append(("memoryless", {"color": "black", "linestyle": "--"}, []))
    _legend(figure, "lower", entries, lines)


def _legend(figure: Figure, side: str, entries: list[tuple[str, dict[str, Any], list[int]]], lines: bool) -> None:
    """Add a legend with as many columns as fit; the figure grows by its height."""
    columns = max(1, int(figure.get_figwidth() / (0.7 + 0.07 * max(len(label) for label, _, _ in entries))))
    handles = [
        Line2D([], [], color=look["color"], linewidth=1.8, linestyle=look["linestyle"])
        if lines or "marker" not in look
        else Line2D([], [], color=look["color"], linestyle="none", marker=look["marker"])
        for _, look, _ in entries
    ]
    drawn = figure.legend(
        handles, [plain(label) for label, _, _ in entries], loc=f"outside {side} center",
        ncols=min(columns, len(entries)), fontsize=8, frameon=False, handlelength=3 if lines else 1,
    )  # fmt: skip
    for handle, text, (_, _, indices) in zip(drawn.legend_handles, drawn.get_texts(), entries, strict=True):
        if indices and handle:
            mark(handle, *indices)
            mark(text, *indices)
    figure.set_figheight(figure.get_figheight() + 0.18 * math.ceil(len(entries) / columns))


def plain(text: str) -> str:
    """Return text that matplotlib shows unchanged, dollars too, on one line."""
    return " ".join(text.split()).replace("$", r"\$")


def svg(figure: Figure, name: str, text: str, dpi: int = 72) -> str:
    """Return the figure as text, without a date; its ids start with ``name``, so that a page can hold many figures."""
    file = StringIO()
    figure.savefig(file, format="svg", dpi=dpi, metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))

    def tag(match: re.Match[str]) -> str:
        found = re.sub(r'^<g id="setting-([\d-]+)"', lambda m: f'<g data-setting="{m[1].replace("-", " ")}"', match[0])
        found = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{name}--", found)
        return re.sub(r' d="[^"]*"', lambda path: re.sub(r"(\.\d\d)\d+", r"\1", path[0]), found)

    markup = re.sub(r"<[^!>][^>]*>", tag, file.getvalue())  # text may hold anything, tags only what matplotlib wrote
    words = f'role="img" aria-label="{html.escape(text)}"'
    return markup.replace("<svg ", f'<svg {words} style="min-width: {LEGIBLE * figure.get_figwidth():.1f}in" ', 1)
