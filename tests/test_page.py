"""The page of a report, in a real browser."""

import shutil

import numpy as np
import pytest

from rnnbench import records
from rnnbench.report import write_report

EVIL = """<img src=x onerror=alert(1)>"&'"""
T, PROBES = 40, 3


def leave(folder, cell, *, task="adding", seed=0, solved=None, status="done", score=0.5, probe=True, **factors):
    """What a run leaves behind, by hand: a record, a learning curve and the arrays of a full probe."""
    generator = np.random.default_rng(seed)
    run_id = f"{task}-{len(list(folder.glob('*')))}"
    (folder / run_id).mkdir(parents=True)
    losses = np.exp(-np.linspace(0, 1 + 2 * max(score or 0, 0), 21)) * generator.uniform(0.8, 1.2, 21)
    rows = [f"{50 * step},{loss}\n" for step, loss in enumerate(losses)]
    (folder / run_id / "metrics.csv").write_text("step,val/loss\n" + "".join(rows))
    if probe:
        slopes = np.linspace(-0.4, -0.4 * (1 - max(score or 0, 0)), PROBES)[:, None]
        norms = np.exp(slopes * np.arange(T) + generator.normal(0, 0.2, (PROBES, T)))
        lyapunov = -np.arange(1, 9) * 0.1 * generator.uniform(0.8, 1.2, (PROBES, 1, 1, 8))
        np.savez(folder / run_id / "gradients.npz", h=norms[:, None, None], lyapunov=lyapunov, step=[0, 500, 1000])
    decay = {"half_life": 1.5, "horizon": int(5 + 30 * max(score or 0, 0)), "slope": -0.4, "vanishing_ratio": 0.1}
    record = records.Record(
        run_id=run_id, experiment=folder.name, status=status, seed=seed, score=score, metric="mse", solved_at_step=solved,
        config={"seed": seed, "cell": {"name": cell}, "task": {"name": task}} | factors, command="python scripts/train.py",
        final={"test/mse": 0.1}, baseline=1.0, validation_baseline=1.0, steps=1000, seconds=10.0 + seed, parameters=4000,
        gradients={"initial": decay, "final": decay} if probe else {}, versions={"torch": "2.13.0"}, commit="abc",
        machine={"processor": "p", "cores": 2, "platform": "l", "accelerator": "none"},
    )  # fmt: skip
    records.write(folder / run_id, record)
    return record
