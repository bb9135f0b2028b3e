"""What every test shares: no network, one thread, fixed seeds, files in temporary folders only."""

import os
import tempfile

import numpy as np
import pytest

os.environ["HF_HUB_OFFLINE"] = "1"  # before `datasets` is imported: fails at once instead of retrying
os.environ["HF_HOME"] = tempfile.mkdtemp(prefix="rnnbench-hf-")
os.environ["WANDB_SILENT"] = "true"
os.environ["WANDB_BASE_URL"] = "http://127.0.0.1:9"  # nobody listens: only tests with a server of their own reach one

import torch


@pytest.fixture(autouse=True)
def _reproducible():
    torch.set_num_threads(1)
    torch.manual_seed(0)
    np.random.seed(0)  # noqa: NPY002  # some libraries draw from it


@pytest.fixture
def double():
    """Float64 as torch's default, for tests of numbers."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.fixture
def configure(tmp_path):
    """A function from command-line overrides to a Config: tiny, untracked, its runs in a temporary folder."""
    from rnnbench.sweep.configuration import configure as configured

    small = [
        f"runs_dir={tmp_path}",
        "tracking=disabled",
        "task.length=10",
        "network.hidden_size=8",
        "trainer.max_steps=20",
        "trainer.validate_every=10",
        "trainer.log_every=5",
        "task.validation_sequences=32",
        "task.test_sequences=32",
        "probe.every=10",
        "probe.batch_size=4",
    ]

    def make(*overrides):
        return configured(*small, *overrides)

    return make


@pytest.fixture(scope="session")
def shell():
    """A server of commands, ``tests/commands.py``."""
    from commands import Server

    running = Server()
    yield running
    running.close()


@pytest.fixture
def command(shell, tmp_path):
    """A function (script, *arguments, **environment) that runs a script in an empty folder."""
    from functools import partial

    return partial(shell, tmp_path)
