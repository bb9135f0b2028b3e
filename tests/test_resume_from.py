"""A run that trains on from a finished one: as if it had been one run all along."""

import csv
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from histories import curve
from rnnbench.config.factors import factors
from rnnbench.errors import UserError
from rnnbench.outcomes.columns import row
from rnnbench.runner import run
from rnnbench.store import records

pytestmark = pytest.mark.whole


def folder(config):
    return Path(config.runs_dir) / config.name / config.run_id


def weights(config, file="last.ckpt"):
    return torch.load(folder(config) / file, weights_only=True)["state_dict"]


def assert_same_weights(ours, theirs):
    for file in ("last.ckpt", "best.ckpt"):
        expected = weights(theirs, file)
        assert all(torch.equal(weight, expected[name]) for name, weight in weights(ours, file).items())


@pytest.mark.parametrize(
    "overrides",
    [
        [],
        ["network.dropout=0.5", "network.depth=2", "trainer.accumulate_grad_batches=2", "trainer.log_every=3"],
        ["task=char_lm", "cell=gru", "optimizer=sgd", "optimizer.momentum=0.9", "clip=value"],
        ["schedule=warmup", "schedule.warmup_steps=9", "optimizer=adamw"],
        ["schedule=warmup", "schedule.warmup_steps=9", "trainer.steps_per_execution=5", "trainer.checkpoint_every=5"],
        ["schedule=plateau", "schedule.patience=0", "optimizer.lr=0.5", "trainer.validate_every=2"],
        ["early_stop=patience", "early_stop.patience=3", "trainer.validate_every=2"],
    ],
)
def test_two_parts_are_the_whole(configure, overrides):
    """Bit for bit: weights, logged metrics, what was measured."""
    overrides = [*overrides, "trainer.stop_when_solved=false"]
    whole = configure(*overrides)
    first = configure(*overrides, "trainer.max_steps=10")
    begun = run(first)
    second = configure(*overrides, f"resume_from={first.run_id}")
    expected, record = run(whole), run(second)
    assert_same_weights(second, whole)
    assert (record.steps, record.final, record.best) == (20, expected.final, expected.best)
    assert (record.training, record.gradients) == (expected.training, expected.gradients)
    assert (record.resumed_from, record.resumed) == (first.run_id, 0)
    assert record.seconds > begun.seconds
    rows = []
    for config in (whole, second):
        with (folder(config) / "metrics.csv").open(newline="") as lines:
            rows.append([{k: v for k, v in row.items() if k != "steps_per_second"} for row in csv.DictReader(lines)])
    assert rows[0] == rows[1]
    with np.load(folder(whole) / "gradients.npz") as one, np.load(folder(second) / "gradients.npz") as other:
        assert all(np.array_equal(one[name], other[name]) for name in one.files)


@pytest.mark.parametrize("steps", [7, 13])
def test_at_any_step(configure, steps):
    """Though the first part had to validate and to probe where the whole does not."""
    options = ["network.dropout=0.5", "network.depth=2", "trainer.accumulate_grad_batches=3"]
    whole = configure(*options)
    first = configure(*options, f"trainer.max_steps={steps}")
    run(first)
    second = configure(*options, f"resume_from={first.run_id}", "probe=off")
    run(whole)
    run(second)
    expected = weights(whole)
    assert all(torch.equal(weight, expected[name]) for name, weight in weights(second).items())
    assert list(curve(folder(second), "val/loss")) == sorted({10, 20, steps})


def test_it_goes_on_after_an_interruption(configure, monkeypatch):
    options = ["trainer.checkpoint_every=4"]
    whole = configure(*options)
    first = configure(*options, "trainer.max_steps=10")
    run(first)
    second = configure(*options, f"resume_from={first.run_id}")
    draw = type(second.task).batch
    for step in (11, 14):  # before it has a checkpoint of its own, and after it
        with monkeypatch.context() as patch:

            def fatal(self, split, seed, at, step=step):
                if split == "train" and at == step:
                    raise SystemExit(9)
                return draw(self, split, seed, at)

            patch.setattr(type(second.task), "batch", fatal)
            with pytest.raises(SystemExit):
                run(second)
    run(whole)
    assert run(second).resumed == 1
    assert_same_weights(second, whole)


def test_a_run_that_had_lost_patience_goes_on(configure):
    options = ["optimizer=sgd", "optimizer.lr=0.3", "clip=none", "trainer.validate_every=1", "trainer.max_steps=40",
               "trainer.stop_when_solved=false", "early_stop=patience", "probe=off"]  # fmt: skip
    first = configure(*options, "early_stop.patience=2")
    ended = run(first)
    assert ended.stopped_by == "patience"
    stuck = ["early_stop.patience=4", "early_stop.min_delta=10"]  # nothing is an improvement
    record = run(configure(*options, *stuck, f"resume_from={first.run_id}"))
    assert (record.steps, record.stopped_by) == (ended.steps + 4, "patience")


def test_a_schedule_is_that_of_its_own_last_step(configure):
    first = configure("schedule=linear", "trainer.max_steps=10", "probe=off", "trainer.log_every=1")
    run(first)
    second = configure("schedule=linear", "probe=off", "trainer.log_every=1", f"resume_from={folder(first)}")
    run(second)
    rates = partial(curve, folder(second))("lr")
    assert rates[10] == pytest.approx(0.002 * (1 - 9 / 10))
    assert [rates[step] for step in range(11, 21)] == pytest.approx([0.002 * (1 - step / 20) for step in range(10, 20)])


def test_a_run_is_the_same_wherever_that_one_lies(configure):
    by_id, by_path = configure("resume_from=adding-x"), configure("resume_from=elsewhere/adding-x/")
    assert by_id.run_id == by_path.run_id
    assert by_id.run_id not in (configure().run_id, configure("resume_from=adding-y").run_id)


def test_results_say_which_run_it_trained_on(configure):
    """Two seeds of it are one setting, as two seeds that began by themselves would be."""
    rows = []
    for seed in (0, 1):
        first = configure("probe=off", "trainer.max_steps=4", f"seed={seed}")
        run(first)
        rows.append(row(run(configure("probe=off", f"seed={seed}", f"resume_from={first.run_id}"))))
        assert rows[-1]["resumed_from"] == first.run_id
    assert "resume_from" not in rows[0]
    assert factors([{key: value for key, value in each.items() if "." in key} for each in rows]) == []


class TestMistakes:
    @pytest.fixture
    def first(self, configure):
        config = configure("probe=off", "trainer.max_steps=4")
        run(config)
        return config

    @pytest.mark.parametrize(
        ("overrides", "line"),
        [
            (["cell=gru"], "has cell.name=lstm, not gru, and cell.name may not change"),
            (["seed=1"], "has seed=0, not 1"),
            (["task.length=11"], "has task.length=10, not 11"),
            (["optimizer.lr=0.1"], "has optimizer.lr=0.002, not 0.1"),
            (["schedule=linear"], "has schedule.name=constant, not linear"),
            (["callbacks=ema"], "has callbacks.ema."),
            (["trainer.max_steps=4", "clip=none"], "has trained 4 steps; give a trainer.max_steps of more"),
        ],
    )
    def test_what_does_not_go_on(self, configure, first, overrides, line):
        self.assert_says(configure("probe=off", *overrides, f"resume_from={first.run_id}"), line)

    def test_what_may_change(self, configure, first):
        changed = ["clip.threshold=0.5", "probe=default", "task.test_lengths=[12]", "trainer.validate_every=5"]
        assert run(configure(*changed, f"resume_from={first.run_id}")).steps == 20

    def test_what_is_no_finished_run(self, configure, first, tmp_path):
        self.assert_says(
            configure("resume_from=nothing"), f"no such run; give a run's folder, or a run_id in {tmp_path}"
        )
        (folder(first) / "last.ckpt").unlink()
        self.assert_says(configure(f"resume_from={first.run_id}"), "its last.ckpt is gone")
        record = records.read(folder(first))
        record.status = "diverged"
        records.write(folder(first), record)
        self.assert_says(configure(f"resume_from={first.run_id}"), "is diverged; give a run that is done")
        (folder(first) / "record.json").unlink()
        self.assert_says(configure(f"resume_from={first.run_id}"), "has not ended; the command that began it")
        with pytest.raises(UserError, match="resume_from='': must be the folder of a run"):
            configure("resume_from=")

    @staticmethod
    def assert_says(config, line):
        with pytest.raises(UserError) as error:
            run(config)
        assert str(error.value).startswith(f"resume_from={config.resume_from}: ")
        assert line in str(error.value)
        assert not folder(config).exists()
