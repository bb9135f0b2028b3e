"""Errors made for people: one line that says what is wrong, where, and what to do."""

from __future__ import annotations

import difflib
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import NoReturn


class UserError(Exception):
    """A mistake that the user can correct. Its text is one line; a script that meets it exits with code 2."""


def unknown(kind: str, given: object, known: Iterable[str]) -> UserError:
    """The error for a name that is not among ``known``, with the closest name as a suggestion."""
    choices = sorted(known)
    return UserError(f"unknown {kind} '{given}': {suggestion(str(given), choices)}choose from {', '.join(choices)}")


def suggestion(given: str, known: Iterable[str]) -> str:
    """'did you mean ...? ' with the closest of ``known``; empty where none is close."""
    close = difflib.get_close_matches(given, known, n=1)
    return f"did you mean '{close[0]}'? " if close else ""


def check_choice(key: str, value: str, known: Iterable[str]) -> None:
    """Raises UserError unless ``value``, given for the configuration key ``key``, is among ``known``."""
    choices = sorted(known)
    if value not in choices:
        raise unknown(f"value for {key}", value, choices)


def check_range(key: str, value: float, *, at_least: float | None = None, above: float | None = None,
                below: float | None = None, at_most: float | None = None) -> None:  # fmt: skip
    """Raises UserError unless ``value``, given for the configuration key ``key``, lies in the stated range."""
    if at_least is not None and not value >= at_least:
        raise UserError(f"{key}={value}: must be at least {at_least}")
    if above is not None and not value > above:
        raise UserError(f"{key}={value}: must be greater than {above}")
    if at_most is not None and not value <= at_most:
        raise UserError(f"{key}={value}: must be at most {at_most}")
    if below is not None and not value < below:
        raise UserError(f"{key}={value}: must be less than {below}")


@contextmanager
def exit_on_user_error() -> Iterator[None]:
    """Turn a UserError, and a file or folder that cannot be used, into one line on standard error and exit code 2.

    Ctrl-C and a reader that closes the pipe (``| head``) end the command without a word.
    """
    try:
        yield
    except UserError as error:
        _leave(2, f"error: {error}")
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else Python complains as it closes it
        _leave(0)
    except KeyboardInterrupt:
        _leave(130)
    except OSError as error:
        if error.filename is None:
            raise
        _leave(2, f"error: {error.filename}: {error.strerror}; change that, or choose another place")


def _leave(code: int, line: str | None = None) -> NoReturn:
    if line is not None:
        print(" ".join(line.splitlines()), file=sys.stderr)
    sys.exit(code)
