"""What is published stays small; that its pages are what its data make is in tests/test_committed.py."""

from pathlib import Path

import pytest

from rnnbench.outcomes import result

ROOT = Path(__file__).parents[1]
RESULTS = sorted(path.parent.name for path in (ROOT / "results").glob(f"*/{result.CONFIG}"))


@pytest.mark.parametrize("name", RESULTS)
def test_it_is_small(name):
    folder = ROOT / "results" / name
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    assert size <= max(3_000_000, 20_000 * len(result.read(folder).rows))
