"""Colors, fonts and sizes of all charts, on a light and on a dark page.

Colors are told apart by people who see red and green alike (after Okabe & Ito 2008), and are seen on both pages. A cell
has the same color in every chart of every result.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any
from zlib import crc32

CELLS = {
    "elman": "#c94f00", "gru": "#12b886", "lstm": "#3a66c4", "lru": "#c45fa8", "mingru": "#e69f00",
    "indrnn": "#56b4e9", "irnn": "#6e6259", "minlstm": "#7b68c8", "antisymmetric": "#a6761d", "cornn": "#e7298a",
    "gru_reset_before": "#5fb98f", "janet": "#3f8fd0", "lem": "#c2477f", "lstm_1997": "#5a86b8",
    "lstm_full_gate": "#2f6f9f", "lstm_layernorm": "#7d9fd6", "lstm_peephole": "#4f5fb0", "mgu": "#1b9e4b",
    "modrelu": "#b8632f", "orthogonal": "#f07f4f", "qrnn": "#9c8f00", "slstm": "#6f7fe0", "ugrnn": "#66a61e",
    "unicornn": "#cf6fb5", "rglru": "#8f6a1b", "s6": "#f06595", "s4d": "#a65fd0", "s5": "#8a57e0",
    "mingru_signed": "#c98a00", "sru": "#2fa3a3", "sru_linear": "#63b8d0",
    "lmu": "#b58a4a", "gru_diagonal": "#2f9e6e", "lstm_diagonal": "#5c7cfa",
    "deltanet": "#e03131", "deltaproduct": "#5f3dc4", "gated_deltanet": "#e8590c", "gla": "#0ca678",
    "hgrn2": "#74a30f", "linear_attention": "#868e96", "m2rnn": "#1098ad", "mamba2": "#ae3ec9",
    "mlstm": "#12a8a0", "retnet": "#b08900", "rwkv7": "#2b8a3e",
}  # fmt: skip
CATEGORIES = ("#3a66c4", "#c94f00", "#12b886", "#c45fa8", "#e69f00", "#56b4e9", "#6e6259", "#7b68c8")
"""Of values without an order, and of a user's own cells."""
RAMP = ("#3b5bdb", "#8a4fb5", "#d1567f", "#dca11d")
"""Of values with an order, from the lowest to the highest."""
ZERO, MISSING = "#c0232c", "#b9bec6"
"""A gradient that is exactly zero, and one that was not measured or is not finite; all others are in viridis."""

WIDTH, HEIGHT = 250, 190  # pixels of a panel of a picture; a page fits panels to its window
COLUMNS = 3
PANELS = 12
"""Panels that are shown at once; a page shows others when they are chosen."""
FONT = "'Liberation Sans', Arial, Helvetica, sans-serif"
"""The first comes with vl-convert, so that pictures are the same on any machine."""
INK = {
    "light": {
        "ink": "#22262b",
        "soft": "#5b636d",
        "grid": "#e4e7eb",
        "page": "#ffffff",
        "raised": "#f3f5f7",
        "accent": "#0a5fa5",
    },
    "dark": {
        "ink": "#e6e9ee",
        "soft": "#a3acb8",
        "grid": "#333a44",
        "page": "#15181d",
        "raised": "#1f242b",
        "accent": "#6db8f2",
    },
}


def inks() -> dict[str, str]:
    """Return the inks of a style sheet, by theme."""
    return {name: " ".join(f"--{ink}: {color};" for ink, color in each.items()) for name, each in INK.items()}


def config() -> dict[str, Any]:
    """Return Vega-Lite's configuration; the style sheet of a page replaces its inks where the page is dark."""
    ink, soft, grid = (INK["light"][key] for key in ("ink", "soft", "grid"))
    return {
        "background": INK["light"]["page"],
        "font": FONT,
        "padding": 12,
        "axis": {
            "labelColor": soft, "titleColor": soft, "domainColor": soft, "tickColor": soft, "gridColor": grid,
            "labelFontSize": 11, "titleFontSize": 12, "titleFontWeight": "normal", "titlePadding": 8, "labelPadding": 4,
            "tickSize": 4, "labelOverlap": "greedy", "labelLimit": 0, "labelSeparation": 6,
        },
        "header": {"labelColor": ink, "labelFontSize": 12.5, "labelFontWeight": 600, "labelAnchor": "start",
                   "labelLimit": 0, "labelPadding": 6, "titleColor": soft},
        "legend": {"labelColor": ink, "titleColor": soft, "labelFontSize": 12, "titleFontSize": 12, "labelLimit": 0,
                   "titleFontWeight": "normal", "symbolStrokeWidth": 2.5, "symbolSize": 90, "gradientLength": 120,
                   "columnPadding": 16, "layout": {"bottom": {"margin": 26}}, "symbolOpacity": 1},
        "view": {"stroke": None},
        "line": {"strokeWidth": 2, "strokeJoin": "round", "strokeCap": "round"},
        "facet": {"spacing": {"row": 26, "column": 22}},
    }  # fmt: skip


def cell_colors(cells: Iterable[str]) -> dict[str, str]:
    """Return the color of each cell; a user's own has one by its name, the next one where two would be alike."""
    found: dict[str, str] = {}
    for cell in sorted(cells):
        start = crc32(cell.encode()) % len(CATEGORIES)
        free = [*CATEGORIES[start:], *CATEGORIES[:start]]
        found[cell] = CELLS.get(cell) or next((each for each in free if each not in found.values()), free[0])
    return found


def colors(values: Sequence[str], ordered: bool) -> dict[str, str]:
    """Return the color of each of several values, along a ramp where they are ``ordered`` or many."""
    if not ordered and len(values) <= len(CATEGORIES):
        return dict(zip(values, CATEGORIES, strict=False))
    last = max(1, len(values) - 1)
    return {value: _between(index / last) for index, value in enumerate(values)}


def shades(color: str, number: int) -> list[str]:
    """Return the color and so many more, each lighter."""
    return [_mixed((color, "#ffffff"), 0.45 * index / max(1, number - 1)) for index in range(number)]


def _between(share: float) -> str:
    """Return the color of the ramp at a share of its length."""
    place = share * (len(RAMP) - 1)
    lower = min(int(place), len(RAMP) - 2)
    return _mixed(RAMP[lower : lower + 2], place - lower)


def _mixed(pair: Sequence[str], share: float) -> str:
    """Return what lies between two colors, at a share of the way."""
    values = [[int(color[start : start + 2], 16) for start in (1, 3, 5)] for color in pair]
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in zip(*values, strict=True))
