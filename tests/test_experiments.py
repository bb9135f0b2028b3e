"""Every experiment in conf/experiment, run small: each of its settings with one seed and a few steps."""

from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.override_parser.overrides_parser import OverridesParser

from rnnbench.entry import parse
from rnnbench.report import write_report
from rnnbench.run import run

CONF = Path(__file__).parents[1] / "conf"
EXPERIMENTS = sorted(path.stem for path in (CONF / "experiment").glob("*.yaml"))
SMALL = ["network.hidden_size=4", "task.length=4", "task.batch_size=4", "trainer.max_steps=2", "trainer.log_every=1",
         "trainer.evaluation_batches=1", "probe.batch_size=2", "probe.sequences=1", "tracking=disabled",
         "seed=0"]  # fmt: skip


def composed(name, *overrides, **options):
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return compose("train", [f"experiment={name}", *overrides], **options)


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_it_runs_small(name, tmp_path):
    params = composed(name, return_hydra_config=True).hydra.sweeper.params
    swept = [f"{key}={value}" for key, value in params.items() if key != "seed"]
    (jobs,) = BasicSweeper.split_arguments(OverridesParser.create().parse_overrides(swept), None)
    small = [override for override in SMALL if override.split("=")[0] not in params or override == "seed=0"]
    if "task.length" in params:
        jobs = [[choice for choice in job if not choice.startswith("task.length=")] for job in jobs[::3]]
        small.append("task.length=4")
    for job in jobs:
        assert run(parse(composed(name, *job, *small, f"runs_dir={tmp_path}"))).status == "done"
    write_report(name, tmp_path, tmp_path / "results")


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_it_says_what_is_expected_and_how_it_is_run(name):
    text = (CONF / "experiment" / f"{name}.yaml").read_text()
    assert "# Expected: " in text
    assert f"python scripts/train.py experiment={name} && python scripts/report.py {name}" in text
    config = composed(name, return_hydra_config=True)
    assert config.name == name
    assert config.hydra.mode.name == "MULTIRUN"
    seeds = str(config.hydra.sweeper.params.seed).split(",")
    assert len(seeds) >= (2 if name == "demo" else 3)
