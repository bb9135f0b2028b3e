"""The reference pages, from the registries of the package: as Markdown, when the pages are built."""

import contextlib
import inspect
import io
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, get_args

import click
import initial_profiles
import typeset
from docstrings import to_markdown

import rnnbench
from rnnbench.cli import cells, experiments, main, tasks
from rnnbench.config import CONF
from rnnbench.gradients.registry import DIAGNOSTICS, KINDS
from rnnbench.network.cells import CELLS
from rnnbench.outcomes.columns import COLUMNS
from rnnbench.report import markdown
from rnnbench.report.console import Value, in_words
from rnnbench.sweep.configuration import configure
from rnnbench.tasks import TASKS
from rnnbench.tasks.base import Capability


def table(header: Sequence[str], rows: Iterable[Sequence[str]], *, wide: bool = False) -> str:
    """Return a table in Markdown; a wide one scrolls by itself."""
    lines = "\n".join(f"| {' | '.join(row)} |" for row in (header, ["---"] * len(header), *rows))
    return f":::{{div}} wide\n{lines}\n:::" if wide else lines


def fenced(text: str, language: str = "text") -> str:
    """Return a block of code."""
    return f"```{language}\n{text.rstrip()}\n```"


def code(text: str) -> str:
    return f"`{text}`" if text not in ("", "-") else text


def module_docstring(thing: Any, layout: Callable[[list[str]], str] | None = None) -> str:
    """Return what the module of ``thing`` says of it, as Markdown; its first line in bold."""
    text = inspect.getdoc(inspect.getmodule(thing)) or ""
    first, _, rest = text.partition("\n\n")
    return f"**{to_markdown(first)}**\n\n{to_markdown(rest, layout)}"


def _cells() -> str:
    def row(name: str) -> list[str]:
        first, *rest, paper = map(in_words, cells.row(name))
        return [f"[`{first}`](#cell-{name})", *rest, code(paper)]

    parts = [table(cells.HEADER, map(row, CELLS), wide=True)]
    for name, kind in CELLS.items():
        parts += [
            f"(cell-{name})=\n## {name}",
            module_docstring(kind, typeset.to_markdown),
            initial_profiles.draw(name),
            *options(f"cell/{name}.yaml"),
        ]
    return "\n\n".join(parts)


def _tasks() -> str:
    def row(given: list[Value]) -> list[str]:
        name, *facts = map(in_words, given)
        return [f"[`{name}`](#task-{name})", *map(markdown.escape, facts)]

    by_capability = sorted(tasks.rows(), key=lambda each: get_args(Capability).index(each[3]))
    parts = [table(tasks.HEADER, map(row, by_capability), wide=True)]
    for name, kind in TASKS.items():
        parts += [f"(task-{name})=\n## {name}", module_docstring(kind), *options(f"task/{name}.yaml")]
    return "\n\n".join(parts)


def options(file: str) -> Iterator[str]:
    """Yield what shows a file of conf/, where it says more than a name."""
    text = (CONF / file).read_text(encoding="utf-8")
    if len([line for line in text.splitlines() if ":" in line]) > 1:
        yield f"Options and defaults, `conf/{file}`:"
        yield fenced(text, "yaml")


def _diagnostics() -> str:
    def when(name: str) -> str:
        return next((f"`probe={kind}`" for kind, names in KINDS.items() if name in names), "where it is named")

    rows = ([f"[`{name}`](#diagnostic-{name})", each.title, when(name)] for name, each in DIAGNOSTICS.items())
    parts = [table(("diagnostic", "what it says", "measured by"), rows)]
    for name, each in DIAGNOSTICS.items():
        facts = (
            ("formula", markdown.code(each.formula)), ("source", markdown.escape(each.source)),
            ("measured by", when(name)), ("cost", markdown.escape(each.cost)),
            ("a law that a test checks", markdown.escape(each.law)),
        )  # fmt: skip
        parts += [
            f"(diagnostic-{name})=\n## {name}",
            module_docstring(each.of_path or each.of_network),
            "\n".join(f"* {what}: {text}" for what, text in facts),
        ]
    return "\n\n".join(parts)


def _columns() -> str:
    rows = ((code(c.name), c.unit, c.better, markdown.escape(c.meaning)) for c in COLUMNS.values())
    return table(("column", "unit", "better", "meaning"), rows, wide=True)


def _experiments() -> str:
    rows = ((code(f"experiment={name}"), markdown.escape(asks)) for name, asks, _ in experiments.rows())
    return table(("experiment", "what it asks"), rows)


def comments(path: Path) -> dict[str, str]:
    """Return the comment beside each key of a file of conf/, by its dotted name."""
    found, above = {}, ""
    for line in path.read_text(encoding="utf-8").splitlines():
        matched = re.match(r"( *)(\w+):([^#]*)(?:# *(.*))?$", line)
        if matched:
            indent, key, value, comment = matched.groups()
            above = key if not indent and not value.strip() else above if indent else ""
            found[f"{above}.{key}" if indent else key] = comment or ""
    return found


def keys(part: Any, prefix: str = "") -> Iterator[tuple[str, str, str]]:
    """Yield the dotted name, the type and the default of every configuration key."""
    for each in fields(part):
        value, name = getattr(part, each.name), f"{prefix}{each.name}"
        if is_dataclass(value):
            yield from keys(value, f"{name}.")
        else:
            yield name, str(each.type), value if isinstance(value, str) else json.dumps(value)


def groups() -> dict[str, list[Path]]:
    """Return the files of each group of conf/ that a run chooses from."""
    found: dict[str, list[Path]] = {}
    for path in sorted(CONF.glob("*/*.yaml")):
        if path.parent.name != "experiment":
            found.setdefault(path.parent.name, []).append(path)
    return found


def _choices() -> str:
    rows = ((code(name), ", ".join(code(path.stem) for path in files)) for name, files in groups().items())
    return table(("group", "choices"), rows)


def _keys() -> str:
    said = comments(CONF / "train.yaml")
    config = configure()
    for part in fields(config):
        chosen = getattr(getattr(config, part.name), "name", None) or getattr(getattr(config, part.name), "kind", None)
        for path in (CONF / part.name / f"{chosen or 'default'}.yaml", CONF / part.name / "default.yaml"):
            if path.exists():
                said |= {f"{part.name}.{key}": text for key, text in comments(path).items() if text}
    rows = (
        (code(name), code(kind.replace("|", "or")), markdown.code(default), markdown.escape(said.get(name, "")))
        for name, kind, default in keys(config)
    )
    return table(("key", "type", "default", "meaning"), rows, wide=True)


def _files() -> str:
    parts = []
    for name, files in groups().items():
        parts.append(f"### {name}")
        parts += (
            f":::{{dropdown}} {name}={p.stem}\n{fenced(p.read_text(encoding='utf-8'), 'yaml')}\n:::" for p in files
        )
    return "\n\n".join(parts)


def _command_line() -> str:
    context = main.rnnbench.make_context("rnnbench", [], resilient_parsing=True)
    parts = [fenced(context.get_help())]
    for name in main.COMMANDS:
        parts += [f"(command-{name})=\n## rnnbench {name}", fenced(help_of(name, context))]
    return "\n\n".join(parts)


def help_of(name: str, context: click.Context) -> str:
    """Return what ``rnnbench NAME --help`` prints."""
    if name == "train":  # Hydra prints it
        arguments = [sys.executable, "-m", "rnnbench.cli.main", name, "--help"]
        return subprocess.run(arguments, capture_output=True, text=True, check=True).stdout
    command = main.rnnbench.get_command(context, name)
    assert command is not None
    return command.make_context(name, [], parent=context, resilient_parsing=True).get_help()


def _drawn() -> str:
    """Return an example of the adding problem, as ``rnnbench tasks adding task.length=12`` prints it."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        tasks.example("adding", "task.length=12")
    return fenced(printed.getvalue())


def _python() -> str:
    registries = {"CELLS": "cells", "DIAGNOSTICS": "diagnostics", "TASKS": "tasks"}
    parts = []
    for name in sorted(rnnbench.__all__, key=str.lower):
        thing = getattr(rnnbench, name)
        if name in registries:
            text = f".. py:data:: rnnbench.{name}\n\n   The {registries[name]} by name, a dictionary."
        elif name == "__version__":
            text = ".. py:data:: rnnbench.__version__\n\n   The version, a string."
        elif inspect.isclass(thing):
            members = "" if issubclass(thing, Exception) else "\n   :members:"
            text = f".. autoclass:: rnnbench.{name}{members}"
        else:
            text = f".. autofunction:: rnnbench.{name}"
        parts.append(f"## {markdown.escape(name)}\n\n```{{eval-rst}}\n{text}\n```")
    return "\n\n".join(parts)


BLOCKS: dict[str, Callable[[], str]] = {
    "cells": _cells,
    "choices": _choices,
    "columns": _columns,
    "command_line": _command_line,
    "diagnostics": _diagnostics,
    "drawn": _drawn,
    "experiments": _experiments,
    "files": _files,
    "keys": _keys,
    "python": _python,
    "tasks": _tasks,
}
