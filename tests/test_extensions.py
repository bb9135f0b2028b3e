"""What a user writes outside the clone, by ``_target_`` and by entry point: a package in a folder, as a user has it."""

import hashlib
import os
import re
import subprocess
import sys
import textwrap
from functools import partial
from pathlib import Path

import pytest
import torch
from hydra.core.config_store import ConfigStore

from composing import CONF, SMALL
from rnnbench.errors import UserError
from rnnbench.extensions import dotted, installed
from rnnbench.runner import run
from rnnbench.store import records
from rnnbench.sweep.compose import plan
from rnnbench.sweep.configuration import configure as configured
from rnnbench.sweep.configuration import read

SOURCE = {
    "__init__.py": "",
    "cells.py": """
        from torch import nn


        class Doubled(nn.RNNCell):
            def __init__(self, input_size, hidden_size, factor=2.0):
                super().__init__(input_size, hidden_size)
                self.factor = factor
        """,
    "tasks.py": """
        import math
        from dataclasses import dataclass

        from rnnbench.tasks.base import Batch, Task, stream


        @dataclass(kw_only=True)
        class EarlyBit(Task):
            place: int = 0

            title = "an early one of T bits"
            source = "folklore"
            tokens = True
            every_step = False
            loss = "cross_entropy"
            metric = "accuracy"
            causal = False
            input_size = 2
            output_size = 2

            def baseline(self, split):
                return math.log(2)

            def batch(self, split, seed, step):
                bits = stream(split, seed, step).integers(0, 2, (self.length, self.batch_size))
                return Batch(bits, bits[self.place])


        @dataclass(kw_only=True)
        class Unfinished(Task):
            title = "no batches"


        class Plain:
            pass
        """,
    "inits.py": """
        def constant(cell, value=0.5):
            for parameter in cell.parameters():
                parameter.fill_(value)


        def failing(cell):
            raise RuntimeError("boom")
        """,
    "broken.py": "import nothing_of_that_name\n",
}
ENTRY_POINTS = """
[rnnbench.cells]
doubled = outside.cells:Doubled
broken_cell = outside.nowhere:Cell
gru = outside.cells:Doubled

[rnnbench.tasks]
early_bit = outside.tasks:EarlyBit
broken_task = outside.broken:Task

[rnnbench.initializations]
constant = outside.inits:constant
"""
CELL = ["cell=external", "cell._target_=outside.cells:Doubled"]
TASK = ["task=external", "task._target_=outside.tasks:EarlyBit"]
INIT = ["init._target_=outside.inits:constant"]
QUICK = ["trainer.max_steps=2", "trainer.validate_every=2", "probe=off", "tracking=disabled", "task.length=6",
         "task.validation_sequences=32", "task.test_sequences=32"]  # fmt: skip


@pytest.fixture
def outside(tmp_path):
    """A folder with the package ``outside``, its source and what an installer leaves of it."""
    folder = tmp_path / "site"
    (folder / "outside").mkdir(parents=True)
    for name, text in SOURCE.items():
        (folder / "outside" / name).write_text(textwrap.dedent(text).lstrip(), encoding="utf-8")
    info = folder / "outside-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: outside\nVersion: 1.0\n", encoding="utf-8")
    (info / "entry_points.txt").write_text(ENTRY_POINTS, encoding="utf-8")
    return folder


@pytest.fixture
def here(outside, monkeypatch):
    """The same, importable in this process, which forgets it at the end."""
    monkeypatch.syspath_prepend(outside)
    for name in ("outside", *(f"outside.{Path(name).stem}" for name in SOURCE if name != "__init__.py")):
        monkeypatch.delitem(sys.modules, name, raising=False)
    repo = ConfigStore.instance().repo
    for group in ("cell", "task", "init"):
        monkeypatch.setitem(repo, group, dict(repo.get(group, {})))
    return outside


@pytest.fixture
def configure(here, tmp_path):
    """Like that of all tests, with what the package offers."""
    return lambda *overrides: configured(*SMALL, f"runs_dir={tmp_path}", *overrides)


@pytest.fixture
def user(command, outside):
    """A function (script, *arguments) that runs a script where the package is on PYTHONPATH."""
    return partial(command, PYTHONPATH=str(outside))


def names(ended):
    """The task and the cell of each run that a sweep says is done."""
    return sorted(re.findall(r"^(\w+)-(\w+)-seed0-\w{10}: done", ended.stdout, re.MULTILINE))


@pytest.mark.whole
@pytest.mark.parametrize("cells", ["external,lstm", "lstm,external"])
def test_one_s_own_beside_what_is_built_in(user, cells):
    ended = user("train.py", "-m", f"cell={cells}", CELL[1], "+cell.arguments.factor=3", "task=adding,external",
                 TASK[1], "+task.arguments.place=1", *INIT, *QUICK)  # fmt: skip
    assert (ended.returncode, ended.stderr) == (0, "")
    assert names(ended) == [("EarlyBit", "Doubled"), ("EarlyBit", "lstm"), ("adding", "Doubled"), ("adding", "lstm")]


@pytest.mark.whole
def test_what_a_package_offers_is_like_what_is_built_in(user, tmp_path):
    ended = user("train.py", "-m", "cell=doubled,external,lstm", "cell._target_=torch.nn.GRUCell", "task=early_bit",
                 "init=constant,default", *QUICK)  # fmt: skip
    assert (ended.returncode, ended.stderr) == (0, "")
    assert names(ended) == [("early_bit", cell) for cell in ("GRUCell", "doubled", "lstm") for _ in range(2)]
    report = user("report.py", "scratch", drawn=False)
    assert re.search(r"^doubled +constant +1 ", report.stdout, re.MULTILINE), report


@pytest.mark.whole
def test_the_lists_name_it(user):
    cells, tasks = user("cells.py"), user("tasks.py")
    assert (cells.returncode, tasks.returncode) == (0, 0)
    assert re.search(r"^doubled +- +h 128 +128 +33024 +65536 +no +any +compiled, loop ", cells.stdout, re.MULTILINE)
    assert len(re.findall(r"^gru ", cells.stdout, re.MULTILINE)) == 1
    assert cells.stderr.splitlines() == [
        "broken_cell: cell._target_=outside.nowhere.Cell: module 'outside' has no attribute 'nowhere'; "
        "give package.module.Class",
        "gru: outside.cells.Doubled is not used: a cell of this package has this name",
    ]
    assert re.search(
        r"^early_bit +- +an early one of T bits +gradient reach +tokens \[T, B\] of 2 ", tasks.stdout, re.MULTILINE
    )
    assert tasks.stderr.startswith("broken_task: task._target_=outside.broken.Task: ")
    assert "an early one" not in user("tasks.py", "early_bit", "task.length=3").stderr
    assert user("cells.py", "doubled").stdout.endswith("As in its paper: cell=doubled\n")
    assert "did you mean 'doubled'?" in user("cells.py", "doubld").stderr


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ("cell=doubld", "unknown cell 'doubld': did you mean 'doubled'? choose from antisymmetric, "),
        ("task=early_bi", "unknown task 'early_bi': did you mean 'early_bit'? choose from adding, "),
        ("init=constan", "unknown init 'constan': did you mean 'constant'? choose from cayley, "),
        ("cell=doubled cell._target_=a.B", "cell._target_=a.B: goes with cell=external, not with cell=doubled"),
        ("task=adding task._target_=a.B", "task._target_=a.B: goes with task=external, not with task=adding"),
        ("+cell.arguments.x=1", "cell.arguments.x: goes with cell=external, not with cell=lstm"),
        ("cell=external", "cell._target_: has no default; give it, as in cell._target_=..."),
        ("task=external", "task._target_: has no default; give it, as in task._target_=..."),
        ("+init.arguments.x=1", "init.arguments.x: goes with init._target_=my.module:function"),
        ("task=broken_task", "task._target_=outside.broken.Task: "),
        ("task=external task._target_=outside.tasks:Plain", "is no rnnbench.tasks.base.Task; derive a"),
        ("task=external task._target_=outside.tasks:Unfinished", "does not state its loss, metric"),
        ("task=early_bit +task.arguments.plac=1", "'task.arguments.plac': did you mean 'task.arguments.place'"),
        ("task=early_bit +task.arguments.place=nan", "task.arguments.place=nan: must be a finite number"),
        ("task=early_bit task.length=0", "task.length=0: must be at least 1"),
    ],
)  # fmt: skip
def test_mistakes_are_said_in_one_line(configure, overrides, message):
    with pytest.raises(UserError) as error:
        configure(*overrides.split())
    assert message in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ("cell=broken_cell", "cell._target_=outside.nowhere.Cell: module 'outside' has no attribute 'nowhere'"),
        ("init._target_=outside.inits:none", "init._target_=outside.inits.none: module 'outside.inits' has no"),
        ("init._target_=outside.inits:failing", "cannot draw the cell LSTM (RuntimeError: boom, "),
        ("init=constant +init.arguments.valu=1", "unexpected keyword argument 'valu'"),
    ],
)  # fmt: skip
def test_mistakes_that_a_run_meets(configure, overrides, message):
    with pytest.raises(UserError) as error:
        run(configure(*overrides.split()))
    assert message in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.usefixtures("here")
def test_a_class_that_no_run_of_a_sweep_uses_is_an_error():
    for given, group in (
        ("cell._target_=a:B", "cell"),
        ("+cell.arguments.x=1", "cell"),
        ("task._target_=a:B", "task"),
    ):
        with pytest.raises(UserError, match=re.escape(f"{given}: goes with {group}=external, which no run of this")):
            plan(CONF, ["cell=lstm,gru", "task=adding", given])


@pytest.mark.usefixtures("here")
def test_each_run_of_a_sweep_has_its_own_class(configure):
    overrides = ["cell=external,doubled,lstm", "cell._target_=torch.nn.GRUCell,torch.nn.RNNCell",
                 "+cell.arguments.factor=1,2", "seed=0,1"]  # fmt: skip
    found = [job for job in plan(CONF, overrides).candidates.values() if job.config.seed == 0]
    chosen = [(job.config.cell.name, job.config.cell.options()) for job in found]
    assert [name for name, _ in chosen].count("lstm") == 1
    assert ("lstm", {}) in chosen
    for factor in (1, 2):
        assert ("doubled", {"_target_": "outside.cells.Doubled", "arguments": {"factor": factor}}) in chosen
        for name in ("GRUCell", "RNNCell"):
            assert (name, {"_target_": f"torch.nn.{name}", "arguments": {"factor": factor}}) in chosen
    assert len(chosen) == 1 + 2 + 4
    for job in found[::2]:
        assert configure(*job.overrides).cell == job.config.cell


@pytest.mark.usefixtures("here")
def test_both_spellings_are_one_run(configure):
    assert dotted("a.b:C.D") == dotted("a.b.C.D") == dotted(" a.b:C.D [extra]") == "a.b.C.D"
    by_colon = configure(*CELL, *TASK, *INIT)
    by_dot = configure(*(override.replace(":", ".") for override in (*CELL, *TASK, *INIT)))
    assert by_colon == by_dot
    assert by_colon.run_id == by_dot.run_id
    assert by_colon.run_id.startswith("EarlyBit-Doubled-seed0-")
    others = [*CELL, *TASK], [*CELL, *INIT], [*CELL, *TASK, *INIT, "+init.arguments.value=1"]
    assert by_colon.run_id not in {configure(*other).run_id for other in others}


@pytest.mark.usefixtures("here")
def test_the_names_that_packages_offer():
    assert installed("cell")["doubled"] == "outside.cells.Doubled"
    assert installed("task")["early_bit"] == "outside.tasks.EarlyBit"
    assert installed("init")["constant"] == "outside.inits.constant"


@pytest.mark.usefixtures("here")
def test_an_own_task_is_asked_for_its_batches(configure):
    from outside.tasks import EarlyBit

    task = configure(*TASK, "+task.arguments.place=2", "task.test_lengths=[12]").task
    own = EarlyBit(name="EarlyBit", length=10, batch_size=task.batch_size, test_lengths=[12], validation_sequences=32,
                   test_sequences=32, place=2)  # fmt: skip
    assert task.task == own
    facts = "title source loss metric tokens every_step causal input_size output_size solved_below drawn solvable"
    assert [getattr(task, name) for name in facts.split()] == [getattr(own, name) for name in facts.split()]
    pairs = [(task, own), (task.at_length(12), own.at_length(12)), (task.held_out("test")[0], own.held_out("test")[0])]
    for theirs, ours in (*pairs, (task.altered(batch_size=3), own.altered(batch_size=3))):
        assert (theirs.batch("train", 1, 2).inputs == ours.batch("train", 1, 2).inputs).all()
        assert (theirs.batch("train", 1, 2).targets == ours.batch("train", 1, 2).targets).all()


@pytest.mark.usefixtures("here")
def test_an_own_initialisation_comes_last(configure):
    from rnnbench.builders.network import build_model

    model = build_model(configure("init=orthogonal", *INIT, "+init.arguments.value=0.25", "network.depth=2"))
    assert all((parameter == 0.25).all() for parameter in model.stack.parameters())
    assert not (model.head.weight == 0.25).any()
    torch.manual_seed(0)
    plain = build_model(configure("init=orthogonal"))
    assert len(torch.unique(plain.stack.layers[0].cell.recurrent_projection.weight)) > 100


@pytest.mark.whole
@pytest.mark.parametrize("overrides", [[*CELL, *TASK, *INIT], ["cell=doubled", "task=early_bit", "init=constant"]])
def test_such_a_run_is_read_and_goes_on(configure, here, monkeypatch, overrides, tmp_path):
    steps = ["trainer.max_steps=6", "trainer.checkpoint_every=2", "probe=off"]
    whole = run(configure(*overrides, *steps, f"runs_dir={tmp_path}/whole"))
    config = configure(*overrides, *steps)

    from outside.tasks import EarlyBit

    draw = EarlyBit.batch

    def vanish(self, split, seed, step):
        if split == "train" and step == 5:
            raise SystemExit(9)
        return draw(self, split, seed, step)

    with monkeypatch.context() as patch:
        patch.setattr(EarlyBit, "batch", vanish)
        with pytest.raises(SystemExit):
            run(config)
    again = read(Path(config.runs_dir) / config.name / config.run_id / records.CONFIG)
    assert again == config
    assert again.run_id == config.run_id
    record = run(again)
    assert record.resumed == 1
    assert record.final == whole.final
    assert record.sources == {
        f"{key}._target_=outside.{module}.{name}": hashlib.sha256(
            (here / "outside" / f"{module}.py").read_bytes()
        ).hexdigest()
        for key, module, name in (
            ("cell", "cells", "Doubled"),
            ("task", "tasks", "EarlyBit"),
            ("init", "inits", "constant"),
        )
    }
    (here / "outside" / "inits.py").write_text(SOURCE["inits.py"] + "# changed\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"init._target_=outside.inits.constant has changed since"):
        run(again)


@pytest.mark.whole
def test_composition_imports_nothing_of_a_package(outside):
    script = outside / "light.py"
    script.write_text(
        "import sys\nfrom pathlib import Path\nfrom rnnbench.sweep.configuration import configure\n"
        "configure('cell=doubled', 'init=constant')\n"
        "print(sorted({'outside', 'torch'} & set(sys.modules)))\n",
        encoding="utf-8",
    )
    environment = os.environ | {"PYTHONPATH": str(outside)}
    ended = subprocess.run([sys.executable, script], capture_output=True, text=True, env=environment, check=True)
    assert ended.stdout == "[]\n"
