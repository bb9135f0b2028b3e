"""Which code made a record."""

import shutil
import subprocess
from pathlib import Path

import pytest

import rnnbench
from rnnbench.store import provenance

HERE = Path(provenance.__file__)


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A function that puts the module inside another repository, with everything committed or not."""

    def git(*arguments):
        identity = ("-c", "user.name=x", "-c", "user.email=x@y")
        subprocess.run(["git", *identity, *arguments], cwd=tmp_path, check=True, capture_output=True)

    def make(place, tracked=True):
        path = tmp_path / place / "provenance.py"
        path.parent.mkdir(parents=True)
        shutil.copy(HERE, path)
        (tmp_path / "own.txt").write_text("1", encoding="utf-8")
        git("init", "-q")
        git("add", "." if tracked else "own.txt")
        git("commit", "-qm", "x")
        monkeypatch.setattr(provenance, "__file__", str(path))
        return path

    return make


def test_the_commit_of_a_checkout_and_whether_it_was_changed(repository):
    path = repository("src/rnnbench/store")
    commit = provenance.git_commit()
    assert len(commit) == 40
    path.write_text("changed", encoding="utf-8")
    assert provenance.git_commit() == f"{commit}+dirty"


@pytest.mark.parametrize(
    ("place", "tracked"), [(".venv/lib/rnnbench", False), ("vendor/rnnbench", True), ("src/rnnbench/store", False)]
)
def test_another_repository_around_it_is_not_its_own(repository, place, tracked):
    repository(place, tracked)
    assert provenance.git_commit() is None


def test_without_git(repository, monkeypatch):
    repository("src/rnnbench/store")
    monkeypatch.setenv("PATH", "/nowhere")
    assert provenance.git_commit() is None


def test_the_version_is_that_of_the_code(monkeypatch):
    """An editable installation has the metadata of the day when it was made."""
    monkeypatch.setattr(provenance, "_version", lambda name: "0.0")
    assert provenance.versions()["rnnbench"] == rnnbench.__version__
    assert provenance.versions()["torch"] == "0.0"
