"""The rules that keep the code readable: import directions, file lengths, light entry."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "rnnbench"

MAY_IMPORT = {
    "errors": set(),
    "files": {"errors"},
    "loading": set(),
    "stop": set(),
    "cells": {"errors"},
    "engines": {"cells", "errors"},
    "layers": {"cells", "engines"},
    "model": {"layers"},
    "costs": {"cells", "engines", "model"},
    "initialization": {"cells", "errors"},
    "gradients": {"cells", "engines", "errors", "layers", "model"},
    "tasks": {"errors"},
    "budget": {"errors"},
    "cell_options": {"errors"},
    "config": {"budget", "cell_options", "errors", "identity", "tasks"},
    "data": {"tasks"},
    "sources": {"config"},
    "reuse": {"config", "errors", "records", "sources", "store"},
    "typed": set(),
    "console": set(),
    "records": {"errors", "files", "store", "typed"},
    "provenance": set(),
    "factors": {"identity"},
    "protocol": {"errors", "factors", "files", "identity", "store", "typed"},
    "statistics": set(),
    "training": {"cells", "gradients", "model", "tasks"},
    "probe": {"gradients", "tasks"},
    "tracking": {"config", "errors", "loading", "probe", "records", "store"},
    "build": {
        "budget",
        "cell_options",
        "cells",
        "config",
        "costs",
        "data",
        "errors",
        "gradients",
        "initialization",
        "layers",
        "model",
        "probe",
        "training",
    },
    "report": {"console", "errors", "files", "protocol", "records", "statistics", "store"},
    "committed": {"config", "errors", "identity", "store", "sweep"},
    "reproduce": {"committed", "config", "errors", "provenance", "records", "statistics", "store", "sweep"},
    "checkpoint": {"files", "layers", "records", "sources", "stop", "training"},
    "device": {"errors"},
    "run": {
        "budget",
        "build",
        "checkpoint",
        "config",
        "costs",
        "data",
        "device",
        "files",
        "probe",
        "provenance",
        "records",
        "reuse",
        "sources",
        "stop",
        "store",
        "tasks",
        "tracking",
        "training",
    },
    "sweep": {
        "config",
        "console",
        "entry",
        "errors",
        "factors",
        "files",
        "identity",
        "protocol",
        "provenance",
        "records",
        "reuse",
        "run",
        "sources",
        "stop",
        "store",
        "tracking",
    },
    "entry": {"cell_options", "config", "errors", "loading", "provenance", "reuse", "run", "tasks", "tracking"},
    "identity": set(),
    "store": {"errors", "factors", "identity", "protocol", "records", "statistics", "tasks", "typed"},
}
HEAVY = {"torch", "pytorch_lightning", "wandb", "datasets", "torchmetrics"}
LIGHT = {
    "errors",
    "files",
    "loading",
    "stop",
    "tasks",
    "budget",
    "cell_options",
    "config",
    "typed",
    "console",
    "records",
    "sources",
    "reuse",
    "provenance",
    "factors",
    "protocol",
    "statistics",
    "store",
    "identity",
    "report",
    "committed",
    "reproduce",
    "entry",
    "sweep",
}
"""What answers before torch is loaded, and what must never load it."""


def modules(name):
    path = PACKAGE / name
    return [path.with_suffix(".py")] if path.with_suffix(".py").exists() else sorted(path.rglob("*.py"))


def imports(path, *, everywhere):
    """The modules that a file imports; only at its top unless ``everywhere``."""
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree) if everywhere else tree.body:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (
                [node.module] if node.module != "rnnbench" else [f"rnnbench.{alias.name}" for alias in node.names]
            )


def test_every_module_is_listed():
    found = {path.stem for path in PACKAGE.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    assert found - {"__init__"} == set(MAY_IMPORT)


@pytest.mark.parametrize("name", MAY_IMPORT)
def test_imports_point_one_way(name):
    for path in modules(name):
        used = {module.split(".")[1] for module in imports(path, everywhere=True) if module.startswith("rnnbench.")}
        assert used - {name} <= MAY_IMPORT[name], path


@pytest.mark.parametrize("name", sorted(LIGHT))
def test_light_modules_stay_light(name):
    for path in modules(name):
        assert not {module.split(".")[0] for module in imports(path, everywhere=False)} & HEAVY, path


def test_only_the_entry_knows_hydra():
    knows = {PACKAGE / "entry.py", PACKAGE / "sweep" / "compose.py"}
    for name in MAY_IMPORT:
        for path in set(modules(name)) - knows:
            assert not {m.split(".")[0] for m in imports(path, everywhere=True)} & {"hydra", "omegaconf"}, path


@pytest.mark.whole
def test_the_entry_loads_nothing_heavy():
    code = f"import rnnbench.entry, rnnbench.report, sys; print(sorted({HEAVY!r} & set(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_no_file_holds_two_ideas():
    for path in [*PACKAGE.rglob("*.py"), *(ROOT / "scripts").glob("*.py")]:
        assert len(path.read_text().splitlines()) <= 250, path
