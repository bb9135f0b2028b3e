"""What a run logged, from its metrics.csv."""

import pandas as pd


def curve(folder, metric):
    """The values of a metric by step; each step has one."""
    table = pd.read_csv(folder / "metrics.csv")
    found = table[table[metric].notna()] if metric in table else table[:0]
    assert not found["step"].duplicated().any(), "logged twice at a step"
    return dict(zip(found["step"].tolist(), found.get(metric, []), strict=True))
