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
    "extensions": {"errors"},
    "statistics": set(),
    "interruption": set(),
    "kept": set(),
    "network": {"errors", "extensions", "kept"},
    "tasks": {"errors", "extensions"},
    "gradients": {"errors", "extensions", "network"},
    "laws": {"gradients", "network", "tasks"},
    "config": {"errors", "extensions", "network", "tasks"},
    "store": {"config", "errors"},
    "outcomes": {"config", "errors", "statistics", "store", "tasks"},
    "claims": {"errors", "outcomes", "statistics", "store"},
    "report": {"claims", "errors", "kept", "outcomes", "statistics", "store"},
    "training": {"config", "errors", "extensions", "gradients", "network", "interruption", "store", "tasks"},
    "tracking": {"config", "errors", "outcomes", "store", "training"},
    "builders": {"config", "errors", "gradients", "network", "training"},
    "runner": {"builders", "config", "network", "outcomes", "interruption", "store", "tasks", "tracking", "training"},
    "sweep": {
        "claims",
        "laws",
        "config",
        "errors",
        "extensions",
        "report",
        "outcomes",
        "runner",
        "statistics",
        "interruption",
        "store",
        "tasks",
        "tracking",
    },
    "api": {
        "builders",
        "config",
        "errors",
        "gradients",
        "network",
        "outcomes",
        "runner",
        "store",
        "sweep",
        "tasks",
    },
    "bench": {"builders", "config", "errors", "network", "runner", "store", "sweep", "tasks", "training"},
    "cli": {
        "api",
        "bench",
        "builders",
        "claims",
        "config",
        "errors",
        "extensions",
        "gradients",
        "network",
        "report",
        "outcomes",
        "runner",
        "store",
        "sweep",
        "tasks",
        "tracking",
        "training",
    },
}
"""What each part may import; ``config`` takes of ``network`` only how a budget is written."""
HYDRA = ("combination", "compose", "composed", "composer", "configuration", "launcher", "mixed")
"""The modules of ``sweep`` that know Hydra, as the command line does."""
HEAVY = {"torch", "pytorch_lightning", "wandb", "datasets", "torchmetrics"}
LIGHT = {
    "claims", "cli", "config", "errors", "extensions", "network/budget", "report", "outcomes", "statistics",
    "interruption", "store", "sweep", "tasks",
}  # fmt: skip
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


def test_only_the_command_line_knows_hydra():
    knows = {*modules("cli"), *(PACKAGE / "sweep" / f"{name}.py" for name in HYDRA)}
    for name in MAY_IMPORT:
        for path in set(modules(name)) - knows:
            assert not {m.split(".")[0] for m in imports(path, everywhere=True)} & {"hydra", "omegaconf"}, path


@pytest.mark.whole
def test_the_entry_loads_nothing_heavy():
    code = (
        f"import sys, rnnbench.cli.train; print(sorted({HEAVY | {'pandas', 'scipy'}!r} & set(sys.modules)));"
        f"import rnnbench.report; print(sorted({HEAVY!r} & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.split() == ["[]", "[]"]


def test_few_modules_lie_outside_a_folder():
    assert len(list(PACKAGE.glob("*.py"))) <= 6


def test_no_file_holds_two_ideas():
    for path in [*PACKAGE.rglob("*.py"), *(ROOT / "scripts").glob("*.py")]:
        assert len(path.read_text().splitlines()) <= 250, path
