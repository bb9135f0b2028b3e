"""Folders for the files of the W&B client and matplotlib where the home folder cannot be written."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

FOLDER = ".cache"
VARIABLES = {"WANDB_CACHE_DIR": "wandb", "WANDB_DATA_DIR": "wandb-data", "MPLCONFIGDIR": "matplotlib"}
"""Without a place for its log the client's server writes it to the terminal, and without one for data it makes no table
and no artifact; matplotlib writes a warning."""


def set_cache_folders(experiment: Path) -> None:
    """Point them at folders below ``experiment``, for this process and its children, unless the user has set others.

    It makes no folders: they do. Call it before either is imported.
    """
    if _home_is_writable():
        return
    for variable, name in VARIABLES.items():
        os.environ.setdefault(variable, str((experiment / FOLDER / name).resolve()))


def _home_is_writable() -> bool:
    try:
        with tempfile.TemporaryFile(dir=Path.home()):
            return True
    except (OSError, RuntimeError):  # RuntimeError: there is no home
        return False
