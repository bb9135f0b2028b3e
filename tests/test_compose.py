"""From the command line of a sweep to its runs."""

import json
import shlex
import shutil
from pathlib import Path

import pytest

from composing import config
from rnnbench.errors import UserError
from rnnbench.outcomes.columns import row
from rnnbench.store.records import Record
from rnnbench.sweep.compose import Composer, plan
from rnnbench.sweep.configuration import configure
from rnnbench.sweep.recorded_command import plan_again

CONF = Path(__file__).parents[1] / "conf"
SEEDS = ["protocol.tune_seeds=[7,8]", "protocol.report_seeds=[0]"]


def ended(jobs, loss):
    """Rows of tuning runs, each with the validation loss that ``loss`` says of its configuration."""
    for run_id, job in jobs.items():
        config = json.loads(json.dumps(job.config.to_dict()))
        yield row(
            Record(
                run_id=run_id, experiment="e", status="done", config=config, seed=job.config.seed,
                final={"val/loss": loss(job.config)},
            )
        )  # fmt: skip


def ids(found):
    return set(found.candidates)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["cell=lstm,lru", "cell.r_min=0.9"], [("lstm", None), ("lru", 0.9)]),
        (["cell=lstm,lru", "cell.r_min=0.8,0.9"], [("lstm", None), ("lru", 0.8), ("lru", 0.9)]),
        (["cell=lru", "cell.r_min=0.8,0.9"], [("lru", 0.8), ("lru", 0.9)]),
    ],
)
def test_an_option_applies_to_the_choices_that_have_it(arguments, expected):
    found = [job.config for job in plan(CONF, arguments).candidates.values()]
    assert [(each.cell.name, getattr(each.cell, "r_min", None)) for each in found] == expected
    alone = [config(f"cell={cell}", *([] if r_min is None else [f"cell.r_min={r_min}"])) for cell, r_min in expected]
    assert [each.run_id for each in found] == [each.run_id for each in alone]


@pytest.mark.parametrize(
    "arguments",
    [["cell=lstm,gru", "cell.r_min=0.9"], ["cell=lstm,lru", "cell.r_minn=0.8,0.9"], ["cell=lru", "cell.r_minn=0.8,0.9"],
     ["optimizer=adam,rmsprop", "optimizer.momentum=0.9"], ["task=adding,copy", "task.lenght=5,6"]],
)  # fmt: skip
def test_an_option_that_no_choice_has_is_a_mistake(arguments):
    with pytest.raises(UserError, match="^unknown key '"):
        plan(CONF, arguments)


def test_merged_values_are_what_hydra_composes():
    """One by one, each run of a sweep is the single run of its choices."""
    arguments = ["cell=lstm,indrnn", "task=adding,copy", "task.length=9,11", "init=chrono", "seed=range(0,2)",
                 "optimizer.lr=0.1,1e-3", "+init.gate_bias.forget=2", "clip.threshold=3,4"]  # fmt: skip
    found = plan(CONF, arguments)
    assert len(found.candidates) == 2**6
    for run_id, job in list(found.candidates.items())[::11]:  # each choice of each key is among them
        single = configure(*job.overrides)
        assert single.run_id == run_id
        assert single == job.config


def test_choices_that_fill_their_group_are_exchanged(monkeypatch):
    composed, compose = [], Composer._compose
    monkeypatch.setattr(Composer, "_compose", lambda self, lines: composed.append(lines) or compose(self, lines))
    assert len(plan(CONF, ["cell=lstm,gru,elman", "task=adding,copy", "optimizer=adam,sgd"]).candidates) == 12
    assert len(plan(CONF, ["cell=lstm,lru", "cell.r_min=0.9", "protocol.tune=null"]).candidates) == 2
    assert composed == []  # in the place of the defaults, which Hydra has composed for all
    assert len(plan(CONF, ["cell=lstm,gru", "+init.gate_bias.forget=2,3"]).candidates) == 4
    assert set(composed) == {("cell=lstm", "+init.gate_bias.forget=2"), ("cell=lstm", "+init.gate_bias.forget=3")}


RATES = ["optimizer=adam,sgd", "schedule=constant,mine"]  # mine has that of Adam, with which it changes nothing
BEYOND = {
    "global": (RATES, {"schedule/mine.yaml": "# @package _global_\nschedule: {name: constant}\noptimizer: {lr: .002}"}),
    "defaults": (RATES, {"schedule/mine.yaml": "defaults: [constant, /extra@_global_: rate]\n",
                         "extra/rate.yaml": "optimizer: {lr: 0.002}\n"}),
    "pair": (["cell=lstm,gru", "task=adding,copy"],
             {"extra/gru_copy.yaml": "# @package _global_\noptimizer: {lr: 0.005}\n",
              "train.yaml": (CONF / "train.yaml").read_text(encoding="utf-8").replace(
                  "  - claim: null\n", "  - optional extra: ${cell}_${task}\n  - claim: null\n")}),
}  # fmt: skip
"""Sweeps with choices that fill more than their group, where each in the place of another changes nothing beyond it."""


@pytest.mark.parametrize("kind", BEYOND)
def test_choices_that_reach_beyond_their_group_are_composed_together(tmp_path, kind):
    sweep, files = BEYOND[kind]
    conf = Path(shutil.copytree(CONF, tmp_path / "conf"))
    (conf / "extra").mkdir()
    for name, text in files.items():
        (conf / name).write_text(text, encoding="utf-8")
    *_, last = plan(conf, sweep).candidates.values()
    assert last.config == configure(*last.overrides, conf=conf)
    assert last.config.optimizer.lr == (0.005 if kind == "pair" else 0.002)


def test_a_group_that_is_chosen_no_longer_has_its_default():
    config("early_stop=patience", "early_stop.patience=1", "+init.gate_bias.forget=2")  # first with what it adds
    assert config("+init.gate_bias.forget=2") == config("early_stop=none", "+init.gate_bias.forget=2")


MINE = """# @package _global_
defaults: [override /task: copy, override /cell: lru]
task: {length: 7}
cell: {heads: 2}
network: {depth: 2}
"""


@pytest.mark.parametrize(
    "sweep",
    [
        ["experiment=mine", "task=copy,adding,latch", "cell=retnet,deltanet"],
        ["+init.gate_bias.forget=2", "init=default,chrono", "cell=lstm,gru"],
        ["cell=retnet,external,gla", "cell._target_=torch.nn.GRUCell", "cell.heads=2"],
        ["optimizer=adam,sgd", "schedule=constant,cosine", "callbacks=none,ema"],
    ],
)
def test_a_group_is_filled_as_by_hydra(tmp_path, sweep):
    """By the files of the first combination too, in their order, and by what adds to it."""
    conf = Path(shutil.copytree(CONF, tmp_path / "conf"))
    (conf / "experiment" / "mine.yaml").write_text(MINE)
    _, *others = plan(conf, sweep).candidates.values()
    assert len(others) >= 2
    for job in others[1::2]:
        assert job.config == configure(*job.overrides, conf=conf)


@pytest.mark.parametrize(
    "arguments",
    [
        ["-cd", "{folder}", "experiment=mine"],
        ["task=adding,copy", "protocol.tune={{task.lenght:[9,11]}}", *SEEDS],
        ["cell=lstm,gru", "protocol.tune={{cell.lenght:[9,11]}}", *SEEDS],
    ],
)
def test_a_key_that_does_not_exist_is_said_wherever_it_is_swept(tmp_path, arguments):
    (tmp_path / "experiment").mkdir()
    own = "# @package _global_\nhydra: {mode: MULTIRUN, sweeper: {params: {task.lenght: '9,11'}}}\n"
    (tmp_path / "experiment" / "mine.yaml").write_text(own, encoding="utf-8")
    words = shlex.join(each.format(folder=tmp_path) for each in arguments)
    with pytest.raises(UserError, match=r"unknown key '(cell|task)\.lenght': "):
        plan_again(CONF, f"python scripts/train.py {words}")


def test_the_command_line_replaces_what_the_experiment_sweeps():
    assert len(plan(CONF, ["experiment=demo"]).candidates) == 12
    assert len(plan(CONF, ["experiment=demo", "cell=gru", "seed=5"]).candidates) == 2


def test_a_tuned_key_that_does_not_apply_leaves_one_point():
    found = plan(CONF, ["clip=none,norm", "protocol.tune={clip.threshold:[0.1,1]}", *SEEDS])
    assert len(found.tuning) == 2 * (1 + 2)
    assert len(found.candidates) == 1 + 2
    runs = list(ended(found.tuning, lambda config: config.clip.threshold or 0.5))
    chosen = [job.config.clip for job in found.reported(runs).values()]
    assert [(clip.kind, clip.threshold) for clip in chosen] == [("none", None), ("norm", 0.1)]
    assert found.undecided(runs) == []
    assert found.undecided(runs[2:]) == ["clip.kind none"]
    assert found.undecided(runs[:-1]) == ["clip.kind norm"]


def test_an_option_of_one_cell_leaves_one_point_of_another():
    found = plan(CONF, ["cell=elman,lstm", "protocol.tune={cell.nonlinearity:[tanh,relu]}", *SEEDS])
    assert len(found.candidates) == 2 + 1
    for run_id, job in found.candidates.items():
        assert configure(*job.overrides).run_id == run_id  # each can be launched by itself


@pytest.fixture
def tuned(tmp_path):
    """A function that makes an experiment file tune a key over values, and returns the values that its runs have."""
    shutil.copytree(CONF, tmp_path / "conf")

    def values(key, choices, task="adding"):
        content = json.dumps({"protocol": {"tune": {key: choices}}})
        (tmp_path / "conf" / "experiment" / "tuned.yaml").write_text(
            f"# @package _global_\n{content}", encoding="utf-8"
        )
        group, name = key.split(".")
        found = plan(tmp_path / "conf", ["experiment=tuned", f"task={task}", *SEEDS])
        return {getattr(getattr(job.config, group), name) for job in found.candidates.values()}

    return values


def test_tuned_values_are_values(tuned):
    """Whatever signs a text has, it reaches the run as it is."""
    texts = ["a, b", "it's", 'say "no"', "{a: 1}", "null", "[", "é\\", "x=y"]
    assert tuned("task.prompt", texts, task="char_lm") == set(texts)
    assert tuned("network.budget", [None, "parameters:5000"]) == {None, "parameters:5000"}
    assert tuned("optimizer.lr", [1, 0.5]) == {1.0, 0.5}
    assert tuned("network.bidirectional", [True, False]) == {True, False}
    with pytest.raises(UserError, match=r"task.prompt"):
        tuned("task.prompt", ["${x", "y"], task="char_lm")  # OmegaConf's own sign


def test_a_recorded_command_is_read_with_hydras_flags(tmp_path):
    (tmp_path / "experiment").mkdir()
    own = "# @package _global_\nname: mine\nhydra: {mode: MULTIRUN, sweeper: {params: {task.length: '5,6'}}}\n"
    (tmp_path / "experiment" / "mine.yaml").write_text(own, encoding="utf-8")
    expected = ids(plan(CONF, ["task.length=5,6", "seed=1"]))
    for words in (
        "-m task.length=5,6 seed=1",
        "--multirun task.length=5,6 seed=1",
        "task.length=5,6 --multirun seed=1",
        f"--config-dir {tmp_path} experiment=mine seed=1",
        f"experiment=mine seed=1 -cd {tmp_path}",
    ):
        assert ids(plan_again(CONF, f"rnnbench train {words}")) == expected, words


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("", "it is empty"),
        ("rnnbench train 'a", "No closing quotation"),
        ("rnnbench train --foo seed=1", "cannot be read: --foo"),
        ("rnnbench train -cd /nowhere experiment=mine", "needs the folder /nowhere, which is not here"),
        ("rnnbench train experiment=mine", "unknown experiment 'mine'"),
    ],
)
def test_a_recorded_command_that_cannot_be_read(command, message):
    with pytest.raises(UserError, match=message):
        plan_again(CONF, command)


@pytest.mark.whole
def test_what_is_not_reported_is_said(command):
    """The GRU has no forget gate, so no tuning run of its setting has a result."""
    ended = command("train.py", "-m", "cell=gru,lstm", "init=forget_one", "protocol.tune={optimizer.lr:[0.01,0.1]}",
                    "protocol.tune_seeds=[7]", "protocol.report_seeds=[0]", "tracking=disabled", "probe=off",
                    "task.length=8", "trainer.max_steps=4",
                    "task.validation_sequences=32", "task.test_sequences=32")  # fmt: skip
    assert ended.returncode == 1
    assert ended.stdout.splitlines()[-1] == "not reported, because a tuning run has no result: cell.name gru"
    assert ended.stdout.count(": done, score") == 2 + 1
    assert ended.stderr == ""
