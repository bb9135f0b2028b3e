"""Every experiment in conf/experiment, run small: each of its choices with one seed and a few steps."""

import random
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir

from rnnbench.config.identity import flatten
from rnnbench.report import write_report
from rnnbench.runner import run
from rnnbench.sweep.compose import plan

pytestmark = pytest.mark.whole

CONF = Path(__file__).parents[1] / "conf"
SHORT = ("demo", "demo_modern", "recall", "state_tracking", "counting", "length_generalization")
"""Those that take minutes."""
EXPERIMENTS = sorted(path.stem for path in (CONF / "experiment").glob("*.yaml"))
SMALL = ["network.hidden_size=4", "task.length=4", "task.batch_size=4", "trainer.max_steps=2", "trainer.log_every=1",
         "task.validation_sequences=32", "task.test_sequences=32",
         "probe.batch_size=2", "probe.sequences=1", "tracking=disabled",
         "network.engine=loop", "seed=0", "protocol.tune=null", "network.budget=null"]  # fmt: skip


OWN = {name: ["task.length=16"] for name in ("demo_modern", "recall")}
"""What is small of an experiment that the above is too small for."""


def covering(configs):
    """In random order those that have a value of a key that none before had: each choice, but not with each other."""
    seen = set()
    for config in random.Random(0).sample(configs, len(configs)):
        values = set(flatten(config.to_dict()).items())
        if not values <= seen:
            yield config
        seen |= values


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_it_runs_small(undrawn, name, tmp_path):
    """Its figures are drawn from its committed result, in test_committed.py."""
    found = plan(CONF, [f"experiment={name}", *SMALL, *OWN.get(name, []), f"runs_dir={tmp_path}"]).candidates.values()
    for config in covering([job.config for job in found]):
        assert run(config).status == "done"
    write_report(name, tmp_path)


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_it_says_what_is_expected_and_how_it_is_run(name):
    text = (CONF / "experiment" / f"{name}.yaml").read_text()
    assert "# Expected: " in text
    assert f"rnnbench train experiment={name} && rnnbench report {name}" in text
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("train", [f"experiment={name}"], return_hydra_config=True)
    assert config.name == name
    assert config.hydra.mode.name == "MULTIRUN"
    seeds = config.protocol.report_seeds or str(config.hydra.sweeper.params.seed).split(",")
    assert len(seeds) >= (1 if name == "demo_modern" else 2 if name in SHORT else 3)
