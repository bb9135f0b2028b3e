"""Every block of code of README and docs/ runs as it stands; sweeps are made small.

What a page runs when it is built, ``{run}``, is left to the building of the pages, but for what one brings.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys

import pytest

from pages import ROOT, RUN, blocks, commands, files
from rnnbench.claims import claim
from rnnbench.sweep import claims
from rnnbench.sweep.compose import plan
from test_docs import SHELL, without_environment

SMALL = ["network.hidden_size=4", "task.length=8", "trainer.max_steps=4", "trainer.validate_every=2", "probe.every=2",
         "task.validation_sequences=32", "task.test_sequences=32", "tracking=disabled", "seed=0"]  # fmt: skip
EXPECTED = {"rnnbench sync": 2, "hydra/launcher=slurm": 2}
"""Exit codes where there is neither a login nor a cluster."""


@pytest.mark.whole
def test_the_commands(command, tmp_path):
    for experiment in ("demo", "vanishing_gradients"):
        made = command("train.py", f"experiment={experiment}", *SMALL, "cell=lstm,gru")
        assert made.returncode == 0, made
        assert command("publish.py", experiment, drawn=False).returncode == 0
    assert command("report.py", "demo", drawn=False).returncode == 0
    ran = set()
    for line in dict.fromkeys(line for page in RUN for line in commands(page, "bash")):
        words = shlex.split(line)
        if words[0] in SHELL:
            continue
        sweep = "-m" in words or words[1] == "train"
        trials = ["hydra.sweeper.n_trials=2"] * ("hydra/sweeper=optuna" in words)
        ended = command("rnnbench", *words[1:], *(SMALL if sweep else []), *trials, drawn=False, PATH="/nowhere")
        expected = next((code for part, code in EXPECTED.items() if part in line), 0)
        assert ended.returncode == expected, (line, ended)
        if not trials:  # Optuna tells of each trial
            assert ended.stderr.count("\n") == (expected == 2), (line, ended)
        ran.add(words[1])
    assert ran == {
        "train", "status", "report", "publish", "reproduce", "claims", "compare", "sync", "probe", "workspace",
    }  # fmt: skip


def test_the_protocol(tmp_path):
    (block,) = blocks("docs/guide/protocols.md", "yaml")
    shutil.copytree(ROOT / "conf", tmp_path / "conf")
    (tmp_path / "conf" / "experiment" / "mine.yaml").write_text(f"# @package _global_\n{block.code}", encoding="utf-8")
    found = plan(tmp_path / "conf", ["experiment=mine", "cell=lstm,gru"])
    assert len(found.tuning) == 2 * 3 * 2
    assert len(found.candidates) == 2 * 3 * 3


def test_the_claim(tmp_path):
    (block,) = blocks("docs/guide/claims.md", "yaml")
    shutil.copytree(ROOT / "conf", tmp_path / "conf")
    file = tmp_path / "conf" / "claim" / "mine.yaml"
    file.write_text(block.code, encoding="utf-8")
    found = claims.plans(claim.read(file))
    assert {arm: len(each.candidates) for arm, each in found.items()} == {"gru": 3, "lstm": 3}


def test_the_parts():
    import torch

    (notebook,), (example,) = blocks("docs/guide/probes.md", "python"), blocks("docs/extend/python.md", "python")
    names = {}
    exec(example.code.replace("print(", "norms = ("), names)
    assert names["norms"].shape == (100,)
    assert torch.all(names["norms"][1:] > 0)
    exec(notebook.code.replace("print(", "shown = ("), names)
    assert names["shown"].shape == (100, 4)
    assert (names["shown"]["state"][1:] > 0).all()


@pytest.mark.whole
def test_what_one_brings(command, tmp_path):
    """As written, in a folder of one's own."""
    pages = [f"docs/extend/{name}.md" for name in ("data", "cell", "task", "diagnostic")]
    for page in pages:
        for name, text in files(page).items():
            (tmp_path / name).write_text(text, encoding="utf-8")
    printed = []
    for line in (line for page in pages for line in commands(page)):
        program, *words = without_environment(line)
        if program != "rnnbench":
            done = subprocess.run(line.replace("python", sys.executable, 1), shell=True, cwd=tmp_path)
            assert done.returncode == 0, line
            continue
        small = [*SMALL, "name=" + name_of(words)] if words[0] == "train" else []
        ended = command("rnnbench", *words, *small, PYTHONPATH=str(tmp_path))
        assert (ended.returncode, ended.stderr) == (0, ""), (line, ended)
        printed += re.findall(r"^(\w+-\w+)-seed0-\w+: done", ended.stdout, re.MULTILINE)
    both = ["FirstBit-RAN", "FirstBit-lstm", "adding-RAN", "adding-lstm"]
    assert {*both, "arrays-gru", "FirstBit-gru", "adding-elman"} <= set(printed)


def name_of(words):
    """The name that a command gives its runs."""
    return next((word.removeprefix("name=") for word in words if word.startswith("name=")), "scratch")


@pytest.mark.whole
def test_a_cell_and_a_task_of_the_suite(tmp_path):
    """As written: a file each, a name in the registry, the commands of the blocks."""
    for name in ("src", "conf", "scripts"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    package = tmp_path / "src" / "rnnbench"
    for place, registry, name, page in (
        ("network/cells", "CELLS: dict[str, type[Cell]] = {", "RAN", "cell"),
        ("tasks", "TASKS: dict[str, type[Task]] = {", "FirstBit", "task"),
    ):
        ((file, text),) = files(f"docs/extend/{page}.md").items()
        module = file.removesuffix(".py")
        (package / place / file).write_text(text, encoding="utf-8")
        path = package / place / "__init__.py"
        before = path.read_text(encoding="utf-8")
        assert registry in before
        named = before.replace(registry, f'{registry}\n    "{module}": {name},')
        path.write_text(f"from rnnbench.{place.replace('/', '.')}.{module} import {name}\n{named}", encoding="utf-8")
    written = commands("docs/extend/suite.md")
    assert [line.split()[0] for line in written] == ["echo", "rnnbench", "printf", "rnnbench"]
    for line in (written[0], written[2]):
        subprocess.run(["bash", "-c", line], cwd=tmp_path, check=True)
    chosen = [line.removeprefix("rnnbench train ") for line in (written[1], written[3])]
    ended = subprocess.run(
        [sys.executable, "scripts/train.py", *chosen, *SMALL], cwd=tmp_path, capture_output=True, text=True,
        env=os.environ | {"PYTHONPATH": str(tmp_path / "src")},
    )  # fmt: skip
    assert ended.returncode == 0, ended
    assert "first_bit-ran-seed0-" in ended.stdout
