"""The long tables of a result, run by run, for figures."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from rnnbench.store.result import Result

Array = np.ndarray[Any, Any]


class Lines:
    """What figures draw of a run; nothing for a run that has none. Gradients: the last layer's forward direction."""

    def __init__(self, result: Result) -> None:
        curves, profiles = result.tables["curves"], result.tables["profiles"]
        losses = curves[(curves["split"] == "val") & (curves["metric"] == "loss")]
        self._losses = {run_id: dict(zip(each["step"], each["value"], strict=True)) for run_id, each in _by_run(losses)}
        self._profiles = dict(_by_run(_last(profiles[profiles["part"] == "h"])))
        self._spectra = dict(_by_run(_last(result.tables["spectra"])))

    def loss(self, run_id: str) -> dict[int, float]:
        """Return the validation loss by training step."""
        return self._losses.get(run_id, {})

    def profiles(self, run_id: str) -> tuple[Array, Array] | None:
        """Return the step of each probe, and log10 of the mean norm of dL/dh [probe, lag], nan where it is zero."""
        return self._grid(self._profiles, run_id, "lag", "log10_mean")

    def spectra(self, run_id: str) -> tuple[Array, Array] | None:
        """Return the step of each probe, and the Lyapunov exponents [probe, rank]."""
        return self._grid(self._spectra, run_id, "rank", "exponent")

    @staticmethod
    def _grid(tables: dict[str, pd.DataFrame], run_id: str, over: str, value: str) -> tuple[Array, Array] | None:
        if run_id not in tables:
            return None
        grid = tables[run_id].pivot_table(index="step", columns=over, values=value, dropna=False)
        return grid.index.to_numpy(), grid.to_numpy(dtype=float)


def _by_run(table: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    return [(str(run_id), each) for run_id, each in table.groupby("run_id", sort=False)]


def _last(table: pd.DataFrame) -> pd.DataFrame:
    """The last layer's forward direction of each run."""
    last = table.groupby("run_id")["layer"].transform("max")
    return table[(table["direction"] == "forward") & (table["layer"] == last)]
