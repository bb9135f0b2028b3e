"""What is committed under results/ is what today's configuration and code make of it."""

import shutil
from pathlib import Path

import pytest

from rnnbench.outcomes import provenance, result, rows
from rnnbench.report import render_again
from rnnbench.report.overview import write_overview
from rnnbench.sweep import committed

pytestmark = pytest.mark.whole

ROOT = Path(__file__).parents[1]
RESULTS = sorted(path.parent for path in (ROOT / "results").glob(f"*/{rows.FILE}"))


@pytest.mark.parametrize("folder", RESULTS, ids=lambda folder: folder.name)
def test_every_row_is_a_run_of_the_experiment_and_none_is_missing(folder):
    """A default that changes makes other runs; a run that was left out has no row. And each row agrees with itself."""
    found = committed.read(folder, ROOT / "conf")
    assert committed.unmatched_rows(found) == {}
    assert committed.contradictions(found) == {}
    assert found.result.missing == found.result.damaged == {}


def test_every_experiment_has_a_result():
    experiments = {path.stem for path in (ROOT / "conf" / "experiment").glob("*.yaml")}
    assert experiments == {folder.name for folder in RESULTS}


def test_the_leaderboard_is_fresh(tmp_path):
    shutil.copytree(ROOT / "results", tmp_path / "results")
    assert write_overview(tmp_path / "results") == {}
    made, there = (
        {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.*") if path.is_file()}
        for folder in (tmp_path / "results", ROOT / "results")
    )
    assert made == there, "run rnnbench publish --again"


def contents(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("folder", RESULTS, ids=lambda folder: folder.name)
def test_every_page_and_figure_is_what_the_data_make(folder, tmp_path):
    """And the data are what is written of them: rows with every digit, nothing beside them."""
    shutil.copytree(folder, tmp_path / folder.name)
    render_again(folder.name, tmp_path)
    made, there = contents(tmp_path / folder.name), contents(folder)
    assert made.keys() == there.keys()
    assert [name for name in there if made[name] != there[name]] == [], "run rnnbench publish --again"


@pytest.mark.parametrize("folder", RESULTS, ids=lambda folder: folder.name)
def test_it_came_from_committed_code(folder):
    assert not provenance.summary(result.read(folder).runs)["dirty"]
    assert len((folder / "report.html").read_bytes()) < 3_000_000
