"""Data sets of the Hugging Face Hub, read through ``datasets``: a failure is one line and waits for no retries."""

from __future__ import annotations

import re
import socket
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from rnnbench.errors import UserError

PREFIX = "hub:"
"""What distinguishes the name of a data set from that of a file."""
PARQUET = "refs/convert/parquet"
"""The revision in which the Hub itself keeps the data of a repository that has a loading script alone."""


def check(setting: str, name: str) -> None:
    """Raise UserError where ``name`` cannot be a data set of the Hub. Uses no network."""
    if not re.fullmatch(r"[\w.-]+(/[\w.-]+)?", name, re.ASCII):
        raise UserError(f"{setting}: give the data set as {PREFIX}NAME or {PREFIX}OWNER/NAME")
    if Path(name).exists():  # which ``datasets`` would read
        raise UserError(
            f"{setting}: a file or folder {name} is here and would be read instead; start from another folder, or "
            f"give its path without {PREFIX}"
        )


def load(setting: str, name: str, instead: str, configuration: str | None = None, revision: str | None = None) -> Any:
    """Return the splits of a data set by name, requested by the ``setting`` "key=value".

    Raises UserError where it cannot be had, with ``instead``, what to use without a network.
    """
    import datasets

    check(setting, name)
    datasets.disable_progress_bars()
    _go_offline_if_unreachable()
    try:
        return datasets.load_dataset(name, configuration, revision=revision)
    except datasets.exceptions.DatasetNotFoundError as error:
        raise UserError(f"{setting}: {_first_line(error)} Check the name on https://huggingface.co/datasets") from error
    except (OSError, ValueError, RuntimeError) as error:  # no network, no such configuration, unreadable data
        raise UserError(f"{setting}: {_first_line(error)}; without a network {instead}") from error


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def _go_offline_if_unreachable() -> None:
    """Go offline without a network, where ``datasets`` would retry for half a minute.

    Offline it uses its cache or fails at once.
    """
    import datasets
    from huggingface_hub import constants

    server = urlsplit(constants.ENDPOINT)
    if server.scheme in getproxies() and not proxy_bypass(server.netloc):  # then a direct connection proves nothing
        return
    try:
        socket.create_connection((server.hostname, server.port or 443), timeout=1).close()
    except OSError:
        constants.HF_HUB_OFFLINE = datasets.config.HF_HUB_OFFLINE = True
