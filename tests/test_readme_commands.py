"""Every block of code in README.md runs as it stands; sweeps are made small."""

import os
import re
import shlex
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from rnnbench.sweep.compose import plan

ROOT = Path(__file__).parents[1]
SMALL = ["network.hidden_size=4", "task.length=8", "trainer.max_steps=4", "trainer.validate_every=2", "probe.every=2",
         "task.validation_sequences=32", "task.test_sequences=32", "tracking=disabled"]  # fmt: skip
SHELL = {"git", "cd", "source", "make", ".venv/bin/wandb"}
"""What a block calls besides our scripts; the targets of make are what CI runs."""
EXPECTED = {"rnnbench sync": 2, "hydra/launcher=slurm": 2}
"""Exit codes where there is neither a login nor a cluster."""


def blocks(language, after="", before=None):
    """The code of each block of a language, between two headings."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    text = text[text.index(after) : text.index(before) if before else None]
    found = re.findall(r"^ *```(\w+)\n(.*?)^ *```$", text, flags=re.DOTALL | re.MULTILINE)
    return [textwrap.dedent(code) for name, code in found if name == language]


def lines(found):
    """The commands of shell blocks."""
    return [line for block in found for line in block.replace("\\\n", " ").splitlines() if line]


def test_every_block_is_one_of_those_that_are_run():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    fences = re.findall(r"^ *```(\w*)$", text, flags=re.MULTILINE)
    assert set(fences[::2]) == {"bash", "python", "yaml"}
    assert set(fences[1::2]) == {""}
    assert not re.search(r"\n\n {4}\S.*\n", re.sub(r"^ *```.*?^ *```$", "", text, flags=re.DOTALL | re.MULTILINE))


@pytest.mark.whole
def test_the_commands(command, tmp_path):
    for experiment in ("demo", "vanishing_gradients"):
        made = command("train.py", f"experiment={experiment}", *SMALL, "seed=0", "cell=lstm,gru")
        assert made.returncode == 0, made
        assert command("publish.py", experiment).returncode == 0
    assert command("report.py", "demo").returncode == 0
    ran = set()
    for line in lines(blocks("bash", before="## Bring your own")):
        words = shlex.split(line)
        if words[0] in SHELL:
            targets = (ROOT / "Makefile").read_text(encoding="utf-8")
            assert words[0] != "make" or f"\n{words[1]}:" in targets
            continue
        assert words[0] in ("rnnbench", ".venv/bin/rnnbench"), line
        sweep = "-m" in words or words[1] == "train"
        ended = command("rnnbench", *words[1:], *(SMALL if sweep else []), PATH="/nowhere")
        expected = next((code for part, code in EXPECTED.items() if part in line), 0)
        assert ended.returncode == expected, (line, ended)
        assert ended.stderr.count("\n") == (expected == 2), (line, ended)
        ran.add(words[1])
    assert ran == {"train", "report", "reproduce", "compare", "sync", "probe"}


def test_the_protocol(tmp_path):
    (block,) = blocks("yaml")
    shutil.copytree(ROOT / "conf", tmp_path / "conf")
    (tmp_path / "conf" / "experiment" / "mine.yaml").write_text(f"# @package _global_\n{block}", encoding="utf-8")
    found = plan(tmp_path / "conf", ["experiment=mine", "cell=lstm,gru"])
    assert len(found.tuning) == 2 * 3 * 2
    assert len(found.candidates) == 2 * 3 * 3


def test_the_parts():
    import torch

    notebook, example, *_ = blocks("python")
    names = {}
    exec(example.replace("print(", "norms = ("), names)
    assert names["norms"].shape == (100,)
    assert torch.all(names["norms"][1:] > 0)
    exec(notebook.replace("print(", "shown = ("), names)
    assert names["shown"].shape == (100, 4)
    assert (names["shown"]["state"][1:] > 0).all()


@pytest.mark.whole
def test_what_one_brings(command, tmp_path, monkeypatch):
    """As written, in a folder of one's own."""
    monkeypatch.chdir(tmp_path)
    exec(blocks("python", "## Bring your own", "## Add a cell")[0], {})
    for name, code in zip(("ran", "first_bit"), blocks("python", after="## Add a cell"), strict=True):
        (tmp_path / f"{name}.py").write_text(code, encoding="utf-8")
    arrays, own, check = lines(blocks("bash", "## Bring your own", "## Add a cell"))
    ended = command("rnnbench", *shlex.split(arrays)[1:], *SMALL)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert own.startswith("PYTHONPATH=. rnnbench train -m ")
    ended = command("rnnbench", *shlex.split(own)[2:], *SMALL, PYTHONPATH=str(tmp_path))
    assert (ended.returncode, ended.stderr) == (0, "")
    checked = command("rnnbench", *shlex.split(check)[2:], PYTHONPATH=str(tmp_path))
    assert (checked.returncode, checked.stderr) == (0, "")
    done = re.findall(r"^(\w+-\w+)-seed0-\w+: done", ended.stdout, re.MULTILINE)
    assert sorted(done) == ["FirstBit-RAN", "FirstBit-lstm", "adding-RAN", "adding-lstm"]


@pytest.mark.whole
def test_a_cell_and_a_task_of_ones_own(tmp_path):
    """As written: a file each, a name in the registry, the commands of the blocks."""
    for name in ("src", "conf", "scripts"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    package = tmp_path / "src" / "rnnbench"
    code = blocks("python", after="## Add a cell")
    for place, registry, name, module, text in (
        ("network/cells", "CELLS: dict[str, type[Cell]] = {", "RAN", "ran", code[0]),
        ("tasks", "TASKS: dict[str, type[Task]] = {", "FirstBit", "first_bit", code[1]),
    ):
        (package / place / f"{module}.py").write_text(text, encoding="utf-8")
        path = package / place / "__init__.py"
        before = path.read_text(encoding="utf-8")
        assert registry in before
        named = before.replace(registry, f'{registry}\n    "{module}": {name},')
        path.write_text(f"from rnnbench.{place.replace('/', '.')}.{module} import {name}\n{named}", encoding="utf-8")
    written = lines(blocks("bash", after="## Add a cell"))
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
