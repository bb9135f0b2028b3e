"""The run store: the files of a run, written once and read often.

    <runs_dir>/<name>/<run_id>/    config.yaml  record.json  metrics.csv  gradients.npz  last.ckpt  best.ckpt

``record.json`` is written atomically and last: it is the only marker that a run is complete.
"""

from __future__ import annotations

import csv
import json
import math
import os
import shutil
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypedDict

from rnnbench.errors import UserError
from rnnbench.store import typed
from rnnbench.store.files import is_locked, replacing
from rnnbench.store.folder import REPORT
from rnnbench.store.status import Status

FILE = "record.json"
CONFIG = "config.yaml"
VERSION = 1
"""The version of records; it increases when a field that older programs need changes its meaning."""
PLANNED = "sweep.json"
EXPLODED = 1000
"""A loss above this multiple of the memoryless baseline, or of a uniform guess over the classes where that costs more,
is no result. No network that learned anything comes near it: below 3 in all results that are published here."""
LOG = "log.txt"


class _Planned(TypedDict):
    run_ids: list[str]


class Planned(_Planned, total=False):
    """The planned runs of an experiment."""

    published: str
    """The folder of the published result whose rows count as done, seen from here; absent where none do."""


@dataclass(kw_only=True)
class Record:
    """One run. Losses are in the task's unit, times in seconds, memory in bytes; None where there is nothing to say."""

    run_id: str
    experiment: str
    status: str
    """Of a ``Status`` that has ended."""
    error: str | None = None
    warnings: list[str] = field(default_factory=list)
    """Parts that failed after the test, and why, one a line; the result is complete without them."""
    command: str = ""
    config: dict[str, Any]
    seed: int
    data: dict[str, Any] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)
    """The sha256 of the local data and the classes that the configuration names, by setting (``config.sources``)."""
    hidden_size: int = 0
    """Units of each direction of each layer; with a ``network.budget``, the width that meets it."""
    parameters: int = 0
    state_size: int = 0
    """Real numbers that the network carries from one step to the next."""
    flops: int = 0
    """Floating-point operations of all matrix products of one step of one sequence."""
    off_budget: float | None = None
    """The share by which the network misses its ``network.budget``, above it or below; None without one."""
    steps: int = 0
    started: str = ""
    """When its first session began, and ``ended`` when its last one did: ISO 8601, UTC."""
    ended: str = ""
    seconds: float = 0.0
    steps_per_second: float = 0.0
    resumed: int = 0
    """How many times it went on from a checkpoint; ``seconds`` covers all sessions."""
    resumed_from: str | None = None
    """The run_id of the finished run that it trained on, whose steps, metrics and seconds are its first."""
    peak_memory: int = 0
    engine: str = ""
    """What ran the cells in training, such as compiled."""
    final: dict[str, float | None] = field(default_factory=dict)
    """Metrics after the last step: ``val/...`` and ``test/...``."""
    best: dict[str, float | None] = field(default_factory=dict)
    """Metrics at the lowest validation loss, and its ``step``."""
    metric: str = ""
    """The task's primary metric: ``test/<metric>`` in ``final``."""
    baseline: float | None = None
    """The memoryless loss on the test split."""
    validation_baseline: float | None = None
    test_sequences: int = 0
    validation_sequences: int = 0
    stopped_by: str | None = None
    """Why training ended: max_steps, solved, patience, not finite or callback; None in an older record."""
    solved_at_step: int | None = None
    diverged_at_step: int | None = None
    training: dict[str, float | None] = field(default_factory=dict)
    """Means over training: how often and how far the gradient was clipped, and its norm before and after."""
    gradients: dict[str, dict[str, float | str | None]] = field(default_factory=dict)
    """The probe's scalars of dL/ds_t, ``initial`` and ``final``: the scalars of a Survey."""
    sample: str | None = None
    """Text that the trained model wrote."""
    commit: str | None = None
    """The git commit, with ``+dirty`` where tracked files differed from it."""
    versions: dict[str, str] = field(default_factory=dict)
    machine: dict[str, Any] = field(default_factory=dict)
    version: int = VERSION
    """Of these fields. An older record lacks some, which then have their defaults."""

    @property
    def complete(self) -> bool:
        """Whether the run has a result: then the same configuration is not run again."""
        return Status(self.status).complete

    @property
    def score(self) -> float | None:
        """How the run counts (``Status.score``)."""
        return Status(self.status).score(self.final.get("test/loss"), self.baseline)

    @property
    def objective(self) -> float | None:
        """The validation score after the last step, by which settings are chosen, and how the run counts there."""
        return Status(self.status).score(self.final.get("val/loss"), self.validation_baseline)

    @property
    def test_metric(self) -> float | None:
        """The primary metric on the test split after the last step."""
        return self.final.get(f"test/{self.metric}")

    @property
    def outcome(self) -> str:
        """How the run ended, in a line."""
        solved = "" if self.solved_at_step is None else f", solved at step {self.solved_at_step}"
        ended = self.reason or f"score {self.score:.3f}{solved}"
        return "; ".join([f"{self.status}, {ended}", *self.warnings])

    @property
    def reason(self) -> str | None:
        """Why the run failed or diverged, in a line; None where it did not."""
        if self.status == Status.DONE:
            return None
        if self.status != Status.DIVERGED:
            lines = (self.error or "").strip().splitlines()
            return lines[-1] if lines else "unknown error"
        losses = [self.final.get("val/loss"), self.final.get("test/loss")]
        finite = [loss for loss in losses if loss is not None]
        exploded = len(finite) == len(losses) and max(finite) > EXPLODED * (self.baseline or 0)
        what = f"loss {max(finite):.3g}, far above the baseline," if exploded else "loss not finite"
        return f"{what} at step {self.diverged_at_step}"


def write(folder: Path, record: Record, ended: str | None = None) -> None:
    """Write ``folder/record.json`` atomically, which ends the run; numbers that are not finite are an error.

    The run ended now, or when ``ended`` says.
    """
    record.ended = ended or now()
    text = json.dumps(asdict(record) | {"score": record.score}, indent=2, allow_nan=False)
    with replacing(folder / FILE) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")


def finite(values: dict[str, Any]) -> dict[str, Any]:
    """Return ``values`` with None for each number that is not finite: JSON has no nan."""
    return {k: v if isinstance(v, str) or (v is not None and math.isfinite(v)) else None for k, v in values.items()}


def clear(folder: Path) -> None:
    """Delete the files of a run except its log, so that it starts over; its record last: until then it has ended."""
    for path in sorted(folder.glob("*"), key=lambda path: path.name == FILE):
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name != LOG:
            path.unlink()


def read(folder: Path) -> Record | None:
    """Return the record of one run folder, or None if the run has not ended. Raises UserError for a damaged file."""
    path = folder / FILE
    try:
        if not path.exists():
            return None
        values = typed.parse(path.read_text(encoding="utf-8"))
        if isinstance(values, dict) and isinstance(version := values.get("version"), int) and version > VERSION:
            raise UserError(f"{path}: of a newer rnnbench (version {version}, not {VERSION}); update this one")
        record = typed.build(Record, values)
        ended = [status for status in Status if status.ended]
        if record.status not in ended:
            raise ValueError(f"status is {record.status!r}, not one of {', '.join(ended)}")
    except (ValueError, OSError) as error:
        reason = " ".join(str(error).split())
        message = f"{path}: not a valid record ({reason}); delete it or use force=true to run it again"
        raise UserError(message) from error
    return record


def read_all(folder: Path) -> list[Record]:
    """Return the records of all ended runs of an experiment, in the order of their ids."""
    return [record for path in sorted(folder.glob(f"*/{FILE}")) if (record := read(path.parent)) is not None]


def begun(sweep: Path) -> list[str]:
    """Return the runs of an experiment that have a folder, of a sweep or by themselves, in the order of their ids."""
    return sorted(path.parent.name for path in sweep.glob(f"*/{CONFIG}") if path.parent.name != REPORT)


def open_state(folder: Path) -> Status:
    """Return how a run without a record stands: running in a living process, interrupted or waiting."""
    if is_locked(folder):
        return Status.RUNNING
    return Status.INTERRUPTED if folder.exists() else Status.WAITING


def planned(folder: Path) -> Planned:
    """Return what the sweeps of an experiment were to make. Raises UserError where the list is damaged."""
    path = folder / PLANNED
    try:
        if not path.exists():
            return {"run_ids": []}
        values: Planned = typed.parse(path.read_text(encoding="utf-8"))
        typed.check(values, Planned)
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: not a valid list of runs ({error}); launch the sweep again") from error
    values["run_ids"] = [name for name in dict.fromkeys(values["run_ids"]) if Path(name).name == name]
    if "published" in values:  # on disk seen from the folder, so that both can be moved together
        values["published"] = os.path.normpath(folder / values["published"])
    return values


def read_progress(folder: Path) -> tuple[int, float | None]:
    """Return the last logged step of a run and its training loss; the file may be only partly written."""
    path = folder / "metrics.csv"
    step, loss = 0, None
    with suppress(OSError, csv.Error), path.open(newline="", encoding="utf-8", errors="replace") as lines:
        for row in csv.DictReader(lines):
            with suppress(ValueError):  # half a row
                step = int(row.get("step") or step)
                loss = float(row["train/loss"]) if row.get("train/loss") else loss
    return step, loss


def now() -> str:
    """Return the time in UTC, to the second, as ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="seconds")
