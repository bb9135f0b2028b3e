"""Text for language tasks, read through Hugging Face ``datasets``: a built-in corpus, a file, or a data set of the Hub.

The built-in corpus ``docs`` is the documentation that Python carries in ``pydoc_data.topics``: real English prose, on
every machine, without a download. It differs from one Python version to the next, so its sha256 goes into every record.
"""

from __future__ import annotations

import hashlib
import socket
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit
from urllib.request import getproxies

from rnnbench.errors import UserError

HUB = "hub:"


class Corpus(NamedTuple):
    """A text and the sha256 of its UTF-8 form."""

    text: str
    sha256: str


def check(name: str, characters: int) -> None:
    """Raises UserError where ``name`` cannot be a corpus of at least ``characters``. Reads nothing."""
    if name == "docs" or name.startswith(HUB):
        return
    path = Path(name)
    if not path.is_file():
        raise UserError(
            f"task.corpus={name}: no such file; give a text file, 'docs' for the built-in corpus, "
            "or 'hub:NAME' for a data set of the Hugging Face Hub"
        )
    if path.stat().st_size < characters:
        raise too_short(name, path.stat().st_size, characters)


def too_short(name: str, have: int, need: int) -> UserError:
    """The error for a corpus that does not hold one chunk in each of its splits."""
    return UserError(
        f"task.corpus={name}: {have} characters are too few, {need} are needed so that each split holds one chunk; "
        "use a longer text, or a smaller task.length or task.batch_size"
    )


def load(name: str) -> Corpus:
    """The corpus called ``name``: ``docs``, a path, or ``hub:NAME``. Raises UserError where it cannot be read."""
    import datasets  # a second to import: only a run that reads text pays it

    datasets.disable_progress_bars()
    if name == "docs":
        from pydoc_data.topics import topics

        rows: Any = datasets.Dataset.from_dict({"text": [topics[key] for key in sorted(topics)]})
    elif name.startswith(HUB):
        rows = _from_hub(name)
    else:
        rows = _from_file(name)
    text = "\n".join(rows["text"])
    return Corpus(text, hashlib.sha256(text.encode()).hexdigest())


def _from_file(name: str) -> Any:
    import datasets

    try:
        return datasets.load_dataset("text", data_files=name, sample_by="document", split="train")
    except datasets.exceptions.DatasetGenerationError as error:
        cause = error.__cause__ or error
        raise UserError(f"task.corpus={name}: cannot be read as UTF-8 text: {cause}") from error


def _from_hub(name: str) -> Any:
    import datasets

    _go_offline_if_unreachable()
    try:
        rows = datasets.load_dataset(name.removeprefix(HUB), split="train")
    except (ConnectionError, FileNotFoundError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"task.corpus={name}: {reason}; without a network use a local file or 'docs'") from error
    if "text" not in rows.column_names:
        raise UserError(f"task.corpus={name}: has no column 'text', only {', '.join(rows.column_names)}")
    return rows


def _go_offline_if_unreachable() -> None:
    """Without a network ``datasets`` retries for half a minute; offline it uses its cache, or says no at once."""
    import datasets
    from huggingface_hub import constants

    if getproxies():  # then a direct connection proves nothing
        return
    server = urlsplit(constants.ENDPOINT)
    try:
        socket.create_connection((server.hostname, server.port or 443), timeout=1).close()
    except OSError:
        constants.HF_HUB_OFFLINE = datasets.config.HF_HUB_OFFLINE = True
