"""Errors for users: one line that says what is wrong, where, and what to do."""

from __future__ import annotations

import difflib
import io
import math
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

LONGEST = 255  # bytes of a folder's name
CLOSED = 141  # the exit code of a program that a closed pipe ends

LONGEST_NAME = 100
"""Bytes: file systems take 255 and W&B a group of 128 characters, and more is added to a name."""


class UserError(Exception):
    """A mistake that the user can correct. Its text is one line; a script that meets it exits with code 2."""

    def __init__(self, text: str) -> None:
        super().__init__(" ".join(text.splitlines()))


class RunsFailedError(Exception):
    """Requested runs have no result, and messages have said why. The command exits with code 1."""


def unknown(kind: str, given: object, known: Iterable[str]) -> UserError:
    """Return the error for a name that is not among ``known``, with the closest name as a suggestion."""
    choices = sorted(known)
    return UserError(f"unknown {kind} '{given}': {suggestion(str(given), choices)}choose from {', '.join(choices)}")


def suggestion(given: str, known: Iterable[str]) -> str:
    """Return 'did you mean ...? ' with the closest of ``known``; empty where none is close."""
    close = difflib.get_close_matches(given, known, n=1)
    return f"did you mean '{close[0]}'? " if close else ""


def check_choice(key: str, value: str, known: Iterable[str]) -> None:
    """Raise UserError unless ``value``, given for the configuration key ``key``, is among ``known``."""
    choices = sorted(known)
    if value not in choices:
        raise unknown(f"value for {key}", value, choices)


def check_range(key: str, value: float, *, at_least: float | None = None, above: float | None = None,
                below: float | None = None, at_most: float | None = None) -> None:  # fmt: skip
    """Raise UserError unless ``value``, given for the configuration key ``key``, is finite and in the stated range."""
    if isinstance(value, float) and not math.isfinite(value):
        limit = f", at most {at_most}" if at_most is not None else f", less than {below}" if below is not None else ""
        raise UserError(f"{key}={value}: must be a finite number{limit}")
    if at_least is not None and not value >= at_least:
        raise UserError(f"{key}={value}: must be at least {at_least}")
    if above is not None and not value > above:
        raise UserError(f"{key}={value}: must be greater than {above}")
    if at_most is not None and not value <= at_most:
        raise UserError(f"{key}={value}: must be at most {at_most}")
    if below is not None and not value < below:
        raise UserError(f"{key}={value}: must be less than {below}")


def check_multiple(key: str, value: int, of: int) -> None:
    """Raise UserError unless ``value``, given for the configuration key ``key``, is a multiple of ``of``."""
    if value % of:
        raise UserError(f"{key}={value}: must be a multiple of {of}")


def check_plain(key: str, value: Any) -> None:
    """Raise UserError for what a record, which is JSON, cannot hold."""
    if isinstance(value, dict):
        for name, each in value.items():
            if not isinstance(name, str):
                raise UserError(f"{key}.{name}: the name must be text, as in '{name}'")
            check_plain(f"{key}.{name}", each)
    elif isinstance(value, list):
        for index, each in enumerate(value):
            check_plain(f"{key}[{index}]", each)
    elif isinstance(value, int | float):
        most = 10**38 if isinstance(value, float) else 2**63 - 1
        check_range(key, value, at_least=-most, at_most=most)
    elif not isinstance(value, str | None):
        raise UserError(f"{key}={value}: must be a number, text, a list or named values")


def check_name(text: str) -> str:
    """Return the name of an experiment, less the slash that a shell's completion adds. Raises UserError for a path."""
    name = text.rstrip("/")
    try:
        plain = 0 < len(name.encode()) <= LONGEST and not set(name) & {"/", "\\", "\0"} and name[0] != "."
    except UnicodeEncodeError:
        raise UserError(f"name={name!r}: is not text in this locale; set PYTHONUTF8=1") from None
    if not plain:
        raise UserError(f"name={text!r}: must be the plain name of a folder, such as demo")
    return name


def check_folder_name(key: str, name: str) -> None:
    """Raise UserError unless ``name``, given for ``key``, can be a folder on every system and in every command."""
    if not name or not name.isprintable() or set(name) & set("/\\"):
        reason = "with a character at least, and without slashes and control characters"
    elif name != name.strip() or name.startswith((".", "-", "~")) or name.endswith("."):
        reason = "that begins with no dot, hyphen, tilde or space and ends with no dot or space"
    elif len(name.encode()) > LONGEST_NAME:
        reason = f"of at most {LONGEST_NAME} bytes, not {len(name.encode())}"
    else:
        return
    raise UserError(f"{key}={name!r}: must be a plain folder name {reason}")


@contextmanager
def exit_on_user_error() -> Iterator[None]:
    """Turn a UserError, or an unusable file or folder, into one line on standard error and exit code 2.

    RunsFailedError ends the command with exit code 1. Ctrl-C, and a reader that closes the pipe (``| head``), end it
    silently.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a locale without this letter is no reason to stop
    try:
        try:
            yield
        finally:
            sys.stdout.flush()
    except UserError as error:
        _leave(2, f"error: {error}")
    except RunsFailedError:
        _leave(1)
    except KeyboardInterrupt:
        _leave(130)
    except BrokenPipeError:
        if not _reader_left():
            raise
        _leave(CLOSED)
    except OSError as error:
        if error.filename is None:
            raise
        _leave(2, f"error: {error.filename}: {error.strerror}; change that, or choose another place")


def _leave(code: int, line: str | None = None) -> NoReturn:
    if line is not None:
        print(" ".join(line.splitlines()), file=sys.stderr)
    sys.exit(code)


def _reader_left() -> bool:
    """Return whether the reader of standard output has gone; from then on, output is discarded."""
    try:
        print(flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else Python complains when it exits
        return True
    return False
