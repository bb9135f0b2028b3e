"""Gradients accumulated over several batches: a step is one of the optimizer, and sees their mean."""

import copy
from functools import partial
from pathlib import Path

import pytest
import torch

from histories import curve
from rnnbench.builders.training import build_learner
from rnnbench.runner import build_trainer, run
from rnnbench.training.data import Stream, held_out_stream, to_torch


def test_a_step_is_that_of_the_mean_gradient_by_hand(configure):
    """Three batches a step, clipped once; the norm that is measured is the mean gradient's."""
    config = configure("trainer.accumulate_grad_batches=3", "trainer.max_steps=4", "trainer.validate_every=2",
                       "optimizer=sgd", "optimizer.lr=0.5", "clip.threshold=0.05")  # fmt: skip
    learner = build_learner(config)
    model = copy.deepcopy(learner.model)
    trainer = build_trainer(config, [], [])
    trainer.fit(learner, Stream(config.task, "train", 0, 12), held_out_stream(config.task, "validation"))
    assert trainer.global_step == 4
    optimizer, norms = torch.optim.SGD(model.parameters(), 0.5), []
    for step in range(4):
        optimizer.zero_grad()
        for index in range(3):
            batch = to_torch(config.task.batch("train", 0, 3 * step + index))
            loss = torch.nn.functional.mse_loss(model(batch.inputs).prediction, batch.targets)
            (loss / 3).backward()
        norms.append(torch.nn.utils.clip_grad_norm_(model.parameters(), 0.05).item())
        optimizer.step()
    for ours, theirs in zip(learner.model.parameters(), model.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-7)
    measured = learner.gradients.flush()
    assert measured["grad_norm_before"] == pytest.approx(sum(norms) / 4, rel=1e-4)
    assert measured["grad_norm_after"] == pytest.approx(sum(min(norm, 0.05) for norm in norms) / 4, rel=1e-4)


def test_everything_counts_steps_of_the_optimizer(configure):
    config = configure("trainer.accumulate_grad_batches=3", "probe.every=5", "schedule=linear")
    record = run(config)
    assert record.steps == 20
    curves = partial(curve, Path(config.runs_dir) / config.name / config.run_id)
    assert list(curves("train/loss")) == [5, 10, 15, 20]
    assert list(curves("val/loss")) == [10, 20]
    assert list(curves("far_share")) == [0, 5, 10, 15, 20]
    assert curves("lr")[15] == pytest.approx(0.002 * (1 - 14 / 20))


def test_one_batch_a_step_is_the_same_run(configure):
    assert configure("trainer.accumulate_grad_batches=1").run_id == configure().run_id
    assert configure("trainer.accumulate_grad_batches=2").run_id != configure().run_id
