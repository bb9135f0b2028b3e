"""Plans the runs of the command that a result records."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path

from rnnbench.claims.claim import COMMAND
from rnnbench.errors import UserError
from rnnbench.sweep import claims
from rnnbench.sweep.compose import Plan, plan


def plan_again(conf: Path, command: str) -> Plan:
    """Return the runs of a recorded ``command``: of ``rnnbench train`` with any of Hydra's flags, or of a claim.

    Raises UserError where it cannot be read, or its folder of configurations is not here.
    """
    if command.startswith(COMMAND):
        return claims.planned(claims.chosen(command.removeprefix(COMMAND).strip()))
    parser = argparse.ArgumentParser(add_help=False, exit_on_error=False)
    parser.add_argument("-m", "--multirun", action="store_true")
    parser.add_argument("-cd", "--config-dir", type=Path)
    parser.add_argument("-cn", "--config-name", default="train")
    parser.add_argument("overrides", nargs="*")
    try:
        given, more = parser.parse_known_args(shlex.split(command)[2:])
    except (ValueError, argparse.ArgumentError) as error:
        raise UserError(f"cannot be read: {error}") from error
    unknown = [word for word in more if word.startswith("-")]
    if unknown or not command:
        raise UserError(f"cannot be read: {' '.join(unknown) or 'it is empty'}")
    if given.config_dir is not None:
        if not given.config_dir.is_dir():
            raise UserError(f"needs the folder {given.config_dir}, which is not here")
        more = [*more, f'hydra.searchpath=["file://{given.config_dir.resolve()}"]']
    return plan(conf, [*given.overrides, *more], given.config_name)
