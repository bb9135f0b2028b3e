"""An interrupted run goes on: with the numbers of one that was never interrupted, whatever it finds in its folder."""

import csv
import json
import os
import pickle
import signal
from dataclasses import asdict
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn.functional import one_hot

import offline_wandb
from rnnbench.errors import UserError
from rnnbench.interruption import Interrupted
from rnnbench.network.engines.compiled import programs
from rnnbench.runner import run
from rnnbench.store import records
from rnnbench.store.files import HeldElsewhereError, is_locked, locked
from rnnbench.tasks.adding import Adding
from rnnbench.tasks.char_lm import CharLM

pytestmark = pytest.mark.whole

TIMES = ("started", "ended", "seconds", "steps_per_second", "peak_memory", "resumed", "config")
BLOCKS = ["network.block=residual", "network.depth=2", "network.convolution=3", "network.mlp=1.5"]
ODD = ["trainer.checkpoint_every=7", "trainer.log_every=4"]  # checkpoints fall into open windows


def folder(config):
    return Path(config.runs_dir) / config.name / config.run_id


def results(config):
    """All of a run's results, without what time there was and where they lie."""
    record = records.read(folder(config))
    with (folder(config) / "metrics.csv").open(newline="") as lines:
        rows = [
            {key: value for key, value in row.items() if key != "steps_per_second"} for row in csv.DictReader(lines)
        ]
    weights = torch.load(folder(config) / "last.ckpt", weights_only=True)["state_dict"]
    with np.load(folder(config) / "gradients.npz") as file:
        arrays = {name: (values.dtype, values.tolist()) for name, values in file.items()}
    best = torch.load(folder(config) / "best.ckpt", weights_only=True)
    assert best["global_step"] == record.best["step"]
    weights |= {f"best {name}": weight for name, weight in best["state_dict"].items()}
    facts = {key: value for key, value in asdict(record).items() if key not in TIMES}
    return json.dumps(facts), rows, {name: weight.tolist() for name, weight in weights.items()}, arrays


@pytest.fixture
def die_at(monkeypatch):
    """A function that makes training end without a word when it draws the batch of a step, for one run."""

    def die(task, step, how):
        draw = task.batch

        def fatal(self, split, seed, at):
            if split == "train" and at == step:
                monkeypatch.setattr(task, "batch", draw)
                how()
            return draw(self, split, seed, at)

        monkeypatch.setattr(task, "batch", fatal)

    return die


def vanish():
    raise SystemExit(9)


@pytest.fixture(scope="module")
def undisturbed(configure_in, tmp_path_factory):
    """A function from overrides to the results of a run that nothing interrupts, trained once."""

    @cache
    def found(*overrides):
        config = configure_in(tmp_path_factory.mktemp("whole"), *ODD, *overrides)
        run(config)
        return results(config)

    return found


@pytest.mark.parametrize(
    ("task", "overrides"),
    [
        (Adding, ["network.dropout=0.5", "network.depth=2", "network.bidirectional=true"]),
        (Adding, ["probe=full", "probe.every=5", "optimizer=sgd", "optimizer.momentum=0.9", "clip.threshold=0.01"]),
        (CharLM, ["task=char_lm", "cell=gru", "task.sample_length=5"]),
        (CharLM, ["task=char_lm", "cell=lru", "task.sample_length=5", *BLOCKS, "network.tied_head=true"]),
        (Adding, ["cell=external", "cell._target_=own_cells:MatrixMemory", "network.bidirectional=true", *BLOCKS]),
    ],
)
@pytest.mark.parametrize("step", [10, 16])
def test_it_ends_like_an_uninterrupted_run(configure, undisturbed, die_at, task, overrides, step):
    config = configure(*ODD, *overrides)
    die_at(task, step, vanish)
    with pytest.raises(SystemExit):
        run(config)
    assert records.read(folder(config)) is None
    assert run(config).resumed == 1
    assert results(config) == undisturbed(*overrides)


def test_without_a_checkpoint_it_starts_over(configure, undisturbed, die_at):
    config = configure(*ODD)
    die_at(Adding, 3, vanish)
    with pytest.raises(SystemExit):
        run(config)
    assert run(config).resumed == 0
    assert results(config) == undisturbed()


@pytest.mark.parametrize(
    "overrides",
    [
        ["schedule=cosine", "schedule.warmup_steps=10", "optimizer=adamw"],
        ["schedule=wsd", "schedule.warmup_steps=3", "schedule.decay_share=0.6", "optimizer=radam"],
        ["schedule=plateau", "schedule.patience=0", "optimizer=nadam", "optimizer.weight_decay=0.1",
         "trainer.validate_every=3", "optimizer.lr=0.5"],
        ["trainer.accumulate_grad_batches=3", "network.dropout=0.5", "network.depth=2", "schedule=linear"],
        ["early_stop=patience", "early_stop.patience=8", "optimizer=sgd", "optimizer.lr=0.3", "clip=none",
         "trainer.validate_every=1", "trainer.stop_when_solved=false", "trainer.max_steps=40"],
        ["callbacks=ema", "callbacks.ema.decay=0.5"],
        ["trainer.accumulate_grad_batches=2", "task=char_lm", "task.sample_length=5", "cell=gru"],
        ["trainer.steps_per_execution=3", "trainer.max_steps=18", "trainer.validate_every=9", "trainer.log_every=9",
         "probe.every=3", "task=char_lm", "network.dropout=0.5", "network.depth=2", "schedule=linear"],
        ["trainer.accumulate_grad_batches=2", "task=copy", "task.train_lengths=[2,9]", "task.test_lengths=[9]"],
    ],
)  # fmt: skip
@pytest.mark.parametrize("batch", [10, 17])
def test_it_goes_on_as_it_was_trained(configure, undisturbed, die_at, overrides, batch):
    """With its schedule, its optimizer and its accumulated gradients; a batch may be in the middle of a step."""
    config = configure(*ODD, *overrides, "trainer.checkpoint_every=3")
    task = type(config.task)
    die_at(task, batch, vanish)
    with pytest.raises(SystemExit):
        run(config)
    assert run(config).resumed == 1
    assert results(config) == undisturbed(*overrides, "trainer.checkpoint_every=3")


def test_again_and_again(configure, tmp_path, die_at):
    """Each session makes a checkpoint or two and dies after it; in the last, between training and its record."""
    whole = configure("trainer.checkpoint_every=3", f"runs_dir={tmp_path}/whole")
    first = run(whole)
    config = configure("trainer.checkpoint_every=3")
    for step in (4, 8, 11, 13, 19):
        die_at(Adding, step, vanish)
        with pytest.raises(SystemExit):
            run(config)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(records, "write", lambda *_: vanish())
        with pytest.raises(SystemExit):
            run(config)
    last = run(config)
    assert results(config) == results(whole)
    assert last.resumed == 6
    assert last.seconds > first.seconds / 10


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_makes_a_checkpoint_at_once(configure, undisturbed, die_at, capsys, number, code):
    config = configure(*ODD)
    handlers = [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)]
    die_at(Adding, 13, lambda: os.kill(os.getpid(), number))
    with pytest.raises(Interrupted) as stopped:
        run(config)
    assert stopped.value.code == code
    assert capsys.readouterr().out.endswith(f"{config.run_id}: interrupted; the same command goes on with it\n")
    assert [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)] == handlers
    assert torch.load(folder(config) / "last.ckpt", weights_only=True)["global_step"] == 13
    assert run(config).resumed == 1
    assert results(config) == undisturbed()


@pytest.mark.parametrize("batch", [9, 10, 11])
def test_a_signal_waits_for_the_end_of_a_step(configure, undisturbed, die_at, batch):
    """Of three batches, whose gradients no checkpoint holds."""
    config = configure(*ODD, "trainer.accumulate_grad_batches=3")
    die_at(Adding, batch, lambda: os.kill(os.getpid(), signal.SIGTERM))
    with pytest.raises(Interrupted):
        run(config)
    assert torch.load(folder(config) / "last.ckpt", weights_only=True)["global_step"] in (3, 4)
    assert run(config).resumed == 1
    assert results(config) == undisturbed("trainer.accumulate_grad_batches=3")


def test_a_solved_run_does_not_train_on(configure, die_at):
    """It stopped early and died during its tests: what is left are the tests."""
    config = configure("trainer.validate_every=5", "trainer.max_steps=40")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Adding, "solved_below", 10.0)
        patch.setattr(records, "write", lambda *_: vanish())
        with pytest.raises(SystemExit):
            run(config)
        patch.undo()
        patch.setattr(Adding, "solved_below", 10.0)
        record = run(config)
    assert (record.steps, record.solved_at_step, record.resumed) == (5, 5, 1)


@pytest.mark.parametrize("cell", ["elman", "gru", "lstm", "mgu"])
def test_what_is_left_after_the_last_step_has_the_same_numbers(configure, undisturbed, monkeypatch, cell):
    """A new process has compiled nothing when it begins with the tests."""
    overrides = f"cell={cell}", "network.hidden_size=40"
    config = configure(*ODD, *overrides)
    with monkeypatch.context() as patch:
        patch.setattr(records, "write", lambda *_: vanish())
        with pytest.raises(SystemExit):
            run(config)
    monkeypatch.setattr(programs, "_programs", {})
    assert run(config).resumed == 1
    assert results(config) == undisturbed(*overrides)


def test_wandb_has_one_finished_run_with_all_rows(configure, tmp_path, die_at):
    config = configure("tracking=offline", "name=sweep", *ODD)
    die_at(Adding, 16, vanish)
    with pytest.raises(SystemExit):
        run(config)
    run(config)
    (found,) = (tmp_path / "sweep" / "wandb").glob("offline-run-*")
    (ended,) = [entry.exit for entry in offline_wandb.entries(found) if entry.WhichOneof("record_type") == "exit"]
    assert ended.exit_code == 0
    rows = [row for row in offline_wandb.history(found) if "train/loss" in row]
    assert [row["trainer/global_step"] for row in rows] == [4, 8, 12, 16, 20]


class Trap:
    """What a pickle can do: anything."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("damage", ["truncated", "empty", "text", "foreign", "pickle", "zipped pickle", "no dict"])
def test_what_cannot_be_used_is_named_and_the_run_starts_over(configure, undisturbed, tmp_path, die_at, capsys, damage):
    config, trap = configure(*ODD), tmp_path / "sprung"
    die_at(Adding, 10, vanish)
    with pytest.raises(SystemExit):
        run(config)
    path = folder(config) / "last.ckpt"
    if damage == "truncated":
        path.write_bytes(path.read_bytes()[:-100])
    elif damage == "empty":
        path.write_bytes(b"")
    elif damage == "text":
        path.write_text("step 7 of 20\n")
    elif damage == "foreign":
        other = configure(*ODD, "seed=1")
        run(other)
        (folder(other) / "last.ckpt").replace(path)
    elif damage == "pickle":
        path.write_bytes(pickle.dumps(Trap(trap)))
    elif damage == "zipped pickle":
        torch.save({"rnnbench": {"run_id": config.run_id}, "trap": Trap(trap)}, path)
    else:
        torch.save([one_hot(torch.arange(2))], path)
    capsys.readouterr()
    assert run(config).resumed == 0
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"warning: {path} cannot be used, the run starts over (")
    assert not trap.exists()
    assert results(config) == undisturbed()


def test_a_failed_write_leaves_the_last_checkpoint(configure, die_at, monkeypatch):
    """As on a full disk: the run fails, its record says why, and no half file is left."""
    config = configure("trainer.checkpoint_every=5")

    def full(self, path, *_, **__):
        Path(path).write_bytes(b"half")
        raise OSError(28, "No space left on device")

    def fill():
        monkeypatch.setattr("pytorch_lightning.Trainer.save_checkpoint", full)

    die_at(Adding, 12, fill)
    with pytest.raises(OSError, match="No space left"):
        run(config)
    assert records.read(folder(config)).outcome == "failed, OSError: [Errno 28] No space left on device"
    assert torch.load(folder(config) / "last.ckpt", weights_only=True)["global_step"] == 10
    assert not list(folder(config).glob(".*"))


def test_a_failed_run_starts_over(configure, die_at):
    """What broke it may be in its checkpoint."""
    config = configure("trainer.checkpoint_every=5")

    def fail():
        raise RuntimeError("broken")

    die_at(Adding, 12, fail)
    with pytest.raises(RuntimeError):
        run(config)
    assert run(config, retry=False).status == "failed"
    assert run(config).resumed == 0


class TestLocks:
    def test_a_run_has_one_owner(self, configure, tmp_path):
        config = configure()
        (holder_pid := os.fork()) or self.hold(folder(config), tmp_path / "held")
        try:
            while not (tmp_path / "held").exists():
                assert os.waitpid(holder_pid, os.WNOHANG) == (0, 0)
            assert is_locked(folder(config))
            with pytest.raises(HeldElsewhereError, match=f"{config.run_id} is running elsewhere"):
                run(config)
        finally:
            os.kill(holder_pid, signal.SIGKILL)
            os.waitpid(holder_pid, 0)
        assert not is_locked(folder(config))  # though its file is there
        assert run(config).status == "done"
        assert not list((tmp_path / "scratch" / ".locks").iterdir())

    @staticmethod
    def hold(path, flag):
        with locked(path):
            flag.touch()
            signal.pause()

    def test_a_lock_file_may_hold_anything(self, configure, tmp_path):
        config = configure()
        path = tmp_path / "scratch" / ".locks" / f"{config.run_id}.lock"
        path.parent.mkdir(parents=True)
        path.write_bytes(b"\x80\x04 12345 \xff")
        assert run(config).status == "done"

    def test_what_cannot_be_locked_is_said(self, configure, tmp_path):
        config = configure()
        (tmp_path / "scratch" / ".locks" / f"{config.run_id}.lock").mkdir(parents=True)
        with pytest.raises(UserError, match=r"\.lock: cannot be written \(Is a directory\)"):
            run(config)
