"""One small tuned sweep, its published result and its records."""

import shutil
from functools import cache
from pathlib import Path

import pytest

from rnnbench.report import publish
from rnnbench.store import records
from rnnbench.sweep import committed

SWEEP = ["-m", "cell=elman,gru", "task=digits", "task.length=8", "network.hidden_size=8", "trainer.max_steps=20",
         "task.validation_sequences=32", "task.test_sequences=32",
         "tracking=disabled", "probe.every=20", "probe.batch_size=4", "name=tuned",
         "protocol.tune={optimizer.lr:[0.001,0.01]}", "protocol.tune_seeds=[10]",
         "protocol.report_seeds=[0,1]"]  # fmt: skip


@pytest.fixture(scope="session")
def original(shell, tmp_path_factory):
    """Two cells, each tuned over two learning rates with one seed and reported with two: eight runs."""
    folder = tmp_path_factory.mktemp("original")
    result = shell(folder, "train.py", *SWEEP)
    assert result.returncode == 0, result.stderr
    publish("tuned", [folder / "runs" / "tuned"], folder / "results")
    return folder


@pytest.fixture
def result(original, tmp_path):
    """A copy of the report to plant errors in."""
    return Path(shutil.copytree(original / "results" / "tuned", tmp_path / "tuned"))


@pytest.fixture
def repeated(original):
    """The records of the runs, as if they had just been repeated."""
    return {record.run_id: record for record in records.read_all(original / "runs" / "tuned")}


@pytest.fixture(scope="session")
def planned_once():
    """The plan of a recorded command, which Hydra composes once: nothing in ``conf/`` changes."""
    return cache(committed.plan_again)


@pytest.fixture(autouse=True)
def _planned_once(monkeypatch, planned_once):
    monkeypatch.setattr(committed, "plan_again", planned_once)
