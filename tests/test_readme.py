"""README.md and what scripts/readme.py generates agree with the results."""

import importlib.util
import re

import pytest

from pages import ROOT, read
from rnnbench.errors import UserError


@pytest.fixture
def readme(monkeypatch):
    """scripts/readme.py as a module."""
    monkeypatch.syspath_prepend(ROOT / "scripts")
    spec = importlib.util.spec_from_file_location("readme", ROOT / "scripts" / "readme.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_generated_blocks_are_fresh(readme):
    for page in readme.BLOCKS:
        assert readme.refreshed(page) == read(page), "run python scripts/readme.py"


def test_the_readme_is_short():
    assert len(read("README.md").splitlines()) <= 150


@pytest.mark.parametrize(
    ("page", "committed", "message"),
    [
        (None, "| a |", "demo.md: cannot be read"),
        (b"\xff", "| a |", "demo.md: cannot be read"),
        (b"no block", "| a |", "demo.md: has 0 blocks called demo, not one"),
        (b"<!-- demo -->\n<!-- /demo -->" * 2, "| a |", "demo.md: has 2 blocks called demo, not one"),
        (b"<!-- demo -->\n<!-- /demo -->", None, "results/demo/README.md: cannot be read"),
        (b"<!-- demo -->\n<!-- /demo -->", "no table", "results/demo/README.md: has no line that starts with '| '"),
    ],
)
def test_a_page_that_cannot_be_refreshed_is_named(readme, monkeypatch, tmp_path, page, committed, message):
    monkeypatch.setattr(readme, "ROOT", tmp_path)
    for folder in ("results/demo", "docs/start"):
        (tmp_path / folder).mkdir(parents=True)
    if page is not None:
        (tmp_path / "docs" / "start" / "demo.md").write_bytes(page)
    if committed is not None:
        (tmp_path / "results" / "demo" / "README.md").write_text(committed)
    with pytest.raises(UserError, match=re.escape(message)):
        readme.refreshed("docs/start/demo.md")


def test_the_leaderboard_begins_with_what_is_compared(readme, monkeypatch, tmp_path):
    monkeypatch.setattr(readme, "ROOT", tmp_path)
    (tmp_path / "results").mkdir()
    page = "# Results\n\nCompared in a: x.\nCompared in b: y.\n\n* adding: z\n* copy: w\n\nwords\n\n| cell |\n| --- |\n"
    (tmp_path / "results" / "README.md").write_text(page)
    expected = "Compared in a: x.\nCompared in b: y.\n\nPICTURE\n\n* adding: z\n* copy: w\n\n| cell |\n| --- |"
    assert re.sub(r"!\[.*\]\(results/leaderboard.svg\)", "PICTURE", readme.leaderboard()) == expected
    (tmp_path / "results" / "README.md").write_text("# Results\n\n| result |\n| --- |\n")
    assert readme.leaderboard().startswith("None is published at present")
