"""Finite labelled sets: how they are divided, the order of batches, every held-out example once, the baseline."""

import math
from collections import Counter

import numpy as np
import pytest
import torch

from catalogue import TASK_ROWS, make_task
from rnnbench.tasks import SPLITS, TASKS
from rnnbench.tasks.labelled import LabelledTask, divide
from rnnbench.training.data import Stream, to_torch
from rnnbench.training.meters import Meter

LABELLED = [name for name in TASK_ROWS if issubclass(TASKS[name], LabelledTask)]


@pytest.mark.parametrize("shares", [(0.7, 0.15, 0.15), (0.8, 0.1, 0.1), (5 / 6, 1 / 6), (1.0,)])
def test_a_set_is_divided_class_by_class(shares):
    labels = np.random.default_rng(1).choice(7, 500, p=[0.3, 0.3, 0.2, 0.1, 0.05, 0.04, 0.01])
    parts = divide(labels, shares)
    assert sorted(np.concatenate(parts).tolist()) == list(range(500))
    assert set(labels[parts[0]]) == set(range(7))
    for label in range(7):
        for part, share in zip(parts, shares, strict=True):
            assert abs((labels[part] == label).sum() - share * (labels == label).sum()) < 1
    for part, again in zip(parts, divide(labels.copy(), shares), strict=True):
        assert np.array_equal(part, again)
        assert abs(np.corrcoef(part, np.arange(len(part)))[0, 1]) < 0.2  # shuffled
        assert abs(np.corrcoef(labels[part], np.arange(len(part)))[0, 1]) < 0.2


@pytest.mark.parametrize("count", [1, 2, 3])
def test_training_gets_the_rare(count):
    labels = np.array([0] * 100 + [1] * count)
    assert 1 in labels[divide(labels, (0.8, 0.1, 0.1))[0]]


@pytest.mark.parametrize("size", [7, 32, 3000])
def test_training_visits_every_example_once_an_epoch(size):
    task = make_task("digits", batch_size=size)
    count = len(task.labels["train"])
    row = np.concatenate([task.chosen("train", 3, step) for step in range(3 * count // size + 1)])
    epochs = [row[epoch * count : (epoch + 1) * count] for epoch in range(3)]
    for epoch in epochs:
        assert sorted(epoch.tolist()) == list(range(count))
    assert not np.array_equal(epochs[0], epochs[1])
    assert not np.array_equal(epochs[0][:7], task.chosen("train", 4, 0)[:7])  # another seed
    last = 3 * count // size
    assert np.array_equal(make_task("digits", batch_size=size).chosen("train", 3, last), row[last * size :])


@pytest.mark.parametrize("name", LABELLED)
@pytest.mark.parametrize("split", ["validation", "test"])
def test_held_out_examples_are_visited_once(name, split):
    task = make_task(name, batch_size=23)
    count, batches = len(task.labels[split]), task.batches(split)
    assert count % 23  # the last batch is a part
    seen = np.concatenate([task.chosen(split, 0, step) for step in range(batches)])
    assert sorted(seen.tolist()) == list(range(count))
    targets = np.concatenate([task.batch(split, 0, step).targets for step in range(batches)])
    assert np.array_equal(targets, task.labels[split][seen])
    assert np.array_equal(task.chosen(split, 9, batches), seen[:23])  # from the start again, whatever the seed


@pytest.mark.parametrize("name", LABELLED)
def test_the_baseline_by_counting(name):
    task = make_task(name, validation_sequences=10**4, test_sequences=10**4)  # all that there are
    train = Counter(task.labels["train"].tolist())
    for split in SPLITS:
        losses = [-math.log(train[label] / train.total()) for label in task.labels[split].tolist()]
        assert task.baseline(split) == pytest.approx(sum(losses) / len(losses), rel=1e-12)
    assert set(train) == set(range(task.output_size))
    assert task.solved_below is None


def test_the_measured_loss_is_that_of_the_set():
    """Batches of unequal size weigh by their targets: as if the whole set were one batch."""
    whole = make_task("digits", batch_size=10_000).batch("test", 0, 0)
    weight = torch.randn(64, 10)
    results = []
    for size in (10_000, 32):
        task = make_task("digits", batch_size=size)
        meter = Meter(task, task.baseline("test"))
        for batch in Stream(task, "test", 0, task.batches("test")):
            logits = batch.inputs.transpose(0, 1).flatten(1) @ weight
            meter.update(torch.nn.functional.cross_entropy(logits, batch.targets), logits, batch)
        results.append(meter.flush("test"))
    assert len(whole.targets) % 32
    assert results[0]["test/loss"] == pytest.approx(results[1]["test/loss"], rel=1e-5)
    assert results[0]["test/accuracy"] == pytest.approx(results[1]["test/accuracy"], rel=1e-6)


def test_the_measured_loss_weighs_counted_targets():
    task = make_task("copy", variant="variable", length=30, batch_size=4)
    meter, losses, counts = Meter(task, 1.0), [], []
    for step in range(3):
        batch = to_torch(task.batch("test", 0, step))
        losses.append(float(step))
        counts.append(len(batch.counted))
        meter.update(torch.tensor(float(step)), torch.randn(51, 4, 9), batch)
    assert len(set(counts)) > 1
    assert meter.flush("val")["val/loss"] == pytest.approx(np.average(losses, weights=counts))
