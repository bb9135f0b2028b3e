"""What is kept on disk from one process to the next: made once, never taken damaged, never needed."""

import pytest

from rnnbench.kept import kept
from rnnbench.report import bundle


@pytest.fixture
def made(monkeypatch, tmp_path):
    """A function that asks for a text, and returns how often it was made until then."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    times = []

    def ask():
        assert kept("text", lambda: times.append(0) or b"\0\r\nthe text") == b"\0\r\nthe text"
        return len(times)

    return ask


def test_it_is_made_once(made, tmp_path):
    assert [made(), made()] == [1, 1]
    assert [path.name for path in (tmp_path / "rnnbench").iterdir()] == ["text"]


@pytest.mark.parametrize("damage", [lambda whole: whole[:-1], lambda whole: b"", lambda whole: whole + b"\xff"])
def test_a_damaged_file_is_made_again(made, tmp_path, damage):
    made()
    path = tmp_path / "rnnbench" / "text"
    path.write_bytes(damage(path.read_bytes()))
    assert [made(), made()] == [2, 2]


def test_nothing_needs_it(made, tmp_path):
    (tmp_path / "rnnbench").write_text("a file where the folder would be", encoding="utf-8")
    assert [made(), made()] == [1, 2]


def test_the_libraries_of_a_page_are_kept_as_they_are_made(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(bundle, "_bundled", lambda: "made")
    assert bundle.libraries.__wrapped__() == "made"
    monkeypatch.setattr(bundle, "_bundled", lambda: "made again")
    assert bundle.libraries.__wrapped__() == "made"
