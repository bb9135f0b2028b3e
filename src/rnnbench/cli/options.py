"""Options that several subcommands share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

from rnnbench.errors import UserError, check_name


class Name(click.ParamType):
    """The name of an experiment: a folder below ``--runs-dir`` or ``--results-dir``."""

    name = "name"

    def __init__(self, place: str = "runs_dir") -> None:
        self.place = place

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        return check_name(value)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        folder = Path(ctx.params.get(self.place) or self.place.removesuffix("_dir"))
        found = sorted(each.name for each in folder.iterdir() if each.is_dir()) if folder.is_dir() else []
        return [CompletionItem(name) for name in found if name.startswith(incomplete)]


FOLDER = click.Path(path_type=Path)
name = click.argument("name", type=Name())
result_name = click.argument("name", type=Name("results_dir"))
runs_dir = click.option(
    "--runs-dir", type=FOLDER, default=Path("runs"), show_default=True, help="The folder of all runs."
)
results_dir = click.option(
    "--results-dir", type=FOLDER, default=Path("results"), show_default=True, help="The folder of all results."
)
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")


def assignments(given: tuple[str, ...]) -> dict[str, Any]:
    """Return ``option=value`` words as values of YAML by name. Raises UserError for another word."""
    import yaml

    found = {}
    for each in given:
        key, equals, value = each.partition("=")
        if not equals:
            raise UserError(f"{each}: give option=value")
        found[key] = yaml.safe_load(value)
    return found
