"""README.md agrees with what it shows."""

import importlib.util
import re
from pathlib import Path

from rnnbench.tasks import TASKS

ROOT = Path(__file__).parents[1]


def test_the_generated_blocks_are_fresh(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "scripts")
    spec = importlib.util.spec_from_file_location("readme", ROOT / "scripts" / "readme.py")
    readme = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(readme)
    assert readme.refreshed() == (ROOT / "README.md").read_text(), "run python scripts/readme.py"


def test_every_variant_of_every_task_has_a_row():
    lines = re.search("<!-- tasks -->(.*?)<!-- /tasks -->", (ROOT / "README.md").read_text(), re.DOTALL)[1].splitlines()
    for name, task in TASKS.items():
        rows = [line.split(" | ")[1] for line in lines if line.startswith(f"| {name} | ")]
        assert [row.removesuffix(" (default)") for row in rows] == list(task.variants or ["-"])
        assert sum(row.endswith(" (default)") for row in rows) == bool(task.variants)


def test_every_relative_link_leads_somewhere():
    for page in ("README.md", "CONTRIBUTING.md"):
        prose = re.sub(r"```.*?```", "", (ROOT / page).read_text(), flags=re.DOTALL)
        for target in re.findall(r"\]\(([^)#:]+)\)", prose):
            assert (ROOT / target).exists(), (page, target)


def test_every_choice_is_named():
    text = (ROOT / "README.md").read_text()
    for group in ("cell", "task", "init", "clip", "optimizer", "probe", "tracking"):
        for path in (ROOT / "conf" / group).glob("*.yaml"):
            assert f"`{path.stem}`" in text, path
