"""What the panels and colors of charts stand for, and what their lines hold."""

from itertools import combinations, product

import numpy as np
import pandas as pd
import pytest

from planted import PROBED, frame, make
from rnnbench.network.cells import CELLS
from rnnbench.outcomes.result import Result, conformed, no_rows
from rnnbench.outcomes.settings import settings
from rnnbench.report.charts import heat_maps, theme
from rnnbench.report.charts.chart import middle
from rnnbench.report.charts.design import MOST, design
from rnnbench.report.long_tables import LongTables
from rnnbench.statistics import median_interval

PUBLISHED = ("elman", "gru", "lstm", "lru", "mingru", "indrnn", "irnn")
DEUTERANOPIA = [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
PROTANOPIA = [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
XYZ = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]


def linear(color):
    values = np.array([int(color[start : start + 2], 16) / 255 for start in (1, 3, 5)])
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def lab(color, seen):
    """CIELAB of a color as it is seen by way of a matrix of Machado et al. 2009, in linear light."""
    x, y, z = (XYZ @ np.clip(np.array(seen) @ linear(color), 0, 1)) / [0.9505, 1, 1.089]
    f = [each ** (1 / 3) if each > 0.008856 else 7.787 * each + 16 / 116 for each in (x, y, z)]
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("seen", [np.eye(3), DEUTERANOPIA, PROTANOPIA], ids=["all", "deuteranopia", "protanopia"])
@pytest.mark.parametrize(
    "colors",
    [
        [theme.CELLS[cell] for cell in PUBLISHED],
        theme.CATEGORIES[:7],
        list(theme.colors("1234", ordered=True).values()),
    ],
    ids=["cells", "categories", "ramp"],
)
def test_colors_are_told_apart_by_everyone(colors, seen):
    assert min(np.linalg.norm(lab(a, seen) - lab(b, seen)) for a, b in combinations(colors, 2)) > 10


def test_colors_are_seen_on_both_pages():
    for color in (*theme.CELLS.values(), *theme.CATEGORIES, *theme.RAMP):
        for page in (theme.INK[name]["page"] for name in ("light", "dark")):
            levels = sorted(float(np.dot([0.2126, 0.7152, 0.0722], linear(each))) for each in (color, page))
            assert (levels[1] + 0.05) / (levels[0] + 0.05) > 2, (color, page)


def test_every_cell_has_a_color_of_its_own_everywhere():
    assert theme.CELLS.keys() == CELLS.keys()
    assert len(set(theme.CELLS.values())) == len(CELLS)
    alone, together = theme.cell_colors(["mine"]), theme.cell_colors(["gru", "mine", "lstm"])
    assert alone["mine"] == together["mine"]
    assert together["gru"] == theme.CELLS["gru"]


def sweep(cells=("gru", "lstm"), tasks=("adding",), **factors):
    """The settings of all combinations, one run each."""
    records = []
    for cell, task, *values in product(cells, tasks, *factors.values()):
        record = make(0, cell=cell, task=task, optimizer=dict(zip(factors, values, strict=True)))
        record.run_id = f"{task}-{cell}-{values}"
        records.append(record)
    return design(settings(frame(records)))


def test_cells_are_colors_and_problems_panels():
    made = sweep(tasks=("adding", "copy"))
    assert (set(made.facets), made.colors) == (
        {"adding", "copy"},
        {cell: theme.CELLS[cell] for cell in ("gru", "lstm")},
    )


def test_cells_are_panels_where_more_was_varied():
    made = sweep(lr=(0.01, 0.1))
    assert (set(made.facets), set(made.series)) == ({"gru", "lstm"}, {"lr 0.01", "lr 0.1"})


def test_a_cell_with_options_has_shades_of_its_color():
    records = []
    for seed, (cell, options) in enumerate((("gru", {}), ("s6", {"decay": "positive"}), ("s6", {"decay": "signed"}))):
        record = make(seed, cell=cell)
        record.config["cell"] |= options
        records.append(record)
    made = design(settings(frame(records)))
    gru, plain, lighter = (made.colors[name] for name in dict.fromkeys(made.series))
    assert (gru, plain) == (theme.CELLS["gru"], theme.CELLS["s6"])
    assert np.linalg.norm(lab(plain, np.eye(3)) - lab(lighter, np.eye(3))) > 10


def test_no_panel_has_more_colors_than_can_be_told_apart():
    made = sweep(lr=(0.01, 0.1, 1.0), momentum=(0.1, 0.2, 0.3), decay=(0, 1))
    panels = {}
    for facet, series in zip(made.facets, made.series, strict=True):
        panels.setdefault(facet, []).append(series)
    assert len(made.facets) == 36
    assert all(len(series) == len(set(series)) <= MOST for series in panels.values())


@pytest.mark.parametrize("runs", [1, 2, 3, 5, 6, 9])
def test_the_band_is_the_interval_of_the_median(runs):
    values = np.random.default_rng(runs).normal(size=(runs, 4))
    found = np.array(middle(values))
    for point in range(4):
        value, low, high, _ = median_interval(values[:, point])
        assert found[:, point] == pytest.approx([value, *((value, value) if low is None else (low, high))])


def test_zero_is_lower_than_all_and_unknown_does_not_count():
    value, low, high = middle(np.array([[-np.inf, np.nan], [1.0, 2.0], [3.0, np.nan]]))
    assert (value.tolist(), low.tolist(), high.tolist()) == ([1.0, 2.0], [-np.inf, 2.0], [3.0, 2.0])
    assert middle(np.array([[-np.inf], [5.0]]))[0] == [-np.inf]  # the geometric mean of zero and anything


def test_what_is_zero_and_what_is_missing_have_their_own_colors():
    """Three probes of three lags: zero from lag 1 on, not finite, and as it should be."""
    record = make(0)
    record.gradients = {"initial": PROBED, "final": PROBED}
    logs = [[0.0, np.nan, np.nan], [np.nan] * 3, [0.0, -1.0, -2.0]]
    dead = [[0.0, 1.0, 1.0], [0.0] * 3, [0.0] * 3]
    table = pd.DataFrame(
        {"run_id": record.run_id, "moment": moment, "step": step, "layer": 1, "direction": "forward", "part": "state",
         "lag": lag, "log10_mean": logs[place][lag], "log10_median": 0.0, "dead": dead[place][lag]}
        for place, (moment, step) in enumerate((("initial", 0), ("training", 50), ("final", 100))) for lag in range(3)
    )  # fmt: skip
    tables = {"profiles": conformed("profiles", table), "curves": no_rows("curves"), "spectra": no_rows("spectra")}
    rows = frame([record])
    made = heat_maps.heat_maps(design(settings(rows)), LongTables(Result("e", rows, None, tables)))
    zero, missing = heat_maps.KINDS
    assert [line["kind"] for line in made.data["maps"]] == [["", zero, zero], [missing] * 3, [""] * 3]
    assert [line["norm"] for line in made.data["maps"]] == [[1.0, None, None], [None] * 3, [1.0, 0.1, 0.01]]
    fill = made.spec["spec"]["layer"][1]["encoding"]["fill"]["scale"]
    assert dict(zip(fill["domain"], fill["range"], strict=True)) == {zero: theme.ZERO, missing: theme.MISSING}
