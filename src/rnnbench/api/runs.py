"""Runs from Python: configure and run one, load a finished one, read published results."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import torch

from rnnbench.builders.network import build_model
from rnnbench.config.schema import Config
from rnnbench.errors import UserError, check_name
from rnnbench.network.model import Model
from rnnbench.outcomes import lengths, result
from rnnbench.store import records
from rnnbench.store.records import Record
from rnnbench.sweep.configuration import configure as configure
from rnnbench.sweep.configuration import read

CHECKPOINT = "last.ckpt"


class Loaded(NamedTuple):
    """A finished run: the trained network, in evaluation mode on the CPU, its configuration and its record."""

    network: Model
    configuration: Config
    record: Record


class Results(NamedTuple):
    """The tables of a result: a row a run, and long tables by run_id, layer and direction, step."""

    rows: pd.DataFrame
    profiles: pd.DataFrame
    curves: pd.DataFrame
    spectra: pd.DataFrame
    lengths: pd.DataFrame
    """A row a run and length at which it was tested, from ``rows``; empty where that is one length."""


def build_network(*overrides: str, seed: int = 0) -> Model:
    """Return the untrained network that ``overrides``, as in ``rnnbench train cell=gru``, describe.

    Its parameters are drawn with ``seed``; torch's generator stays as it was. It takes inputs [T, B, I] or tokens
    [T, B]. Raises UserError where the overrides are not valid.

    >>> network = build_network("cell=gru", "network.hidden_size=8", "task=adding")
    >>> network(torch.randn(20, 4, 2)).prediction.shape
    torch.Size([4, 1])
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return build_model(configure(*overrides))


def run(*overrides: str) -> Record:
    """Train the run that ``overrides`` describe, as ``rnnbench train`` does, and return its record.

    A run that has ended returns the record it has. It writes below ``runs_dir``. Raises UserError where the overrides
    are not valid, before anything is written.

    >>> record = run("cell=gru", "network.hidden_size=4", "task.length=8", "trainer.max_steps=4", "tracking=disabled",
    ...              "probe=off", "task.validation_sequences=32", "task.test_sequences=32")
    step 4 of 4, ...
    adding-gru-seed0-...: done, score ...
    >>> record.steps
    4
    """
    from rnnbench.runner import run as run_config  # Lightning, which takes seconds to load

    return run_config(configure(*overrides))


def load(folder: str | Path) -> Loaded:
    """Return the network, the configuration and the record of the finished run in ``folder``, runs/NAME/RUN_ID.

    Raises UserError where there is no finished run, or its checkpoint is gone.

    >>> record = run("cell=lstm", "network.hidden_size=4", "task.length=8", "trainer.max_steps=4", "tracking=disabled",
    ...              "probe=off", "task.validation_sequences=32", "task.test_sequences=32")
    step 4 of 4, ...
    adding-lstm-seed0-...: done, score ...
    >>> network, configuration, record = load(f"runs/scratch/{record.run_id}")
    >>> configuration.cell.name
    'lstm'
    """
    folder = Path(folder)
    record = records.read(folder)
    if record is None or not record.complete:
        raise UserError(f"{folder}: holds no finished run; give the folder of one, as in runs/demo/RUN_ID")
    config = read(folder / records.CONFIG)
    path = folder / CHECKPOINT
    if not path.exists():
        raise UserError(f"{path}: is gone; force=true runs it again")
    with torch.random.fork_rng(devices=[]):
        network = build_model(config)
    weights: dict[str, Any] = torch.load(path, weights_only=True, map_location="cpu")["state_dict"]
    prefix = "model."
    network.load_state_dict({k.removeprefix(prefix): v for k, v in weights.items() if k.startswith(prefix)})
    return Loaded(network.eval(), config, record)


def results(name: str, results_dir: str | Path = "results") -> Results:
    """Return the tables of the published result ``results_dir/name``.

    Those of a local report are ``results("report", "runs/NAME")``. The columns of ``rows`` are explained in its
    README.md. Raises UserError where there is none or it is damaged.
    """
    found = result.read(Path(results_dir) / check_name(name))
    long = {each: found.tables[each] for each in ("profiles", "curves", "spectra")}
    return Results(rows=found.rows, lengths=lengths.table(found.runs), **long)
