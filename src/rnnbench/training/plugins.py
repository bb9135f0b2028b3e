"""Callbacks and loggers of Lightning that a configuration names: a class, and its arguments beside it."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from pytorch_lightning.callbacks import Callback
from pytorch_lightning.loggers import Logger

from rnnbench.config.plugins import TARGET
from rnnbench.config.schema import Config
from rnnbench.errors import UserError
from rnnbench.extensions import load, one_line

PLACE = "save_dir"
NEEDS = {"pytorch_lightning.loggers.TensorBoardLogger": "tensorboard"}
"""The packages that well-known classes need, where their error names none."""


class Plugins(NamedTuple):
    callbacks: list[Callback]
    loggers: list[Logger]


def plugins(config: Config, folder: Path) -> Plugins:
    """Return the user's callbacks and loggers, in their order. Raises UserError where one cannot be made.

    A logger that takes a ``save_dir``, and is given none, writes below the run's ``folder``.
    """
    return Plugins(
        [_made(f"callbacks.{name}", each, Callback) for name, each in config.callbacks.items()],
        [_made(f"loggers.{name}", each, Logger, folder) for name, each in config.loggers.items()],
    )


def _made(key: str, given: Mapping[str, Any], kind: Any, folder: Path | None = None) -> Any:
    target = given[TARGET]
    setting, arguments = f"{key}.{TARGET}", {name: value for name, value in given.items() if name != TARGET}
    made = load(setting, target)
    try:
        if folder is not None and arguments.get(PLACE) is None and PLACE in inspect.signature(made).parameters:
            arguments[PLACE] = str(folder)
        found = made(**arguments)
    except UserError:
        raise
    except ImportError as error:
        package = NEEDS.get(target) or error.name
        advice = f"; pip install {package}" if package else ""
        raise UserError(f"{setting}={target}: {next(iter(str(error).splitlines()), '')}{advice}") from error
    except Exception as error:
        raise UserError(f"{setting}={target}: cannot be made of these arguments ({one_line(error)})") from error
    if not isinstance(found, kind):
        raise UserError(f"{setting}={target}: is no {kind.__name__} of pytorch_lightning; give a class that is one")
    return found
