"""What a run logged, from its metrics.csv."""

import csv


def curve(folder, metric):
    """The values of a metric by step; each step has one."""
    with (folder / "metrics.csv").open(newline="") as lines:
        found = [(int(row["step"]), float(row[metric])) for row in csv.DictReader(lines) if row.get(metric)]
    assert len(dict(found)) == len(found), "logged twice at a step"
    return dict(found)
