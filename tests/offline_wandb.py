"""Reads what the W&B client wrote: a LevelDB log of protocol buffers behind a header of seven bytes."""

import json
import struct
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from google.protobuf.message import DecodeError
from wandb.proto.wandb_internal_pb2 import Record

BLOCK = 32768


def entries(folder: Path) -> list[Record]:
    """All records of one offline run folder, in order. W&B's service may still write when `finish` has returned."""
    (path,) = folder.glob("*.wandb")
    deadline = time.monotonic() + 30
    while True:
        with suppress(DecodeError):  # half a record
            found = list(_parse(path.read_bytes()))
            if found and found[-1].WhichOneof("record_type") == "exit":
                return found
        assert time.monotonic() < deadline, f"{path} never ended"
        time.sleep(0.05)


def _parse(data: bytes) -> Iterator[Record]:
    position, pending = 7, b""
    while position + 7 <= len(data):
        left = BLOCK - position % BLOCK
        if left < 7:  # a block's end that holds no header is padding
            position += left
            continue
        _, length, kind = struct.unpack_from("<IHB", data, position)
        pending += data[position + 7 : position + 7 + length]
        position += 7 + length
        if kind in (1, 4):  # whole, or the last piece
            record = Record()
            record.ParseFromString(pending)
            pending = b""
            yield record


def history(folder: Path) -> list[dict[str, Any]]:
    """The logged rows."""
    return [
        {item.key or "/".join(item.nested_key): json.loads(item.value_json) for item in record.history.item}
        for record in entries(folder)
        if record.WhichOneof("record_type") == "history"
    ]


if __name__ == "__main__":  # exits with 0 where the run in a folder was finished without an error
    import sys

    sys.exit(entries(Path(sys.argv[1]))[-1].exit.exit_code)
