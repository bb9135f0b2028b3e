"""The commands that tests run end as wholes: nothing that they started outlives them."""

import os
from contextlib import suppress

import psutil
import pytest

pytestmark = pytest.mark.whole

SMALL = ["task.length=8", "network.hidden_size=4", "trainer.max_steps=2",
         "task.validation_sequences=32", "task.test_sequences=32", "probe=off",
         "tracking=disabled"]  # fmt: skip


def at_work(folder):
    """The processes whose folder this is."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            found += [process] if process.cwd() == os.fspath(folder) else []
    return found


def test_a_sweep_leaves_no_process_behind(command, tmp_path):
    ended = command("train.py", "-m", "seed=0,1", *SMALL)
    assert ended.returncode == 0, ended.stderr
    _, alive = psutil.wait_procs(at_work(tmp_path), timeout=10)
    assert alive == []
