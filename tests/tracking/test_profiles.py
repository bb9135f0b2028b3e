"""What is logged of the gradient over lag, from planted norms: no client, no training."""

import numpy as np
import pytest

from rnnbench.tracking import charts, profiles
from rnnbench.tracking.keys import FLOOR


def arrays(norms):
    """Of a state with two parts."""
    found = dict.fromkeys(("state", "h", "c"), norms)
    return found | {f"{name}_median": norms for name in found}


def test_logarithms_end_at_the_floor_and_keep_what_is_missing():
    norms = np.array([1e3, 1e-44, 1e-46, 0, np.nan]).reshape(1, 1, 1, 5)
    found = profiles.logarithms(arrays(norms))
    assert list(found) == ["state", "h", "c"]
    for logs in found.values():
        np.testing.assert_allclose(logs[0, 0, 0], [3, -44, FLOOR, FLOOR, np.nan])
    one = dict.fromkeys(("state", "state_median", "h", "h_median", "step", "half_life"), norms)
    assert list(profiles.logarithms(one)) == ["state"]


@pytest.mark.parametrize(("lags", "stride"), [(50, 1), (1_667, 2), (6_000, 4)])
def test_a_table_has_every_lag_or_as_many_as_fit(lags, stride):
    logs = -np.arange(2 * 2 * 1 * lags, dtype=float).reshape(2, 2, 1, lags)
    rows = list(profiles.table_rows({"state": logs, "h": logs, "c": logs}, np.array([0, 10])))
    assert len(rows) == 3 * 2 * 2 * len(range(0, lags, stride)) <= profiles.ROWS
    for step, layer, direction, part, lag, norm in rows[:: max(1, len(rows) // 50)]:
        assert direction == "forward"
        assert part in ("state", "h", "c")
        assert norm == logs[step // 10, layer - 1, 0, lag]


def test_zero_is_not_drawn_as_missing_nor_as_small():
    logs = np.array([0, -10, FLOOR, np.nan]).reshape(1, 1, 1, 4)
    figure = charts.heat_map(np.array([0]), logs, FLOOR)
    (mesh,) = figure.axes[0].collections
    colors = mesh.to_rgba(mesh.get_array()).reshape(4, 4)
    assert len({tuple(color) for color in colors}) == 4
    assert figure.get_suptitle() == "gray: zero, or at most 1e-45; white: missing"


def test_every_layer_and_direction_is_drawn():
    figure = charts.heat_map(np.array([0, 5]), np.zeros((2, 3, 2, 4)), FLOOR)
    titles = [axes.get_title() for axes in figure.axes if axes.get_title()]
    assert titles == [f"layer {layer}, {way}" for layer in (1, 2, 3) for way in ("forward", "backward")]
    values = np.ones((2, 3, 2, 4))
    assert len(charts.spectra(values, [values, values]).axes) == 2 * 3 * 2
    assert len(charts.spectra(values, []).axes) == 3 * 2  # lyapunov was asked for without jacobian
