"""README.md agrees with what it shows."""

import importlib.util
import re
from pathlib import Path

import pytest

from rnnbench.errors import UserError
from rnnbench.tasks import TASKS

ROOT = Path(__file__).parents[1]


@pytest.fixture
def readme(monkeypatch):
    """scripts/readme.py as a module."""
    monkeypatch.syspath_prepend(ROOT / "scripts")
    spec = importlib.util.spec_from_file_location("readme", ROOT / "scripts" / "readme.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.whole
def test_the_generated_blocks_are_fresh(readme):
    assert readme.refreshed() == (ROOT / "README.md").read_text(encoding="utf-8"), "run python scripts/readme.py"


@pytest.mark.parametrize(
    ("page", "committed", "message"),
    [
        (None, "| a |", "README.md: cannot be read"),
        (b"\xff", "| a |", "README.md: cannot be read"),
        (b"no block", "| a |", "README.md: has 0 blocks called demo, not one"),
        (b"<!-- demo -->\n<!-- /demo -->" * 2, "| a |", "README.md: has 2 blocks called demo, not one"),
        (b"<!-- demo -->\n<!-- /demo -->", None, "results/demo/README.md: cannot be read"),
        (b"<!-- demo -->\n<!-- /demo -->", "no table", "results/demo/README.md: has no line that starts with '| '"),
    ],
)
def test_a_page_that_cannot_be_refreshed_is_named(readme, monkeypatch, tmp_path, page, committed, message):
    monkeypatch.setattr(readme, "ROOT", tmp_path)
    (tmp_path / "results" / "demo").mkdir(parents=True)
    if page is not None:
        (tmp_path / "README.md").write_bytes(page)
    if committed is not None:
        (tmp_path / "results" / "demo" / "README.md").write_text(committed)
    with pytest.raises(UserError, match=re.escape(message)):
        readme.refreshed()


def test_the_leaderboard_begins_with_what_is_compared(readme, monkeypatch, tmp_path):
    monkeypatch.setattr(readme, "ROOT", tmp_path)
    (tmp_path / "results").mkdir()
    page = "# Results\n\nCompared in a: x.\nCompared in b: y.\n\n* adding: z\n* copy: w\n\nwords\n\n| cell |\n| --- |\n"
    (tmp_path / "results" / "README.md").write_text(page)
    expected = "Compared in a: x.\nCompared in b: y.\n\nPICTURE\n\n* adding: z\n* copy: w\n\n| cell |\n| --- |"
    assert re.sub(r"!\[.*\]\(results/leaderboard.svg\)", "PICTURE", readme.BLOCKS["leaderboard"]()) == expected
    (tmp_path / "results" / "README.md").write_text("# Results\n\n| result |\n| --- |\n")
    assert readme.BLOCKS["leaderboard"]().startswith("None is published at present")


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
