"""The command ``rnnbench``: its subcommands by name, and how it ends.

Exit codes: 0; 1: runs failed or differ; 2: a mistake of the user, in one line; 3: nothing can be compared; 130:
interrupted. A subcommand is loaded only when it is called, so that ``--help`` and a typo answer at once.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module

import click

import rnnbench as package
from rnnbench.errors import UserError, exit_on_user_error, suggestion

COMMANDS = {
    "train": "Train one network, or sweep over many.",
    "status": "Show what became of the runs of a sweep, also while it runs.",
    "report": "Show the results of an experiment so far, as a page.",
    "publish": "Write a result, to be committed, from the runs of an experiment.",
    "reproduce": "Run a committed result again and compare, or try a published claim.",
    "claims": "Show what the literature says, and what was found.",
    "compare": "Show two results side by side.",
    "probe": "Measure finished runs again, with any diagnostic.",
    "sample": "Continue a text with a trained network.",
    "check": "Check that a cell keeps what the suite asks of one.",
    "cells": "Show what the cells are.",
    "tasks": "Show what the tasks are.",
    "diagnostics": "Show what can be measured.",
    "experiments": "Show the sweeps that are ready to launch.",
    "sync": "Upload the runs of an experiment that W&B does not have yet.",
    "workspace": "Make the W&B page of an experiment.",
    "bench": "Measure what the suite costs on this machine.",
    "doctor": "Show what this installation has, and what it lacks.",
}


class Commands(click.Group):
    """The subcommands, each in the module of its name."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"rnnbench.cli.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package.__version__, message="%(prog)s %(version)s")
def rnnbench() -> None:
    """Compare recurrent cells by the gradient that they pass through time.

    Start with: rnnbench train -m experiment=demo, then rnnbench report demo.
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """Run ``rnnbench`` with ``arguments``, those of the command line without any, and exit."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given[:1] == ["train"]:  # Hydra reads the rest
        from rnnbench.cli.train import train

        return train(given[1:])
    with exit_on_user_error():
        try:
            code = rnnbench.main(given, prog_name="rnnbench", standalone_mode=False)
        except click.UsageError as error:
            known = suggestion(given[0], COMMANDS) if given and given[0] not in COMMANDS else ""
            where = error.ctx.command_path if error.ctx else "rnnbench"
            raise UserError(f"{error.format_message()} {known}See '{where} --help'") from error
        except click.Abort:
            code = 130
        sys.exit(code or 0)


if __name__ == "__main__":
    main()
