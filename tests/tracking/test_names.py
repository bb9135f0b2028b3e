"""How W&B calls the runs of a sweep and their groups."""

from collections import Counter
from pathlib import Path

import pytest

from rnnbench.outcomes.columns import configuration
from rnnbench.sweep.compose import configured_jobs, plan
from rnnbench.tracking import names

CONF = Path(__file__).parents[2] / "conf"
TUNED = ["protocol.tune_seeds=[100]", "protocol.report_seeds=[0,1]"]
EXPERIMENTS = {
    "clipping": ["cell=gru,lru", "seed=0,1"],
    "directionality": ["cell=gru,lru", "seed=0,1"],
    "leaderboard_long": ["cell=gru,lru", *TUNED],
}
SWEEPS = {
    ("network.depth=1,2", "clip=norm", "clip.threshold=0.5,1", "task.length=100,200"):
        "lstm · 2 layers · clip norm 1 · T 100 · seed 0",
    ("clip=none,norm", "optimizer.lr=0.1,0.12345678"): "lstm · no clipping · lr 0.12345678 · seed 0",
    ("cell=lstm,gru", "task=adding,copy", "network.bidirectional=true,false"): "gru · one direction · copy · seed 0",
    ("network.hidden_size=8,16", "schedule=constant,cosine"):
        "lstm · width 16 · schedule cosine · seed 0",
    ("seed=0,1",): "lstm · adding · seed 1",
}  # fmt: skip


def configs_of(*overrides):
    planned = plan(CONF, overrides)
    return [job.config for job in (planned.tuning | planned.candidates).values()]


@pytest.mark.parametrize("sweep", SWEEPS)
def test_a_name_has_every_varied_factor_in_words(sweep):
    assert SWEEPS[sweep] in [names.display_name(config) for config in configs_of(*sweep)]


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_names_are_unique_and_a_group_is_a_setting(experiment):
    """A setting is all that differs in nothing but the seed."""
    configs = configs_of(f"experiment={experiment}", *EXPERIMENTS[experiment])
    assert set(Counter(map(names.display_name, configs)).values()) == {1}
    assert all(len(names.display_name(config)) <= 128 for config in configs)
    groups = {}
    for config in configs:
        assert names.group(config).startswith(f"{experiment}: ")
        groups.setdefault(names.group(config), set()).add(str(configuration(config.to_dict())))
    assert all(len(settings) == 1 for settings in groups.values())
    assert len(groups) == len({setting for settings in groups.values() for setting in settings})


def test_what_a_sweep_tells_its_runs_is_no_part_of_them(configure):
    swept = {config.run_id: config for config in configs_of("cell=lstm,gru", "clip.threshold=1,2")}
    alone = configs_of("cell=gru", "clip.threshold=2")[0]
    assert swept[alone.run_id].tracking.factors == ["cell.name", "clip.threshold"]
    assert alone.tracking.factors == []
    assert names.display_name(alone) == "gru · adding · seed 0"


def test_another_launcher_composes_the_same_names():
    """From the overrides of a job, as Hydra hands them over."""
    *_, job = plan(CONF, ["cell=lstm,gru", "clip=none,norm"]).candidates.values()
    (composed,) = configs_of(*job.overrides)
    assert names.display_name(composed) == names.display_name(job.config) == "gru · clip norm · seed 0"


def test_a_search_names_its_trials_by_what_it_tries():
    from hydra import initialize_config_dir
    from hydra.core.global_hydra import GlobalHydra
    from hydra.types import RunMode

    with initialize_config_dir(str(CONF), version_base="1.3"):
        loader = GlobalHydra.instance().config_loader()
        base = loader.load_configuration("train", ["task=copy", "optimizer.lr=1"], run_mode=RunMode.MULTIRUN)
    (trial,) = configured_jobs(loader, base, [("task=copy", "optimizer.lr=0.01", "cell=gru")])
    assert names.display_name(trial) == "gru · lr 0.01 · seed 0"


def test_a_long_name_is_cut_and_stays_unique(configure):
    long = [configure(f"name={'n' * 100}", f"runs_dir={each}", "tracking.factors=[cell.name,runs_dir]")
            for each in ("d" * 60 + "a", "d" * 60 + "b")]  # fmt: skip
    assert [len(names.group(config)) for config in long] == [128, 128]
    assert len({names.group(config) for config in long}) == 2
    assert {len(tag) for tag in names.tags(long[0])} == {6, 4, 64}
