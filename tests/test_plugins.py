"""Callbacks and loggers of the user's own, by their classes."""

import csv
from pathlib import Path

import pytest
import torch

from rnnbench.config import sources
from rnnbench.errors import UserError
from rnnbench.runner import run
from rnnbench.sweep import configuration


def folder(config):
    return Path(config.runs_dir) / config.name / config.run_id


def count(path, *more):
    return ["+callbacks.count._target_=own_plugins:Count", f"+callbacks.count.path={path}", *more]


def test_a_callback_sees_the_training_and_may_end_it(configure, tmp_path):
    config = configure(*count(tmp_path / "seen", "+callbacks.count.most=7"), "trainer.accumulate_grad_batches=2")
    record = run(config)
    assert (record.steps, record.stopped_by) == (7, "callback")
    assert (tmp_path / "seen").read_text() == "14"


def test_it_goes_on_with_the_run(configure, tmp_path, monkeypatch):
    """Its state is in the checkpoint."""
    config = configure(*count(tmp_path / "seen"), "trainer.checkpoint_every=5")
    with monkeypatch.context() as patch:
        draw = type(config.task).batch

        def fatal(self, split, seed, step):
            if split == "train" and step == 13:
                raise SystemExit(9)
            return draw(self, split, seed, step)

        patch.setattr(type(config.task), "batch", fatal)
        with pytest.raises(SystemExit):
            run(config)
    assert run(config).resumed == 1
    assert (tmp_path / "seen").read_text() == "20"


def test_a_logger_gets_every_row(configure, tmp_path):
    config = configure("+loggers.mine._target_=own_plugins.Lines", f"+loggers.mine.path={tmp_path}/rows", "probe=off")
    run(config)
    first, *rows = (tmp_path / "rows").read_text().splitlines()
    assert first == f"hyperparameters adding {folder(config)}"
    assert [row.split()[0] for row in rows] == ["5", "10", "10", "15", "20", "20", "20"]
    assert "lr" in rows[0].split()
    assert "val/loss" in rows[2].split()
    assert "test/loss" in rows[-1].split()


def test_the_table_that_is_shipped(configure):
    config = configure("loggers=csv", "probe=off")
    run(config)
    with (folder(config) / "csv" / "metrics.csv").open(newline="") as lines:
        theirs = list(csv.DictReader(lines))
    with (folder(config) / "metrics.csv").open(newline="") as lines:
        assert list(csv.DictReader(lines)) == theirs


def test_the_mean_of_the_weights_is_what_is_kept(configure, monkeypatch):
    """Against the same mean, taken by hand after every step of the same training."""
    plain = configure("probe=off", "trainer.stop_when_solved=false")
    from rnnbench.training.learner import Learner

    weights = []
    ended = Learner.on_train_batch_end

    def watch(self, *arguments):
        ended(self, *arguments)
        weights.append({name: weight.clone() for name, weight in self.state_dict().items()})

    with monkeypatch.context() as patch:
        patch.setattr(Learner, "on_train_batch_end", watch)
        run(plain)
    mean = weights[0]
    for each in weights[1:]:
        mean = {name: 0.5 * mean[name] + 0.5 * each[name] for name in mean}
    config = configure("callbacks=ema", "callbacks.ema.decay=0.5", "probe=off", "trainer.stop_when_solved=false")
    run(config)
    kept = torch.load(folder(config) / "last.ckpt", weights_only=True)["state_dict"]
    for name, weight in kept.items():
        torch.testing.assert_close(weight, mean[name], rtol=1e-5, atol=1e-6)


def test_callbacks_are_part_of_a_run_and_loggers_are_not(configure):
    assert configure("loggers=csv").run_id == configure().run_id
    one, other = (
        configure(*count("a")),
        configure("+callbacks.count._target_=own_plugins.Count", "+callbacks.count.path=a"),
    )
    assert one.run_id == other.run_id != configure().run_id
    assert set(sources.fingerprints(one)) == {"callbacks.count._target_=own_plugins.Count"}
    assert sources.fingerprints(configure("loggers=csv")) == {}
    assert list(configure("loggers=[csv,tensorboard]").loggers) == ["csv", "tensorboard"]


def test_they_are_read_back(configure, tmp_path):
    config = configure(*count("a", "+callbacks.count.most=3"), "loggers=[csv,tensorboard]")
    import yaml

    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config.to_dict()))
    assert configuration.read(tmp_path / "config.yaml") == config


@pytest.mark.parametrize(
    ("overrides", "line"),
    [
        (
            ["+callbacks.a._target_=own_plugins:Cuont"],
            "callbacks.a._target_=own_plugins.Cuont: module 'own_plugins' has",
        ),
        (["+callbacks.a._target_=nowhere.Class"], "No module named 'nowhere'; give package.module.Class"),
        (["+callbacks.a._target_=own_plugins.Count", "+callbacks.a.way=3"], "unexpected keyword argument 'way'"),
        (["+callbacks.a._target_=own_plugins.Broken"], "cannot be made of these arguments (ValueError: no, "),
        (
            ["+callbacks.a._target_=own_plugins.nothing"],
            "is no Callback of pytorch_lightning; give a class that is one",
        ),
        (["+loggers.a._target_=own_plugins.Count", "+loggers.a.path=x"], "is no Logger of pytorch_lightning"),
        (["loggers=tensorboard"], "; pip install tensorboard"),
    ],
)
def test_what_cannot_be_made_is_said_before_anything_is_written(configure, overrides, line):
    config = configure(*overrides)
    with pytest.raises(UserError) as error:
        run(config)
    assert line in str(error.value)
    assert "\n" not in str(error.value)
    assert not Path(config.runs_dir, config.name).exists()


@pytest.mark.parametrize(
    ("overrides", "line"),
    [
        (["+callbacks.a=3"], "callbacks.a=3: names no class; give +callbacks.a._target_=package.module.Class"),
        (["+loggers.a.path=3"], "loggers.a={'path': 3}: names no class"),
        (["+loggers.a._target_=a.B", "+loggers.a.x=nan"], "loggers.a.x=nan: must be a finite number"),
        (["callbacks=em"], "unknown callbacks 'em': did you mean 'ema'?"),
        (["optimizer=[adam,sgd]"], "a run has one optimizer"),
    ],
)
def test_what_is_no_class(overrides, line):
    with pytest.raises(UserError) as error:
        configuration.configure(*overrides)
    assert line in str(error.value)
