"""Runs as they may have ended, without any training: records, their rows, and what a sweep leaves on disk."""

import hashlib
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pandas as pd
import pytest

from rnnbench.outcomes import provenance, rows
from rnnbench.outcomes.columns import REPORT, row
from rnnbench.outcomes.merge import Source
from rnnbench.outcomes.phases import divide
from rnnbench.outcomes.result import SCHEMAS, Result, conformed, no_rows
from rnnbench.report import figures, overview
from rnnbench.store import protocol, records
from rnnbench.store.protocol import Protocol
from rnnbench.store.records import Record

MACHINE = {"processor": "p", "instructions": "avx2", "cores": 2, "platform": "l", "accelerator": "none"}
OTHER = MACHINE | {"processor": "q"}
PROBED = {"headline": "layer 1, forward", "decay": "decays", "slope": -0.1, "fit": 1.0, "half_life": math.log(2) / 0.1,
          "horizon": 40, "vanishing_ratio": 0.01, "far_share": 0.2, "dead_share": 0.0}  # fmt: skip
TUNED = Protocol(tune={"optimizer.lr": [0.01, 0.1, 1.0]}, tune_seeds=[10], report_seeds=[0, 1, 2], tolerance={})


@contextmanager
def without_figures() -> Iterator[None]:
    """Reports without their figures, which take long."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(figures, "draw_all", lambda *arguments: {})
        patch.setattr(overview, "picture", lambda boards: "<svg/>")
        yield


@contextmanager
def without_pictures() -> Iterator[None]:
    """Reports whose figures are in the page alone, for a browser to draw."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("rnnbench.report.charts.chart.svg", lambda *arguments: "<svg/>")
        yield


def make(seed=0, status="done", score=0.5, cell="lstm", task="adding", **changes):
    """One record that agrees with itself; ``changes`` are of its configuration. Only a done run has a score."""
    config = {
        "seed": seed,
        "name": "e",
        "cell": {"name": cell},
        "task": {"name": task},
        "tracking": {"mode": "x", "job_type": "report"},
    }
    loss = {} if status != "done" else {"val/loss": 1 - score, "test/loss": 1 - score, "test/mse": 1 - score}
    return Record(
        run_id=f"{task}-{cell}-{seed}", experiment="e", status=status, config=config | changes, seed=seed,
        metric="mse", final=loss, baseline=1.0, validation_baseline=1.0, steps=1000,
        diverged_at_step=1000 if status == "diverged" else None,
    )  # fmt: skip


def record(cell, seed, lr, score=None, task="adding", length=500, solved=None, status="done", **changes):
    """One run of a tuned sweep; ``changes`` are of its fields."""
    found = make(seed, status, score, cell, optimizer={"lr": lr})
    found.config["task"] = {"name": task, "length": length}
    found.run_id = f"{task}-{cell}-seed{seed}-{hashlib.sha256(str((task, cell, lr, length)).encode()).hexdigest()[:10]}"
    values = {"solved_at_step": solved, "steps": solved or 1000, "seconds": 20.0 + seed, "parameters": 20000,
              "commit": "a" * 40, "versions": {"torch": "1"}, "machine": MACHINE,
              "command": "rnnbench train experiment=e", "started": f"2026-01-0{1 + seed % 7}T00:00:00+00:00",
              "ended": "2026-01-09T00:00:00+00:00", "flops": 40000, "state_size": 128}  # fmt: skip
    return replace(found, **(values | changes))


def board(scores, solved=None, chosen=0.1, **options):
    """Each cell's tuning runs, of which ``chosen`` is the best, and three reported ones around its score."""
    solved, runs = solved or {}, []
    for cell, score in scores.items():
        runs += [record(cell, 10, lr, 0.9 if lr == chosen else 0.1, **options) for lr in (0.01, 0.1, 1.0)]
        runs += [record(cell, seed, chosen, score + off, solved=solved.get(cell), **options)
                 for seed, off in ((0, 0), (1, -0.01), (2, 0.01))]  # fmt: skip
    return runs


def leave(folder, found, declared=TUNED):
    """The runs of a sweep as files; one that was not tuned has no protocol."""
    for each in found:
        (folder / each.run_id).mkdir(parents=True)
        records.write(folder / each.run_id, each)
    if declared is not None:
        protocol.write(folder, declared)


def frame(found):
    """Records as the rows of a result in which all of them are reported."""
    return rows.frame(row(each) | {"phase": REPORT, "environment": 0} for each in found)


def lines(table, run_id, value):
    """Two rows of a long table, all of whose numbers are ``value``."""
    known = {"run_id": run_id, "moment": "final", "direction": "forward", "part": "state", "split": "val",
             "metric": "loss"}  # fmt: skip
    names = [name for name in SCHEMAS[table].names if name not in known]
    frame = pd.DataFrame([known | dict.fromkeys(names, value)] * 2)
    return conformed(table, frame[SCHEMAS[table].names])


def source(name, found, drawn=None, declared=None, **facts):
    """What one machine has: runs, and the value of all lines of those with profiles and curves, by run_id."""
    environments = provenance.distinct(map(provenance.environment, found))
    listed = [row(each) | {"environment": provenance.place(provenance.environment(each), environments)}
              for each in found]  # fmt: skip
    tables = {
        table: pd.concat([lines(table, *each) for each in drawn.items()], ignore_index=True)
        if drawn
        else no_rows(table)
        for table in SCHEMAS
    }
    made = Result(
        "e", rows.frame(listed), declared, tables, commands=sorted({each.command for each in found}),
        environments=environments, data=provenance.unique(each.data for each in found), **facts,
    )  # fmt: skip
    return Source(name, divide(made))
