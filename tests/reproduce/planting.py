"""Errors planted in a published result."""

import csv
import json
from pathlib import Path

CONF = Path(__file__).parents[2] / "conf"
TRIAL = {"phase": "tuning", "cell": "elman", "optimizer.lr": "0.001"}


def plant(result, where, **changes):
    """Changes the row at a place of runs.csv, or the first with such values, and returns its run_id."""
    with (result / "runs.csv").open(newline="") as file:
        found = list(csv.DictReader(file))
    index = where if isinstance(where, int) else [where.items() <= row.items() for row in found].index(True)
    found[index] |= changes
    with (result / "runs.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(found[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(found)
    return found[index]["run_id"]


def alter(result, change):
    """Changes provenance.json."""
    path = result / "provenance.json"
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))
