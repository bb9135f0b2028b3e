"""How costs grow: the exponent of a power law through the time of a training step, in T and in H."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from rnnbench.bench.part import Goal, Part, Row
from rnnbench.bench.training import short, step_seconds

SERIES = {"T": ("task.length", (50, 100, 200, 400)), "H": ("network.hidden_size", (32, 64, 128, 256))}
CELL_NAMES = ("elman", "gru", "lstm", "mgu")


def measure(_: str) -> Iterator[Row]:
    """Yield the exponent of each cell in each size; the other sizes are T=100, H=64, B=32."""
    for name in CELL_NAMES:
        for letter, (key, values) in SERIES.items():
            times = [
                step_seconds(short(f"cell={name}", "task.length=100", "network.hidden_size=64", f"{key}={value}"))
                for value in values
            ]
            exponent = np.polynomial.polynomial.polyfit(np.log(values), np.log(times), 1)[1]
            yield {"cell": name, "in": letter, "from": values[0], "to": values[-1], "exponent": float(exponent)}


PART = Part(
    title="How the time of a training step grows",
    text="The exponent of a power law, at T=100, H=64, B=32 where nothing else is varied. Matrix products grow with "
    "the square of H, all else with H.",
    measure=measure,
    table=lambda rows: rows.round(2),
    goals=(
        Goal("exponent in T", lambda rows: rows[rows["in"] == "T"].exponent.max(), 1.1),
        Goal("exponent in H", lambda rows: rows[rows["in"] == "H"].exponent.max(), 2.0),
    ),
)
