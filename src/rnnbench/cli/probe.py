"""``rnnbench probe``: finished runs, measured again from their checkpoints: any diagnostic, at any time after training.

The network before training is built again from the seed, that after training is read from ``last.ckpt``. What is found
is added to the record and to ``gradients.npz``; earlier measurements stay, unless they are requested again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np

from rnnbench.cli import options
from rnnbench.config.schema import Config
from rnnbench.errors import UserError
from rnnbench.store import records
from rnnbench.store.files import locked, replacing
from rnnbench.store.records import Record
from rnnbench.sweep.configuration import read

ARRAYS = "gradients.npz"


@click.command("probe")
@options.name
@click.argument("diagnostics", nargs=-1, required=True)
@options.runs_dir
def command(name: str, diagnostics: tuple[str, ...], runs_dir: Path) -> None:
    """Measure the finished runs of the experiment NAME again: rnnbench probe NAME newton sharpness.

    DIAGNOSTICS are those that rnnbench diagnostics shows, or package.module:NAME. They are added to the runs' records:
    publish them with rnnbench publish NAME.
    """
    for line in probe(runs_dir / name, diagnostics):
        print(line, flush=True)


def probe(sweep: Path, diagnostics: Sequence[str]) -> Iterator[str]:
    """Measure every finished run of ``sweep``, a folder of runs, and yield what was done for each, in a line.

    Raises UserError before any run is touched for an unknown diagnostic, and where there is no finished run.
    """
    from rnnbench.gradients.registry import named  # loads torch

    for name in diagnostics:
        named(name)
    runs = [record for record in records.read_all(sweep) if record.complete]
    if not runs:
        raise UserError(f"{sweep}: has no finished runs; give the name of an experiment that has run")
    for record in runs:
        folder = sweep / record.run_id
        with locked(folder):
            yield f"{record.run_id}: {_measure(folder, record, diagnostics)}"


def _measure(folder: Path, record: Record, diagnostics: Sequence[str]) -> str:
    """Measure one run, whose folder is locked, and return in a line what was done."""
    config = read(folder / records.CONFIG)
    if config.run_id != record.run_id:
        return f"left alone, its {records.CONFIG} is that of {config.run_id}"
    path = folder / "last.ckpt"
    if not path.exists():
        return "left alone, its last.ckpt is gone; force=true runs it again"
    config.probe.diagnostics = list(diagnostics)
    if config.probe.kind == "off":
        config.probe.kind = "default"
    found = dict(zip(("initial", "final"), _surveys(config, path), strict=True))
    if any(survey is None for survey in found.values()):
        return "left alone, its states are not finite"
    with replacing(folder / ARRAYS) as temporary:
        _merge(folder / ARRAYS, temporary, found, record.steps)
    for moment, survey in found.items():
        record.gradients[moment] = record.gradients.get(moment, {}) | records.finite(survey.scalars)
    records.write(folder, record, ended=record.ended)
    return "measured: " + ", ".join(diagnostics)


def _surveys(config: Config, checkpoint: Path) -> list[Any]:
    """Return the surveys of the network before and after training; None for one whose states are not finite."""
    import pytorch_lightning as lightning
    import torch

    from rnnbench.builders.training import build_learner, build_probe

    torch.set_num_threads(config.trainer.threads)
    lightning.seed_everything(config.seed, verbose=False)
    learner, measuring = build_learner(config), build_probe(config)
    assert measuring is not None  # the kind is not off
    found: list[Any] = []
    for weights in (None, torch.load(checkpoint, weights_only=True, map_location="cpu")["state_dict"]):
        if weights is not None:
            learner.load_state_dict(weights)
        try:
            found.append(measuring.survey(learner.model, measuring.batch))
        except FloatingPointError:
            found.append(None)
    return found


def _merge(old: Path, new: Path, found: dict[str, Any], steps: int) -> None:
    """Write ``new``, the arrays of ``old`` with those of the ``found`` surveys at the first and the last probe.

    At the probes between, where nothing was measured, they are nan.
    """
    arrays: dict[str, Any] = {}
    if old.exists():
        with np.load(old, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    else:
        lag = np.arange(found["initial"].arrays["state"].values.shape[-1])
        arrays = {"step": np.array([0, steps]), "lag": lag}
        arrays |= {f"{name}.axes": np.array(axes) for name, axes in (("step", ["probe"]), ("lag", ["lag"]))}
    count = len(arrays["step"])
    for name, (axes, first) in found["initial"].arrays.items():
        last = found["final"].arrays[name].values
        if first.shape != last.shape:
            continue
        values = np.full((count, *first.shape), np.nan)
        if name in arrays and arrays[name].shape == values.shape:
            values = arrays[name]
        values[0], values[-1] = first, last
        arrays[name], arrays[f"{name}.axes"] = values, np.array(("probe", *axes))
    with new.open("wb") as stream:  # given a path, NumPy chooses its ending
        np.savez_compressed(stream, **arrays)
