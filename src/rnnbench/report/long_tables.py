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


Grid = tuple[Array, Array]
"""The step of each probe, and the values [probe, lag or rank]."""


class LongTables:
    """The curves, profiles and spectra of runs; None or empty for a run without them.

    Where no layer and direction is named, it is that of the headline: the one whose gradient reaches furthest.
    """

    def __init__(self, result: Result) -> None:
        curves, profiles, spectra = (result.tables[name] for name in ("curves", "profiles", "spectra"))
        losses = curves[(curves["split"] == "val") & (curves["metric"] == "loss")]
        self._losses = {
            str(run_id): dict(zip(each["step"].tolist(), each["value"].tolist(), strict=True))
            for run_id, each in losses.groupby("run_id", sort=False)
        }
        # Of a norm that is zero in every sequence the logarithm is -inf; where it is not finite or missing, it is nan.
        zero = profiles["log10_mean"].isna() & (profiles["dead"] == 1)
        profiles = profiles.assign(log10_mean=profiles["log10_mean"].mask(zero, -np.inf))
        self._profiles = {str(part): _grids(each, "lag", "log10_mean") for part, each in profiles.groupby("part")}
        self._spectra = _grids(spectra, "rank", "exponent")
        self._headlines = {run["run_id"]: run for run in result.runs}

    def loss(self, run_id: str) -> dict[int, float]:
        """Return the validation loss by training step."""
        return self._losses.get(run_id, {})

    def layer_directions(self, run_id: str) -> list[LayerDirection]:
        """Return the layers and directions that were probed, from the first layer up, forward before backward."""
        return list(self._profiles.get("state", {}).get(run_id, {}))

    def parts(self, run_id: str) -> list[str]:
        """Return the parts of the state that were probed: ``state``, the whole, and each alone."""
        return [part for part, runs in self._profiles.items() if run_id in runs]

    def profile(
        self, run_id: str, moment: str, layer_direction: LayerDirection | None = None, part: str = "state"
    ) -> Array | None:
        """Return log10 of the mean norm of dL/ds by lag at a moment; -inf where it is zero, nan where it is unknown."""
        found = self._grid(self._profiles.get(part, {}), run_id, moment, layer_direction)
        return None if found is None else found[1][PROBE[moment]]

    def spectrum(self, run_id: str, moment: str, layer_direction: LayerDirection | None = None) -> Array | None:
        """Return the largest Lyapunov exponents by rank at a moment."""
        found = self._grid(self._spectra, run_id, moment, layer_direction)
        return None if found is None else found[1][PROBE[moment]]

    def history(self, run_id: str, layer_direction: LayerDirection | None = None) -> Grid | None:
        """Return the step of each probe, and the profiles [probe, lag], by default of the headline after training."""
        return self._grid(self._profiles.get("state", {}), run_id, "final", layer_direction)

    def _grid(
        self,
        tables: dict[str, dict[LayerDirection, Grid]],
        run_id: str,
        moment: str,
        layer_direction: LayerDirection | None,
    ) -> Grid | None:
        found = tables.get(run_id, {})
        head = next(iter(found)) if len(found) == 1 else self._headlines[run_id].get(f"headline_{moment}") or ""
        return found.get(layer_direction or head)


def _grids(table: pd.DataFrame, over: str, value: str) -> dict[str, dict[LayerDirection, Grid]]:
    """Return the values of each run by layer and direction, in order."""
    found: dict[str, dict[LayerDirection, Grid]] = {}
    ordered = table.assign(place=table["direction"].map(DIRECTIONS.index))
    for (run_id, layer, _, direction), each in ordered.groupby(["run_id", "layer", "place", "direction"]):
        steps, row = np.unique(each["step"].to_numpy(), return_inverse=True)
        ranks, column = np.unique(each[over].to_numpy(), return_inverse=True)
        grid = np.full((len(steps), len(ranks)), np.nan)
        grid[row, column] = each[value].to_numpy()
        found.setdefault(str(run_id), {})[in_words(f"layer{layer}_{direction}")] = steps, grid
    return found
