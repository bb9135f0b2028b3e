"""Reads what the W&B client wrote of a run, once it has all been written."""

import json
import time
from pathlib import Path
from typing import Any

from wandb.proto.wandb_internal_pb2 import Record

from rnnbench.tracking import wandb_files


def entries(folder: Path) -> list[Record]:
    """All records of one offline run folder, in order. W&B's service may still write when `finish` has returned."""
    deadline = time.monotonic() + 30
    while not wandb_files.ended(folder):
        assert time.monotonic() < deadline, f"{folder} never ended"
        time.sleep(0.05)
    return list(wandb_files.entries(folder))


def history(folder: Path) -> list[dict[str, Any]]:
    """The logged rows."""
    return [
        {item.key or "/".join(item.nested_key): json.loads(item.value_json) for item in record.history.item}
        for record in entries(folder)
        if record.WhichOneof("record_type") == "history"
    ]
