"""From overrides to a checked configuration, and from a configuration to an identity."""

import itertools
import math
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import get_type_hints

import pytest
import yaml

from catalogue import TASK_ROWS, task_overrides
from rnnbench.config.cell_options import CELL_CONFIGS, cell_config
from rnnbench.config.early_stop import EARLY_STOP_CONFIGS
from rnnbench.config.network import InitConfig
from rnnbench.config.optimizer import OPTIMIZER_CONFIGS
from rnnbench.config.schedule import SCHEDULE_CONFIGS
from rnnbench.config.schema import ClipConfig, ProbeConfig
from rnnbench.errors import UserError, check_folder_name
from rnnbench.network.cells import CELLS
from rnnbench.sweep import configuration
from rnnbench.sweep.configuration import default, read
from rnnbench.tasks import TASKS
from rnnbench.tasks.external import ExternalTask

CONF = Path(__file__).parents[1] / "conf"


def test_seed_zero_is_a_seed(configure):
    assert configure().seed == 0
    assert configure("seed=7").seed == 7


def test_everything_else_changes_the_id(configure):
    ids = [
        configure(*overrides.split()).run_id
        for overrides in (
            "seed=0",
            "seed=1",
            "cell=gru",
            "cell=elman",
            "cell=elman cell.nonlinearity=relu",
            "task=copy",
            "task.length=11",
            "task.batch_size=7",
            "network.depth=2",
            "network.bidirectional=true",
            "network.dropout=0.5",
            "network.engine=loop",
            "init=orthogonal",
            "init=forget_one init.gate_bias.forget=2",
            "init=chrono",
            "+init.gate_bias.output=-1",
            "clip=none",
            "clip=value",
            "clip.threshold=2",
            "optimizer=sgd",
            "optimizer.lr=0.1",
            "trainer.max_steps=21",
            "trainer.stop_when_solved=false",
        )
    ]
    assert len(set(ids)) == len(ids)
    assert ids[0].startswith("adding-lstm-seed0-")


def test_clip_none_has_no_threshold(configure):
    assert configure("clip=none", "clip.threshold=3").run_id == configure("clip=none").run_id


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ("task.length=0", "task.length=0: must be at least 1"),
        ("task.length=abc", "task.length: Value 'abc' of type 'str' could not be converted to Integer"),
        ("task.length=1e300", "task.length: Value '1e+300' of type 'float' could not be converted to Integer"),
        ("task.test_lengths=[100000000]", "task.test_lengths=100000000: must be at most 10000000"),
        (
            "task=long_lag task.variant=2c task.distractors=10000000",
            "task.distractors=10000000: must be at most 1000000",
        ),
        ("network.hidden_size=0", "network.hidden_size=0: must be at least 1"),
        ("network.depth=0", "network.depth=0: must be at least 1"),
        ("network.dropout=1", "network.dropout=1.0: must be less than 1"),
        ("network.engine=lop", "network.engine 'lop': did you mean 'loop'"),
        ("cell=lstm_1997 cell.block_size=0", "cell.block_size=0: must be at least 1"),
        ("cell=lstm_peephole cell.ablation=none_", "cell.ablation 'none_': did you mean 'none'"),
        ("cell=slstm cell.forget=tanh", "cell.forget 'tanh': choose from exp, sigmoid"),
        ("cell=lstm cell.forget=exp", "cell.forget"),
        ("clip.threshold=0", "clip.threshold=0.0: must be greater than 0"),
        ("clip.threshold=-1", "clip.threshold=-1.0: must be greater than 0"),
        ("clip.threshold=null", "clip=norm needs a clip.threshold"),
        ("clip=none clip.threshold=nan", "clip.threshold=nan: must be a finite number, at most 1000000000"),
        ("init.t_max=0", "init.t_max=0.0: must be greater than 0"),
        ("init=chrono init.t_max=2", "init.t_max=2.0: must be greater than 2"),
        ("optimizer.lr=0", "optimizer.lr=0.0: must be greater than 0"),
        ("optimizer.lr=inf", "optimizer.lr=inf: must be a finite number, at most 1000"),
        ("optimizer.beta1=nan", "optimizer.beta1=nan: must be a finite number, less than 1"),
        ("network.budget=parameters:500 network.hidden_size=0", "network.hidden_size=0: must be at least 1"),
        ("cell=lstm_1997 cell.block_size=3", "network.hidden_size=8: must be a multiple of 3 for cell=lstm_1997"),
        ("trainer.accelerator=gpus", "trainer.accelerator 'gpus': did you mean 'gpu'"),
        ("seed=-1", "seed=-1: must be at least 0"),
        ("seed=4294967296", "seed=4294967296: must be at most 4294967295"),
        ("seed=null", "seed: "),
        ("runs_dir=", "runs_dir='': must be the path of a folder"),
        ("name=a/b", "must be a plain folder name"),
        ("tracking.project=a/b", r"tracking.project='a/b': W&B takes none of the characters / \ # ? % :"),
        ("tracking.entity=", "tracking.entity='': W&B takes 1 to 128 characters"),
        (f"tracking.group={'x' * 129}", "W&B takes 1 to 128 characters"),
        ("cell=null", "a group takes the name of one of its files in conf/, as in cell=lstm"),
        ("~optimizer", "optimizer: nothing is chosen; give one, as in optimizer=adam"),
        ("cell=external cell._target_=a.B +cell.arguments.x=nan", "cell.arguments.x=nan: must be a finite number"),
        ("cell=external cell._target_=a.B +cell.arguments.x=[{1:2}]", "cell.arguments.x[0].1: the name must be text"),
        ("+cell._target_=a.B +cell.arguments={}", "cell._target_=a.B: goes with cell=external, not with cell=lstm"),
        ("task=char_lm network.bidirectional=true", "its backward direction would see the next input"),
        ("task=char_lm task.corpus=nowhere.txt", "task.corpus=nowhere.txt: no such file"),
        ("+task.lengths=3", "unknown key 'task.lengths': did you mean 'task.length'"),
    ],
)
def test_mistakes_have_one_clear_line(configure, overrides, message):
    with pytest.raises(UserError) as error:
        configure(*overrides.split())
    assert message in str(error.value)
    assert "\n" not in str(error.value)


NOT_NUMBERS_TO_USE = (math.nan, math.inf, -math.inf, 1e300, -1e300, 2**63, -(2**63))
CLASSES = {
    "cell": cell_config,
    "clip": lambda keys: ClipConfig,
    "early_stop": lambda keys: EARLY_STOP_CONFIGS[keys["name"]],
    "init": lambda keys: InitConfig,
    "optimizer": lambda keys: OPTIMIZER_CONFIGS[keys["name"]],
    "probe": lambda keys: ProbeConfig,
    "schedule": lambda keys: SCHEDULE_CONFIGS[keys["name"]],
    "task": lambda keys: ExternalTask if "_target_" in keys else TASKS[keys["name"]],
}
"""What makes a group's configuration of the keys in one of its files."""
WRAPPED = {"list": lambda number: [number], "dict": lambda number: {"forget": number}}


def chosen(group, path):
    """The configuration of one file of a group, alone."""
    keys = yaml.safe_load(path.read_text(encoding="utf-8").replace("${task.length}", "10").replace("???", "a.B"))
    missing = {key: value for key, value in TASK_ROWS["arrays"].options.items() if keys.get(key) == "a.B"}
    return CLASSES[group](keys)(**(keys | missing))


def numeric(config):
    """The keys of a configuration that hold numbers, and what wraps a number there."""
    for name, kind in get_type_hints(type(config)).items():
        if name in {field.name for field in fields(config)} and {"int", "float"} & set(words(kind)):
            yield name, WRAPPED.get(words(kind)[0], lambda number: number)


def words(kind):
    """The names of the types in an annotation: list, int of list[int]."""
    return (
        str(kind)
        .replace("<class '", "")
        .replace("'>", "")
        .replace("[", " ")
        .replace("]", " ")
        .replace(",", " ")
        .split()
    )


@pytest.mark.parametrize("group", CLASSES)
def test_every_numeric_key_of_a_group_has_a_finite_range(group):
    files = sorted((CONF / group).glob("*.yaml"))
    configs = [chosen(group, path) for path in files]
    assert configs
    for config in configs:
        assert_ranges(config)


def test_every_other_numeric_key_has_a_finite_range(configure):
    config = configure()
    assert_ranges(config)
    groups = [field.name for field in fields(config) if is_dataclass(getattr(config, field.name))]
    assert set(groups) == {*CLASSES, "network", "tracking", "trainer"}
    for group in ("network", "tracking", "trainer"):
        assert_ranges(getattr(config, group))


def assert_ranges(config):
    for (name, wrap), number in itertools.product(numeric(config), NOT_NUMBERS_TO_USE):
        said = refusal(config, name, wrap(number))
        assert said, f"{type(config).__name__} takes {name}={number}"
        assert "\n" not in said


def refusal(config, name, value):
    """Return the error for a value; nothing where it is valid."""
    try:
        replace(config, **{name: value})
    except UserError as error:
        return str(error)
    return ""


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", ".hidden", "-x", "~", "~me", " x", "x ", "x.", "a/b", "a\\b", "a\nb", "a\x1b", "x" * 101, "\udcff"],
)
def test_what_is_no_folder_name(name):
    with pytest.raises(UserError, match="must be a plain folder name") as error:
        check_folder_name("name", name)
    assert str(error.value).isprintable()


@pytest.mark.parametrize("name", ["2024", "a-b_c.d", "größe", "a b", "a|b<c>", "x" * 100])
def test_what_is_a_folder_name(name):
    check_folder_name("name", name)


class TestRead:
    """config.yaml, as a run leaves it, read back."""

    @staticmethod
    def assert_same(config, tmp_path):
        path = tmp_path / "config.yaml"
        path.write_text(yaml.safe_dump(config.to_dict(), sort_keys=False), encoding="utf-8")
        again = read(path)
        assert again == config
        assert again.run_id == config.run_id

    @pytest.mark.parametrize("cell", sorted({*CELLS, *CELL_CONFIGS}))
    def test_every_cell(self, configure, tmp_path, cell):
        external = ["cell._target_=torch.nn.GRUCell", "+cell.arguments.bias=false", "+cell.arguments.x={y:[1,.5,null]}"]
        self.assert_same(configure(f"cell={cell}", *(external if cell == "external" else [])), tmp_path)

    @pytest.mark.parametrize("task", TASK_ROWS)
    def test_every_task(self, configure, tmp_path, task):
        self.assert_same(configure(f"task={task}", *task_overrides(task)), tmp_path)

    @pytest.mark.parametrize("path", sorted((CONF / "init").glob("*.yaml")), ids=lambda path: path.stem)
    def test_every_initialization(self, configure, tmp_path, path):
        self.assert_same(configure(f"init={path.stem}"), tmp_path)

    def test_the_other_choices(self, configure, tmp_path):
        for overrides in (
            "clip=none optimizer=rmsprop probe=full",
            "network.budget=state:9 seed=4294967295 optimizer.lr=1e-5 schedule=plateau",
            "optimizer=nadam optimizer.weight_decay=0.1 schedule=wsd schedule.warmup_steps=2",
            "early_stop=patience early_stop.patience=1",
            "tracking=offline tracking.group=a task.test_lengths=[3] +init.gate_bias.input=2",
        ):
            self.assert_same(configure(*overrides.split()), tmp_path)

    @pytest.mark.parametrize("prompt", ["${seed}", "\\${seed}", "\\\\${seed}", "a\\", "1e5", "null", " é漢 "])
    def test_any_text(self, configure, tmp_path, prompt):
        config = configure("task=char_lm")
        self.assert_same(replace(config, task=replace(config.task, prompt=prompt)), tmp_path)

    @pytest.mark.parametrize("text", ["", "[]", "a: [", "seed: 0", "{cell: {}, task: {}, optimizer: {}}", "\x00"])
    def test_what_is_none_is_said(self, tmp_path, text):
        path = tmp_path / "config.yaml"
        path.write_text(text, encoding="utf-8")
        with pytest.raises(UserError) as error:
            read(path)
        assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("group", "name", "options"),
    [
        ("cell", "indrnn", {}), ("cell", "lmu", {}), ("cell", "retnet", {"heads": "2"}), ("optimizer", "adam", {}),
        ("task", "adding", {"variant": "pair"}), ("task", "mqar", {}),
    ],
)  # fmt: skip
def test_a_choice_alone_is_what_it_is_within_a_configuration(group, name, options):
    whole = configuration.configure(f"{group}={name}", *(f"{group}.{key}={value}" for key, value in options.items()))
    assert default(group, name, **options) == getattr(whole, group)
