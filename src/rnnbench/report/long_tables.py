"""The long tables of a result, run by run, for figures."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from rnnbench.outcomes.layer_directions import DIRECTIONS, in_words
from rnnbench.outcomes.result import Result

Array = np.ndarray[Any, Any]
LayerDirection = str
"""A layer and a direction, as rows name them: "layer 1, forward"."""
PROBE = {"initial": 0, "final": -1}
"""The place of each moment among the probes of a run."""


class LongTables:
    """The curves, profiles and spectra of runs; None or empty for a run without them.

    Where no layer and direction is named, it is that of the headline: the one whose gradient reaches furthest.
    """

    def __init__(self, result: Result) -> None:
        curves, profiles, spectra = (result.tables[name] for name in ("curves", "profiles", "spectra"))
        losses = curves[(curves["split"] == "val") & (curves["metric"] == "loss")]
        self._losses = {run_id: dict(zip(each["step"], each["value"], strict=True)) for run_id, each in _by_run(losses)}
        self._profiles = _by_layer_direction(profiles[profiles["part"] == "state"])
        self._spectra = _by_layer_direction(spectra)
        self._headlines = {run["run_id"]: run for run in result.runs}

    def loss(self, run_id: str) -> dict[int, float]:
        """Return the validation loss by training step."""
        return self._losses.get(run_id, {})

    def layer_directions(self, run_id: str) -> list[LayerDirection]:
        """Return the layers and directions that were probed, from the first layer up, forward before backward."""
        return list(self._profiles.get(run_id, {}))

    def profile(self, run_id: str, moment: str, layer_direction: LayerDirection | None = None) -> Array | None:
        """Return log10 of the mean norm of dL/ds by lag, nan where it is zero, at a moment."""
        found = self._grid(self._profiles, run_id, moment, layer_direction, "lag", "log10_mean")
        return None if found is None else found[1][PROBE[moment]]

    def spectrum(self, run_id: str, moment: str, layer_direction: LayerDirection | None = None) -> Array | None:
        """Return the largest Lyapunov exponents by rank at a moment."""
        found = self._grid(self._spectra, run_id, moment, layer_direction, "rank", "exponent")
        return None if found is None else found[1][PROBE[moment]]

    def history(self, run_id: str) -> tuple[Array, Array] | None:
        """Return the step of each probe, and the profiles [probe, lag] of what is the headline after training."""
        return self._grid(self._profiles, run_id, "final", None, "lag", "log10_mean")

    def _grid(
        self,
        tables: dict[str, dict[LayerDirection, pd.DataFrame]],
        run_id: str,
        moment: str,
        layer_direction: LayerDirection | None,
        over: str,
        value: str,
    ) -> tuple[Array, Array] | None:
        found = tables.get(run_id, {})
        head = next(iter(found)) if len(found) == 1 else self._headlines[run_id].get(f"headline_{moment}") or ""
        table = found.get(layer_direction or head)
        if table is None:
            return None
        grid = table.pivot_table(index="step", columns=over, values=value, dropna=False)
        return grid.index.to_numpy(), grid.to_numpy(dtype=float)


def _by_run(table: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    return [(str(run_id), each) for run_id, each in table.groupby("run_id", sort=False)]


def _by_layer_direction(table: pd.DataFrame) -> dict[str, dict[LayerDirection, pd.DataFrame]]:
    found: dict[str, dict[LayerDirection, pd.DataFrame]] = {}
    ordered = table.assign(place=table["direction"].map(DIRECTIONS.index))
    for (run_id, layer, _, direction), each in ordered.groupby(["run_id", "layer", "place", "direction"]):
        found.setdefault(str(run_id), {})[in_words(f"layer{layer}_{direction}")] = each
    return found
