"""A run and what its configuration only names: with another text or another source it is not the same run any more."""

import hashlib
import json
import os
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from torch import nn

from rnnbench.config import sources
from rnnbench.errors import UserError
from rnnbench.runner import run
from rnnbench.store import records
from rnnbench.store.status import Status
from rnnbench.sweep.run_states import already_ended
from rnnbench.sweep.scheduler import Options, run_all
from rnnbench.tasks import local
from rnnbench.tasks.char_lm import CharLM

TEXT = "the old house stood alone\n" * 100
CELL = "from torch import nn\n\n\nclass Own(nn.RNNCell):\n    scale = {}\n"
SHORT = [
    "trainer.max_steps=2",
    "probe=off",
    "task.batch_size=2",
    "task.validation_sequences=32",
    "task.test_sequences=32",
]


def folder(config):
    return Path(config.runs_dir) / config.name / config.run_id


def sha256(path):
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


@pytest.fixture
def text(configure, tmp_path):
    """A text, a change of it that keeps its size and its time, and a run on it."""
    path = tmp_path / "text.txt"
    path.write_text(TEXT, encoding="utf-8")
    os.utime(path, (1, 1))

    def change():
        path.write_text(TEXT.replace("h", "m"), encoding="utf-8")
        os.utime(path, (1, 1))

    return path, change, configure(*SHORT, "task=char_lm", f"task.corpus={path}", "task.prompt=the")


@pytest.fixture
def cell(configure, tmp_path, monkeypatch, request):
    """The source of an own cell, a change of it, and a run with it."""
    monkeypatch.syspath_prepend(tmp_path)
    path = tmp_path / f"own_{abs(hash(request.node.name))}.py"
    path.write_text(CELL.format(1), encoding="utf-8")
    config = configure(*SHORT, "cell=external", f"cell._target_={path.stem}.Own")
    return path, lambda: path.write_text(CELL.format(2), encoding="utf-8"), config


@pytest.fixture(params=["text", "cell"])
def case(request):
    """Either of them, and the setting that names it."""
    path, change, config = request.getfixturevalue(request.param)
    setting = f"task.corpus={path}" if request.param == "text" else f"cell._target_={path.stem}.Own"
    return path, change, config, setting


def test_a_done_run_is_not_reused_for_something_else(case, capsys):
    path, change, config, setting = case
    record = run(config)
    assert record.sources == {setting: sha256(path)}
    assert run(config) == record
    assert already_ended(config, {}).complete
    then, before = sha256(path), (folder(config) / records.FILE).read_bytes()
    change()
    said = (
        f"but {setting} has changed since: sha256 {then[:10]} then, {sha256(path)[:10]} now; force=true runs it again, "
    )
    with pytest.raises(UserError) as caught:
        run(config)
    assert str(caught.value) == f"{config.run_id}: already {record.outcome}, {said}name=... keeps both"
    capsys.readouterr()
    (entry,) = run_all([config], Options())
    assert (entry.status, entry.complete) == (Status.CHANGED, False)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"{config.run_id}: already done, {said}name=... keeps both"
    assert lines[1] == "1 changed"
    assert (folder(config) / records.FILE).read_bytes() == before
    assert run(replace(config, force=True)).sources == {setting: sha256(path)}
    assert run(config).sources == {setting: sha256(path)}


def test_what_cannot_be_found_any_more_has_changed(case):
    path, _, config, setting = case
    then = run(config).sources[setting]
    path.unlink()
    if setting.startswith("task"):  # its check comes first on the command line
        assert "cannot be read (No such file or directory)" in already_ended(config, {}).text
    else:
        with pytest.MonkeyPatch.context() as patch:
            patch.delitem(sources.sys.modules, path.stem)
            assert f"sha256 {then[:10]} then, not found now" in already_ended(config, {}).text
    assert already_ended(config, {}).status == Status.CHANGED


def test_a_record_of_before_is_reused(case):
    """Records that knew nothing of sources stay valid."""
    _, change, config, _ = case
    plain = asdict(run(config))
    del plain["sources"]
    (folder(config) / records.FILE).write_text(json.dumps(plain), encoding="utf-8")
    change()
    assert run(config).sources == {}
    assert already_ended(config, {}).complete


def test_an_interrupted_run_does_not_go_on_with_another_text(configure, tmp_path, text, monkeypatch, capsys):
    path, change, config = text
    config.trainer.max_steps, config.trainer.checkpoint_every = 6, 2
    draw = CharLM.batch

    def vanish(self, split, seed, step):
        if split == "train" and step == 5:
            raise SystemExit(9)
        return draw(self, split, seed, step)

    with monkeypatch.context() as patch:
        patch.setattr(CharLM, "batch", vanish)
        with pytest.raises(SystemExit):
            run(config)
    then = sha256(path)
    change()
    capsys.readouterr()
    record = run(config)
    (line,) = capsys.readouterr().err.splitlines()
    assert line == (
        f"warning: {folder(config) / 'last.ckpt'} cannot be used, the run starts over (task.corpus={path} has changed "
        f"since: sha256 {then[:10]} then, {sha256(path)[:10]} now)"
    )
    assert record.resumed == 0
    assert record.sources == {f"task.corpus={path}": sha256(path)}
    assert record.final == run(replace(config, runs_dir=f"{tmp_path}/whole")).final


def test_a_thousand_runs_read_their_text_once(text, monkeypatch):
    path, _, config = text
    record = run(config)
    monkeypatch.setattr(local, "SETTLED", -1e9)
    reads = []
    read = local.read_bytes
    monkeypatch.setattr(local, "read_bytes", lambda *arguments: reads.append(arguments) or read(*arguments))
    many = [replace(config, seed=seed) for seed in range(1000)]
    assert not any(sources.changed_since(record.sources, each) for each in many)
    assert len(reads) == 1
    assert not sources.changed_since({}, replace(config, seed=1000))
    path.unlink()
    assert not sources.changed_since({}, config)  # nothing to compare with, so nothing is looked at


def test_the_source_of_a_class_is_where_it_is_defined(configure):
    config = configure("cell=external", "cell._target_=torch.nn.GRUCell")
    assert nn.GRUCell.__module__ == "torch.nn.modules.rnn"
    assert sources.fingerprints(config) == {"cell._target_=torch.nn.GRUCell": sha256(nn.modules.rnn.__file__)}
    assert sources.fingerprints(configure()) == {}


@pytest.mark.parametrize("target", ["none.of.these", "builtins.int", "", "torch", "rnnbench:none"])
def test_a_class_without_source_is_left_out(configure, target):
    assert sources.fingerprints(configure("cell=external", f"cell._target_='{target}'")) == {}
