"""Extensions from outside this package: a class or function named by ``_target_``, or by an entry point.

A target is ``my.module.Name`` or ``my.module:Name``, both the same. A package that is installed offers targets by name
in its entry points, ``[project.entry-points."rnnbench.cells"] my_cell = "my.module:MyCell"``; reading them imports
nothing of that package.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Container
from importlib.metadata import entry_points
from pkgutil import resolve_name
from typing import Any, TypeVar

from rnnbench.errors import UserError

T = TypeVar("T")

EXTERNAL = "external"
"""The cell or the task whose class is given by ``_target_``."""
CHOICES = ("cell", "task", "init")
"""The configuration groups of which one choice is made."""
GROUPS = {
    "cell": "rnnbench.cells",
    "task": "rnnbench.tasks",
    "init": "rnnbench.initializations",
    "diagnostic": "rnnbench.diagnostics",
}
"""The entry point groups, by the kind of extension."""


def offered() -> dict[str, dict[str, str]]:
    """Return the targets that installed packages offer, by group and by name in order, from one look at all of them."""
    found = entry_points()
    return {
        group: dict(sorted((each.name, dotted(each.value)) for each in found.select(group=name)))
        for group, name in GROUPS.items()
    }


def installed(group: str) -> dict[str, str]:
    """Return the targets that installed packages offer for a group, by name in order."""
    return offered()[group]


def described(group: str, builtin: Container[str], describe: Callable[[str], T]) -> tuple[list[T], list[str]]:
    """Return what ``describe`` says of each name that packages offer, and a line for each that cannot be used."""
    found, broken = [], []
    for name, target in installed(group).items():
        try:
            if name in builtin:
                raise UserError(f"{target} is not used: a {group} of this package has this name")
            found.append(describe(name))
        except UserError as error:
            broken.append(f"{name}: {error}")
    return found, broken


def dotted(target: str) -> str:
    """Return a target with dots alone, so that both spellings are one run."""
    return target.partition("[")[0].strip().replace(":", ".")


def label(group: str, name: str, target: str) -> str:
    """Return the name under which the choice ``name`` of a group, a class by ``target``, stands in tables and run ids.

    Raises UserError where the name is that of another choice.
    """
    own = target.rpartition(".")[2]
    if name in (EXTERNAL, own):
        return own
    if installed(group).get(name) != target:
        raise UserError(f"{group}._target_={target}: goes with {group}={EXTERNAL}, not with {group}={name}")
    return name


def load(key: str, target: str, kind: str = "Class") -> Any:
    """Return what ``target``, given for the configuration key ``key``, names. Raises UserError where nothing is."""
    try:
        return resolve_name(target)
    except (ImportError, AttributeError, ValueError) as error:
        raise UserError(f"{key}={target}: {error}; give package.module.{kind}") from error
    except Exception as error:
        raise UserError(f"{key}={target}: its module cannot be loaded ({one_line(error)})") from error


def one_line(error: Exception) -> str:
    """Return an error of external code in one line, with the place where it was raised."""
    if isinstance(error, SyntaxError):
        return f"{error.msg}, {error.filename}, line {error.lineno}"
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {next(iter(str(error).splitlines()), '')}, {last.filename}, line {last.lineno}"
