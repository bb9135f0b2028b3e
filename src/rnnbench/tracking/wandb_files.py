"""The files of the W&B client for a run, in ``<runs_dir>/<name>/wandb/[offline-]run-<time>-<id>/``.

``run-<id>.wandb`` is a LevelDB log (github.com/google/leveldb, doc/log_format.md) of protocol buffers, after seven
bytes of the client's own; ``run-<id>.wandb.synced`` beside it says that the server has everything.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

BLOCK = 32768
LOSSES = ("filestream:", "file transfer:", "runupserter:", "runreader:", "sender: failed to log artifact:")
"""The client's parts that carry a run's data, as its log names them."""
GONE = "no such file or directory"
"""How the client's log ends where a file of a table or an artifact is no longer where the run left it."""


def folders(experiment: Path) -> list[Path]:
    """Return the W&B folders of all runs of an experiment, offline and online ones, in the order of their start."""
    found = [path for path in experiment.glob("wandb/*run-*-*") if any(path.glob("*.wandb"))]
    return sorted(found, key=lambda path: (_parts(path)[1], name(path)))


def run_id(folder: Path) -> str:
    """Return the id that W&B knows the run by."""
    return _parts(folder)[2]


def name(folder: Path) -> str:
    """Return the name of the run's own folder, beside W&B's, which ends as the id begins; else the id."""
    begins = run_id(folder).partition("-")[0]
    return next((path.name for path in folder.parents[1].glob(f"*-{begins}")), run_id(folder))


def marker(folder: Path) -> Path:
    """Return the file that exists once the server has the whole run."""
    return _log(folder).with_suffix(".wandb.synced")


def ended(folder: Path) -> bool:
    """Return whether the run in ``folder`` was finished, well or badly, rather than interrupted."""
    return any(entry.WhichOneof("record_type") == "exit" for entry in entries(folder))


def entries(folder: Path) -> Iterator[Any]:
    """Yield the records of one run (``wandb.proto.wandb_internal_pb2.Record``), in order, up to one that is cut off.

    Raises ValueError where one is damaged.
    """
    from wandb.proto.wandb_internal_pb2 import Record

    data = _log(folder).read_bytes()
    position, pending = 7, b""
    while position + 7 <= len(data):
        left = BLOCK - position % BLOCK
        if left < 7:  # a block's end that holds no header is padding
            position += left
            continue
        _, length, kind = struct.unpack_from("<IHB", data, position)
        position += 7 + length
        if position > len(data):
            return
        pending += data[position - length : position]
        if kind in (1, 4):  # whole, or the last piece
            record = Record()
            try:
                record.ParseFromString(pending)
            except Exception as error:  # protobuf has kinds of its own
                raise ValueError(f"{_log(folder).name} is damaged") from error
            pending = b""
            yield record


def loss(log: Path) -> str | None:
    """Return why the server did not accept all of a run, in one line; None if it did.

    Only the client's ``log`` shows it: the client succeeds and sets its marker even after the server refused the rows.
    A file that is gone is no reason, because another upload would not have it either: ``gone`` tells.
    """
    return next((line for line in _errors(log) if not line.endswith(GONE)), None)


def gone(log: Path) -> str | None:
    """Return which table or artifact could not be sent, because its files are gone, in one line; None if all were."""
    return next((line for line in _errors(log) if line.endswith(GONE)), None)


def _errors(log: Path) -> Iterator[str]:
    for line in log.read_text(encoding="utf-8").splitlines():
        entry = json.loads(line)
        if entry["level"].startswith("ERROR") and entry["msg"].startswith(LOSSES):
            yield " ".join(f"{entry['msg']} {entry.get('error', '')}".split())


def _parts(folder: Path) -> list[str]:
    """Return the parts of a folder's name: run, its time and its id."""
    return folder.name.removeprefix("offline-").split("-", 2)


def _log(folder: Path) -> Path:
    (path,) = folder.glob("*.wandb")
    return path
