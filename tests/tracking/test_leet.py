"""The terminal dashboard of W&B over a sweep without a network: what a person sees of the gradient over lag."""

import itertools
import re
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from planted import make
from rnnbench import tracking
from rnnbench.gradients import Measured, Survey
from rnnbench.tracking.profiles import log_profiles
from rnnbench.training.probe import Probe

pytestmark = [
    pytest.mark.whole,
    pytest.mark.skipif(shutil.which("tmux") is None, reason="needs tmux, for a terminal"),
]

CELLS, LAGS, PATIENCE = ("elman", "gru", "lstm"), 41, 30
PLACES = [f"layer{layer}_{direction}" for layer, direction in itertools.product((1, 2), ("backward", "forward"))]


def survey(rate):
    """Norms [layer, direction, lag] that shrink by a factor of ten in 1 / ``rate`` steps, more slowly above."""
    norms = 10.0 ** -(rate * np.arange(LAGS) / np.array([[[1.0], [2.0]], [[3.0], [4.0]]]))
    return Survey({name: Measured(("layer", "direction", "lag"), norms) for name in ("state", "state_median")}, {})


@pytest.fixture
def runs(configure, tmp_path):
    """The W&B folder of three runs of a sweep, through all that logs a real one."""
    for index, cell in enumerate(CELLS):
        config = configure("tracking=offline", "name=sweep", f"cell={cell}", "network.depth=2",
                           "network.bidirectional=true", "tracking.factors=[cell.name]")  # fmt: skip
        record = replace(make(cell=cell), run_id=config.run_id, experiment="sweep", config=config.to_dict())
        logger = tracking.open_logger(config, tmp_path / "sweep", record)
        probe = Probe(lambda *_: None, None, 10)
        probe.steps, probe.surveys = [0, 10], [survey(0.1 + index / 10), survey(0.2 + index / 5)]
        log_profiles(logger.experiment, probe)
        tracking.finish(logger, record, exit_code=0)
    return tmp_path / "sweep" / "wandb"


@pytest.fixture
def terminal(tmp_path, monkeypatch):
    """A function from a command to one that types a key in its terminal and returns the screen that has a text."""
    monkeypatch.setenv("WANDB_CONFIG_DIR", str(tmp_path / "config"))
    server = ["tmux", "-S", str(tmp_path / "tmux"), "-f", "/dev/null"]

    def screen():
        shown = subprocess.run([*server, "capture-pane", "-p", "-t", "leet"], check=True, capture_output=True)
        return shown.stdout.decode()

    def press(key, until, curves=0):
        """``until``: a regular expression that the screen then has; ``curves``: how many in a panel.

        Runs are read one after the other, so the panels stand before all curves do.
        """
        subprocess.run([*server, "send-keys", "-t", "leet", *(["-l", key] if key[0] == "g" else [key])], check=True)
        deadline = time.monotonic() + PATIENCE
        while not re.search(until, shown := screen()) or min(panels(shown).values(), default=0) < curves:
            assert time.monotonic() < deadline, f"no {until} with {curves} curves after {key}:\n{shown}"
            time.sleep(0.1)
        return shown

    def start(*command):
        size = ["-x", "160", "-y", "50"]
        subprocess.run([*server, "new-session", "-d", "-s", "leet", *size, *command], check=True)
        return press

    yield start
    subprocess.run([*server, "kill-server"])


def panels(screen):
    """The number of curves of each panel: so many are one above the other, drawn in dots of Braille, somewhere in it.

    Colors do not tell: two runs can have the same.
    """
    lines, found = screen.splitlines(), {}
    for y, line in enumerate(lines):
        for title in re.finditer(r"│(grad_\S+) [^│]*", line):
            left, right = title.span()
            below = (row[left:right] for row in lines[y:])
            columns = zip(*itertools.takewhile(lambda row: row[0] == "│", below), strict=True)
            found[title[1]] = max(len(re.findall(r"[\u2801-\u28ff]+", "".join(column))) for column in columns)
    return found


def test_every_layer_and_direction_over_lag_of_three_cells(runs, terminal):
    press = terminal(str(Path(sys.executable).with_name("wandb")), "leet", str(runs))
    press("Home", r"Runs \[3 items\]")
    press("C-a", "Press y to confirm")
    press("y", r"(?s)(●|▶) offline.*(●|▶) offline.*(●|▶) offline")
    press("[", r"(?m)^ Metrics \[")  # the panels get the place of the sidebars
    press("/", r"Filter \(regex\)")
    press("grad_final/", r"grad_final/.*\[4/")
    press("Enter", r"\[1-4 of 4 filtered")
    screen = press("]", r"(?m)^ Metrics \[[^│]*$", curves=len(CELLS))
    assert re.findall(r"(grad_\S+) +\[x: lag\]", screen) == [f"grad_final/{place}" for place in PLACES]
    axes = [axis.split() for axis in re.findall(r"│ +(0 [ \d.]+)│", screen)]
    assert len(axes) == len(PLACES)
    assert all(30 < float(ticks[-1]) < LAGS for ticks in axes)
    assert panels(screen) == {f"grad_final/{place}": len(CELLS) for place in PLACES}
