"""What every test shares: no network, one thread, fixed seeds, files in temporary folders only."""

import gc
import os
import shutil
import tempfile
from collections import defaultdict
from functools import partial

import pytest

os.environ["HF_HUB_OFFLINE"] = "1"  # before `datasets` is imported: fails at once instead of retrying
os.environ["HF_HOME"] = tempfile.mkdtemp(prefix="rnnbench-hf-")
os.environ["WANDB_SILENT"] = "true"
os.environ["WANDB_BASE_URL"] = (
    "http://127.0.0.1:9"  # no server listens: only tests with a server of their own reach one
)

gc.disable()  # until all modules are loaded, which are no garbage


def pytest_addoption(parser):
    parser.addoption("--few", type=int, help="so many cases, at most, of each test that is run for many")


def pytest_collection_modifyitems(config, items):
    few = config.getoption("few")
    if few is None:
        return
    cases = defaultdict(list)
    for item in items:
        cases[item.nodeid.partition("[")[0]].append(item)
    kept = {each[round(place)] for each in cases.values() for place in spaced(len(each), few)}
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    items[:] = [item for item in items if item in kept]


def spaced(length, most):
    """At most so many places from the first to the last, evenly far from each other."""
    number = min(length, most)
    return [place * (length - 1) / max(number - 1, 1) for place in range(number)]


def pytest_collection_finish():
    gc.freeze()
    gc.set_threshold(20_000)  # at the usual 700, a tenth of the time would go into looking for garbage
    gc.enable()


@pytest.fixture(autouse=True)
def _reproducible():
    import numpy as np
    import torch

    torch.set_num_threads(1)
    torch.default_generator.manual_seed(0)  # torch.manual_seed keeps a traceback for a GPU, which takes a millisecond
    np.random.seed(0)  # noqa: NPY002  # some libraries draw from it


@pytest.fixture
def double():
    """Float64 as torch's default, for tests of numbers."""
    import torch

    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.fixture(scope="session")
def configure_in():
    """A function from a folder for the runs and overrides to a Config: tiny, untracked."""
    from composing import SMALL, config

    return lambda folder, *overrides: config(*SMALL, f"runs_dir={folder}", *overrides)


@pytest.fixture
def configure(configure_in, tmp_path):
    """The same, its runs in a temporary folder."""
    return partial(configure_in, tmp_path)


@pytest.fixture
def undrawn():
    """Reports without their figures, which take long."""
    from planted import without_figures

    with without_figures():
        yield


@pytest.fixture(scope="module")
def browser():
    """Chromium, where one is installed."""
    from playwright.sync_api import sync_playwright

    found = [path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))]
    if not found:
        pytest.skip("no Chromium is installed")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=found[0], args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def shell(tmp_path_factory):
    """A server of commands, ``tests/commands.py``, that all workers of the tests share."""
    from commands import Server

    folder = tmp_path_factory.getbasetemp()
    running = Server((folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder) / "commands")
    yield running
    running.close()


@pytest.fixture
def command(shell, tmp_path):
    """A function (script, *arguments, **environment) that runs a script in an empty folder."""
    return partial(shell, tmp_path)
