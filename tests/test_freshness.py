"""What is published is data, and pages that are views of them: made again, they are the same, byte for byte."""

import shutil
from pathlib import Path

import pytest

from rnnbench.report import render_again
from rnnbench.store import result

pytestmark = pytest.mark.whole

ROOT = Path(__file__).parents[1]
RESULTS = sorted(path.parent.name for path in (ROOT / "results").glob(f"*/{result.CONFIG}"))


def contents(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("name", RESULTS)
def test_a_result_made_again_is_the_same(name, tmp_path):
    shutil.copytree(ROOT / "results" / name, tmp_path / name)
    render_again(name, tmp_path)
    before, now = contents(ROOT / "results" / name), contents(tmp_path / name)
    assert now.keys() == before.keys()
    assert [path for path in now if now[path] != before[path]] == [], "run make results"


@pytest.mark.parametrize("name", RESULTS)
def test_it_is_small(name):
    found = result.read(ROOT / "results" / name)
    size = sum(map(len, contents(ROOT / "results" / name).values()))
    assert size <= 2_000_000 * max(1, len(found.rows) / 100)
