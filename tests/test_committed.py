"""What is committed under results/ is what today's configuration and code make of it."""

import shutil
from pathlib import Path

import pytest

from rnnbench import reproduce
from rnnbench.report import origin
from rnnbench.report.overview import write_overview

pytestmark = pytest.mark.whole

ROOT = Path(__file__).parents[1]
RESULTS = sorted(path.parent for path in (ROOT / "results").glob(f"*/{origin.FILE}"))


@pytest.mark.parametrize("folder", RESULTS, ids=lambda folder: folder.name)
def test_every_row_is_a_run_of_the_experiment_and_none_is_missing(folder):
    """A default that changes makes other runs; a run that was left out has no row. And each row agrees with itself."""
    committed = reproduce.read(folder, ROOT / "conf")
    assert reproduce.strays(committed) == {}
    assert reproduce.contradictions(committed) == {}


def test_every_experiment_has_a_result():
    assert {path.stem for path in (ROOT / "conf" / "experiment").glob("*.yaml")} == {folder.name for folder in RESULTS}


def test_the_leaderboard_is_fresh(tmp_path):
    shutil.copytree(ROOT / "results", tmp_path / "results")
    write_overview(tmp_path / "results")
    for name in ("README.md", "leaderboard.svg"):
        assert (tmp_path / "results" / name).read_text(encoding="utf-8") == (ROOT / "results" / name).read_text(
            encoding="utf-8"
        ), "run scripts/publish.py"


@pytest.mark.parametrize("folder", RESULTS, ids=lambda folder: folder.name)
def test_it_came_from_committed_code(folder):
    assert not origin.read(folder)["dirty"]
    assert len((folder / "report.html").read_bytes()) < 3_000_000
