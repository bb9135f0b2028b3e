"""What users get wrong, as they type it: one line that says what, where and what to do, exit code 2, nothing written.

A row that ends with exit code 0 or 1 is the right use that stands beside a mistake.
"""

from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest

from rnnbench.config import CONF
from rnnbench.errors import UserError
from rnnbench.sweep.compose import plan
from rnnbench.sweep.configuration import configure

pytestmark = pytest.mark.whole

QUICK = ["trainer.max_steps=4", "trainer.validate_every=2",
         "task.validation_sequences=32", "task.test_sequences=32", "task.length=8",
         "tracking=disabled", "probe=off"]  # fmt: skip
TUNED = ["-m", "protocol.tune_seeds=[7]", "protocol.report_seeds=[0]", *QUICK]
TEXT = ["task=char_lm", *QUICK, "network.hidden_size=4"]
LABELLED = ["task=text_classification", *QUICK, "network.hidden_size=4"]
LONG = "t" * 100


@dataclass(frozen=True)
class Row:
    """A command, the files that are there before it, and what it must do."""

    arguments: list[str]
    line: str
    """A part of the one line of an error, or of what is printed."""
    code: int = 2
    script: str = "train.py"
    files: dict[str, str | bytes] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    announced: bool = False
    """Whether a single run has announced itself: only the network itself shows the mistake."""
    writes: set[str] = field(default_factory=set)
    """What lies in the folder afterwards besides ``files``."""


ROWS = {
    # Names and values.
    "unknown cell": Row(["cell=lstn"], "unknown cell 'lstn': did you mean 'lstm'? choose from "),
    "unknown key": Row(["task.lenght=5"], "unknown key 'task.lenght': did you mean 'task.length'?"),
    "too short": Row(["task.length=0"], "task.length=0: must be at least 1"),
    "unclosed bracket": Row(["task.length=[1"], "cannot read the override 'task.length=[1'"),
    "unknown cell, swept": Row(["-m", "cell=elman,lstn"], "unknown cell 'lstn'"),
    "too short, swept": Row(["-m", "task.length=10,0", "seed=0,1"], "task.length=0: must be at least 1"),
    "no jobs": Row(["-m", "seed=0,1", "hydra.launcher.jobs=0"], "hydra.launcher.jobs=0: must be greater than 0"),
    "unknown option of a launcher": Row(
        ["-m", "seed=0,1", "hydra.launcher.job=2"], "unknown key 'hydra.launcher.job': did you mean"
    ),
    "no such gate": Row(
        ["cell=gru", "init=forget_one"], "init.gate_bias.forget=1.0: the cell GRU has no gate 'forget'", announced=True
    ),
    # Training.
    "long warm-up": Row(
        [*QUICK, "schedule=warmup"], "schedule.warmup_steps=100: must be less than trainer.max_steps=4"
    ),
    "option of another schedule": Row(["+schedule.warmup_steps=9"], "unknown key 'schedule.warmup_steps'"),
    "no TensorBoard": Row([*QUICK, "loggers=tensorboard"], "pip install tensorboard", announced=True),
    "no callback": Row(
        [*QUICK, "+callbacks.mine._target_=torch.nn.Identity"], "is no Callback of pytorch_lightning", announced=True
    ),
    "resume from nothing": Row([*QUICK, "resume_from=nothing"], "resume_from=nothing: no such run", announced=True),
    # What is swept though it is no part of a run.
    "names": Row(["-m", "cell=lstm", "name=na,nb", *QUICK], "name=na,nb: cannot be swept"),
    "experiments": Row(
        ["-m", "experiment=demo,clipping"], "changes hydra.sweeper, so a sweep cannot choose it; launch each by itself"
    ),
    # Lists where there is one choice.
    "cells": Row(["cell=[lstm,gru]"], "cell=[lstm,gru]: a run has one cell; to sweep over several: -m cell=lstm,gru"),
    "tasks": Row(
        ["-m", "task=[adding,copy]"], "task=[adding,copy]: a run has one task; to sweep over several: -m task"
    ),
    "no -m": Row(["cell=lstm,gru"], "cell=lstm,gru: has several values; to sweep over them add -m"),
    "null": Row(["cell=null"], "a group takes the name of one of its files in conf/, as in cell=lstm"),
    "deleted": Row(["~task"], "task: nothing is chosen; give one, as in task=adding"),
    # Values that cannot be read.
    "umlaut": Row(["name=größe"], """quote the value: 'name="größe"'"""),
    "umlaut, quoted": Row(['name="größe"', *QUICK], "done, score", code=0, writes={"runs"}),
    "no value": Row(["seed"], "cannot read the override 'seed'; give key=value"),
    "number for a name": Row(["-m", "name=2024", *QUICK], "1 run to runs/2024", code=0, writes={"runs"}),
    # Sweeps of nothing.
    "empty range": Row(["-m", "seed=range(0,0)"], "seed=range(0,0): nothing to sweep over"),
    "params, a key": Row(["-m", "hydra.sweeper.params={seed:[0,1]}"], "hydra.sweeper.params"),
    # What is tuned.
    "tuned typo": Row([*TUNED, "protocol.tune={optimizer.lt:[1,2]}"], "unknown key 'optimizer.lt': did you mean"),
    "tuned, swept too": Row(
        [*TUNED, "protocol.tune={optimizer.lr:[.1,1]}", "optimizer.lr=1"], "the protocol chooses it"
    ),
    # Data of one's own.
    "no text": Row([*TEXT, "task.corpus=a.txt"], "characters are too few", files={"a.txt": ""}),
    "one symbol": Row(
        [*TEXT, "task.corpus=a.txt"], "holds no character but 'a'", files={"a.txt": "a" * 9000}, announced=True
    ),
    "not UTF-8": Row(
        [*TEXT, "task.corpus=a.txt"],
        "line 1: byte 4 of the file, 0xe9",
        files={"a.txt": b"caf\xe9 " * 1800},
        announced=True,
    ),
    "brackets in a name": Row(
        [*TEXT, 'task.corpus="notes[1].txt"'],
        "done, score",
        code=0,
        writes={"runs"},
        files={"notes[1].txt": "The right letters. " * 900, "notes1.txt": "wrong " * 2000},
    ),
    "a field too many": Row(
        [*LABELLED, "task.data=a.csv"],
        "line 3: 3 fields, but the first line has 2",
        announced=True,
        files={"a.csv": "text,label\nbad film,b\ngood film, but long,a\n"},
    ),
    "a file that is not used": Row(
        [*LABELLED, "task.data=set"],
        "val.csv is not used: its name must be validation",
        files={"set/train.csv": "text,label\na,b\n", "set/val.csv": "text,label\na,b\n"},
    ),
    # Cells of one's own.
    "a syntax error": Row(
        ["cell=external", "cell._target_=own.Cell", *QUICK],
        "its module cannot be loaded (invalid syntax, ",
        files={"own.py": "def ("},
        environment={"PYTHONPATH": "{folder}"},
        announced=True,
    ),
    "an error on import": Row(
        ["cell=external", "cell._target_=own.Cell", *QUICK],
        "its module cannot be loaded (RuntimeError: boom, ",
        files={"own.py": "raise RuntimeError('boom')"},
        environment={"PYTHONPATH": "{folder}"},
        announced=True,
    ),
    # Numbers, machines, W&B.
    "no GPU": Row(["trainer.accelerator=gpu"], "trainer.accelerator=gpu: no GPU here", announced=True),
    "no GPU, swept": Row(["-m", "seed=0,1", "trainer.accelerator=gpu"], "trainer.accelerator=gpu: no GPU here"),
    "one unit": Row(["init=uniform_gate", "network.hidden_size=1"], "needs a width of at least 2", announced=True),
    "small budget": Row(["network.budget=parameters:10"], "network.budget=parameters:10", announced=True),
    "large budget": Row(["network.budget=parameters:1000000000000000"], "network.budget=parameters:10", announced=True),
    "W&B server": Row(
        ["tracking=offline"], "WANDB_BASE_URL", environment={"WANDB_BASE_URL": "localhost:8080"}, announced=True
    ),
    "W&B mode": Row(["tracking=offline"], "WANDB_MODE", environment={"WANDB_MODE": "foo"}, announced=True),
    # Names of experiments.
    "report of a path": Row(["../x"], "must be the plain name of a folder", script="report.py"),
    "report of nothing": Row(["nothing/"], "no runs under runs/nothing", script="report.py"),
    "publish a path": Row(["/x"], "must be the plain name of a folder", script="publish.py"),
    "status of a path": Row(["a/b"], "must be the plain name of a folder", script="status.py"),
    "status of nothing": Row(["nothing"], "no runs under runs/nothing: start them with", script="status.py"),
    "sync of nothing": Row(["nothing"], "no W&B runs under runs/nothing/wandb", script="sync.py"),
    "workspace of nothing": Row(["nothing"], "no runs under runs/nothing", script="workspace.py"),
    "reproduce nothing": Row(["nothing"], "results/nothing: holds no result; name a folder", script="reproduce.py"),
    "compare nothing": Row(["a", "b"], "a: holds no result; name a folder", script="compare.py"),
    # Places.
    "run folder": Row(["hydra.run.dir=/proc/x"], "/proc/x: No such file or directory"),
    "config dir": Row(["--config-dir", "nowhere"], "Additional config directory"),
    "temporary folder": Row(
        ["-m", "seed=0,1"], "set TMPDIR to a shorter folder", environment={"TMPDIR": f"{{folder}}/{LONG}"}
    ),
}
"""Commands: at least one for each way to refuse an input."""
VALUES = {
    # Names and values.
    "unknown task": Row(["task=addin"], "unknown task 'addin': did you mean 'adding'?"),
    "unknown experiment": Row(["experiment=dmo"], "unknown experiment 'dmo': did you mean 'demo'?"),
    "sees the next input": Row(
        ["task=char_lm", "network.bidirectional=true"], "network.bidirectional=true with task=char_lm"
    ),
    # Training.
    "unknown schedule": Row(["schedule=cosin"], "unknown schedule 'cosin': did you mean 'cosine'?"),
    "long decay": Row(
        [*QUICK, "schedule=wsd", "schedule.warmup_steps=3", "schedule.decay_share=0.5"],
        "schedule.decay_share=0.5: its 2 steps and schedule.warmup_steps=3 are more than trainer.max_steps=4",
    ),
    "plateau, no validation": Row(
        [*QUICK, "schedule=plateau", "trainer.validate_every=4"], "schedule=plateau: watches the validation loss"
    ),
    "endless patience": Row([*QUICK, "early_stop=patience"], "early_stop.patience=10: with trainer.validate_every=2"),
    "stops and does not": Row(
        ["early_stop=solved", "trainer.stop_when_solved=false"], "contradicts trainer.stop_when_solved=false"
    ),
    "unknown decay": Row(["optimizer.decay=matrix"], "unknown value for optimizer.decay 'matrix': did you mean"),
    "no batches": Row(["trainer.accumulate_grad_batches=0"], "trainer.accumulate_grad_batches=0: must be at least 1"),
    "callback without a class": Row(["+callbacks.mine.every=3"], "callbacks.mine={'every': 3}: names no class"),
    "lengths of strings": Row(
        ["task=parity", "task.train_lengths=[3,9]"],
        "task.train_lengths=[3, 9]: task=parity draws a length for each string; give task.shortest and task.length",
    ),
    "odd lengths": Row(
        ["task=mqar", "task.train_lengths=[17,32]"], "task.train_lengths=[17, 32]: task.length=17: must be even"
    ),
    "lengths the wrong way round": Row(
        ["task=copy", "task.train_lengths=[9,3]"], "task.train_lengths=[9, 3]: must be [low, high]"
    ),
    # What is swept though it is no part of a run.
    "folders": Row(["-m", "runs_dir=a,b", *QUICK], "runs_dir=a,b: cannot be swept"),
    "tracking": Row(["-m", "tracking=offline,disabled"], "tracking.mode=offline,disabled: cannot be swept"),
    "force": Row(["-m", "force=true,false"], "force=True,False: cannot be swept"),
    "bars": Row(["-m", "trainer.progress=true,false"], "trainer.progress=True,False: cannot be swept"),
    "protocols": Row(
        ["-m", "protocol.tolerance={score: .1},{score: .2}"], "a sweep has one protocol; launch one sweep for each"
    ),
    # Lists where there is one choice.
    "no -m, range": Row(["seed=range(0,3)"], "seed=range(0,3): is a sweep; add -m"),
    "null, swept": Row(["-m", "task=null"], "a group takes the name of one of its files in conf/, as in cell=lstm"),
    "number for a group": Row(["hydra=3"], "a group takes the name of one of its files"),
    # Values that cannot be read.
    "parenthesis": Row(["task.corpus=/data/a(1).txt"], """quote the value: 'task.corpus="/data/a(1).txt"'"""),
    # Sweeps of nothing.
    "glob of none": Row(["-m", "cell=glob(zz*)"], "cell=glob(zz*): nothing to sweep over"),
    "endless": Row(["-m", "optimizer.lr=interval(0,1)"], "optimizer.lr=interval(0,1): has no end; list the values"),
    "params, a number": Row(["-m", "hydra.sweeper.params=3"], "hydra.sweeper.params: Cannot assign int"),
    "params, a list": Row(["-m", "+hydra.sweeper.params.seed=[0,1]"], "give the choices of each key as text"),
    "all cells": Row(["-m", "cell=glob(*)", "network.depth=0"], "network.depth=0: must be at least 1"),
    # What is tuned.
    "tuned seeds twice": Row(
        [*TUNED, "protocol.tune={optimizer.lr:[.1,1]}", "protocol.tune_seeds=[7,7]"], "each seed once"
    ),
    "tuned name": Row([*TUNED, "protocol.tune={name:[a,b]}"], "a key that is part of a run and not its seed"),
    "tuned words": Row([*TUNED, "protocol.tune={optimizer.lr:[a,b]}"], "optimizer.lr: Value 'a' of type 'str'"),
    "tuned text": Row(
        [*TUNED, "protocol.tune={optimizer.lr:['0.1','1e0']}"], "protocol.tune.optimizer.lr: '0.1' is read as 0.1"
    ),
    "tuned group": Row([*TUNED, "protocol.tune={init:[default,glrot]}"], "unknown init 'glrot': did you mean 'glorot'"),
    # Data of one's own.
    "a folder for a text": Row([*TEXT, "task.corpus=/tmp"], "is a folder; give a text file"),
    "no file": Row([*TEXT, "task.corpus=/dev/zero"], "is no regular file"),
    "no name of a data set": Row([*TEXT, "task.corpus='hub:'"], "give the data set as hub:NAME or hub:OWNER/NAME"),
    "no images": Row(["task=mnist", "task.length=28", "task.data=/tmp"], "has no train-images-idx3-ubyte"),
    # Numbers, machines, W&B.
    "infinite threshold": Row(["clip.threshold=inf"], "clip.threshold=inf: must be a finite number"),
    "infinite rate": Row(["optimizer.lr=inf"], "optimizer.lr=inf: must be a finite number"),
    "no scale": Row(["init=gaussian", "init.input_scale=nan"], "init.input_scale=nan: must be a finite number"),
    "large seed": Row(["seed=4294967296"], "seed=4294967296: must be at most 4294967295"),
    "long name": Row([f"name={'n' * 300}"], "name="),
    "name of an option": Row(["name=-x"], "name='-x': must be a plain folder name"),
    "W&B project": Row(["tracking.project=a/b"], "tracking.project='a/b'"),
    "cold": Row(["task=char_lm", "task.temperature=1e-45"], "task.temperature=1e-45: must be at least"),
}
"""What the configuration alone shows, in the same words."""


@pytest.mark.parametrize("name", ROWS)
def test_it_is_said_in_one_line(command, tmp_path, name):
    row = ROWS[name]
    for path, content in row.files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(content.encode() if isinstance(content, str) else content)
    environment = {key: value.format(folder=tmp_path) for key, value in row.environment.items()}
    for place in environment.values():
        if place.startswith(str(tmp_path)):
            Path(place).mkdir(parents=True, exist_ok=True)
    before = {path.name for path in tmp_path.iterdir()}
    ended = command(row.script, *row.arguments, **environment)
    assert ended.returncode == row.code, ended
    said = ended.stderr if row.code == 2 else ended.stdout
    assert row.line in said
    if row.code == 2:
        assert said.startswith("error: ")
        assert said.count("\n") == 1
        assert ended.stdout.count("\n") == row.announced
    else:
        assert ended.stderr == ""
    left = {path.name for path in tmp_path.iterdir() if path.name != "__pycache__"}  # Python's, of a user's module
    assert left - before == row.writes


@pytest.mark.parametrize("name", VALUES)
def test_a_value_is_refused_in_one_line(name):
    row = VALUES[name]
    first, *others = row.arguments
    compose = partial(plan, CONF, others) if first == "-m" else partial(configure, first, *others)
    with pytest.raises(UserError) as error:
        compose()
    assert row.line in str(error.value)
    assert "\n" not in str(error.value)
