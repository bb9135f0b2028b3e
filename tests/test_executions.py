"""Many training steps in one execution: the same training, bit for bit, in less time."""

import csv
from pathlib import Path

import pytest
import pytorch_lightning as lightning
import torch

from rnnbench.builders.training import build_learner
from rnnbench.errors import UserError
from rnnbench.runner import build_trainer, run
from rnnbench.training.data import Stream, held_out_stream

FIVE = ["trainer.steps_per_execution=5", "trainer.checkpoint_every=5", "probe.every=5"]


def outcome(config):
    """The weights, the record's results and the logged rows of a run."""
    record, folder = run(config), Path(config.runs_dir) / config.name / config.run_id
    state = torch.load(folder / "last.ckpt", weights_only=True)["state_dict"]
    with (folder / "metrics.csv").open(newline="") as lines:
        rows = [{key: cell for key, cell in row.items() if key != "steps_per_second"} for row in csv.DictReader(lines)]
    found = [record.final, record.best, record.training, record.gradients, record.steps, record.stopped_by]
    return {name: each.tolist() for name, each in state.items()}, found, rows


@pytest.mark.parametrize(
    "overrides",
    [
        [],
        ["clip=value", "clip.threshold=0.01", "optimizer=sgd"],
        ["clip=none", "network.dropout=0.5", "network.depth=2", "schedule=linear", "optimizer=adamw"],
        ["task=char_lm", "cell=gru", "clip.threshold=0.01"],
        ["cell=indrnn", "optimizer.lr=0.5"],
        ["cell=orthogonal", "network.bidirectional=true"],
        ["task=copy", "task.train_lengths=[2,9]", "task.test_lengths=[9]", "trainer.precision=64"],
        ["schedule=plateau", "schedule.patience=0", "optimizer.lr=0.5", "trainer.validate_every=5"],
        ["early_stop=patience", "early_stop.patience=1", "trainer.validate_every=5", "optimizer.lr=1e-9"],
        ["trainer.precision=bf16-mixed"],
    ],
)
def test_it_is_the_same_training(configure, overrides):
    overrides = ["probe.every=5", *overrides]
    assert outcome(configure(*overrides, *FIVE)) == outcome(configure(*overrides))


def test_callbacks_are_called_once_an_execution(configure):
    config = configure(*FIVE, "trainer.max_steps=15", "trainer.validate_every=15")
    seen = []

    class Watch(lightning.Callback):
        def on_train_batch_end(self, trainer, learner, *_):
            seen.append(trainer.global_step)

    train = Stream(config.task, "train", 0, 15, 5)
    build_trainer(config, [Watch()], []).fit(build_learner(config), train, held_out_stream(config.task, "validation"))
    assert seen == [5, 10, 15]


def test_single_batches_are_steps_too(configure):
    """As a stream of somebody else's hands them out."""
    config = configure(*FIVE, "trainer.max_steps=5", "trainer.validate_every=5")
    learner, trainer = build_learner(config), build_trainer(config, [], [])
    before = [each.clone() for each in learner.model.parameters()]
    trainer.fit(learner, Stream(learner.task, "train", 0, 5), held_out_stream(learner.task, "validation"))
    assert trainer.global_step == 5
    assert all(not torch.equal(one, other) for one, other in zip(before, learner.model.parameters(), strict=True))


def test_what_is_measured_must_lie_between_executions(configure):
    assert configure(*FIVE).run_id != configure().run_id == configure("trainer.steps_per_execution=1").run_id
    for key in ("trainer.max_steps", "trainer.validate_every", "trainer.log_every", "trainer.checkpoint_every",
                "probe.every"):  # fmt: skip
        with pytest.raises(UserError, match=f"^trainer.steps_per_execution=5: must divide {key}=7; "):
            configure(*FIVE, f"{key}=7")
    assert configure(*FIVE, "probe.every=7", "probe=off").trainer.steps_per_execution == 5
    for alone in ("trainer.accumulate_grad_batches=2", "trainer.precision=16-mixed"):
        with pytest.raises(UserError, match=f"steps_per_execution=5: does not go with {alone}"):
            configure(*FIVE, alone)
