"""The validation and the test set of a task: one for all runs, and the memoryless predictor scores 0 on it."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
import yaml

from catalogue import TASK_ROWS, make_task
from rnnbench.errors import UserError
from rnnbench.tasks import TASKS
from rnnbench.tasks.base import HELD_OUT_SEED
from rnnbench.training.data import held_out_stream

CONF = Path(__file__).parents[2] / "conf/task"
MEANS = {"half": 1.0, "pair": 1.0, "hs97": 0.5, "pascanu": 0.5}


def published(name, **changes):
    """The task with the sizes of its test set in conf, at a length that is quick."""
    sizes = yaml.safe_load((CONF / f"{name}.yaml").read_text())
    return make_task(name, **{key: sizes[key] for key in ("validation_sequences", "test_sequences")}, **changes)


def batches(task, split):
    wide, count = task.held_out(split)
    return [wide.batch(split, HELD_OUT_SEED, step) for step in range(count)]


def constant(value):
    return lambda batch: (batch.targets.astype(float) - value) ** 2


def guess(classes):
    return lambda batch: np.full(batch.targets.size if batch.counted is None else len(batch.counted), math.log(classes))


def blanks(batch):
    """Knows the time: blanks are sure, and each recalled symbol is one of eight."""
    losses = np.zeros(batch.targets.size)
    losses[batch.scored] = math.log(8)
    return losses if batch.counted is None else losses[batch.counted]


MEMORYLESS = [
    *[("adding", {"variant": variant, "length": 20}, constant(mean)) for variant, mean in MEANS.items()],
    ("multiplication", {"length": 20}, constant(0.25)),
    *[("copy", {"variant": v, "length": 20}, blanks) for v in ("standard", "tcn", "variable", "selective")],
    ("temporal_order", {"variant": "hs97_6a"}, guess(4)),
    ("temporal_order", {"variant": "pascanu_3bit"}, guess(8)),
    ("parity", {}, guess(2)),
    ("delayed_xor", {}, guess(2)),
    ("latch", {}, guess(2)),
]


@pytest.mark.parametrize("split", ["validation", "test"])
@pytest.mark.parametrize(("name", "options", "losses"), MEMORYLESS)
def test_the_predictor_without_memory_scores_0_on_every_set(name, options, losses, split):
    task = published(name, **options)
    found = np.concatenate([losses(batch).ravel() for batch in batches(task, split)])
    assert abs(1 - found.mean() / task.baseline(split)) < 1e-8
    drawn = 0.03 if split == "test" else 0.15  # of 10 000 sequences, and of 500
    assert abs(1 - task.baseline(split) / task.baseline("train")) < drawn


@pytest.mark.parametrize("name", TASK_ROWS)
def test_the_sets_are_the_same_whatever_the_batch_size_of_training(name):
    tasks = [make_task(name, batch_size=size) for size in (8, 16)]
    if name == "char_lm":  # the state carries on, so its streams are those of training
        tasks[1] = make_task(name, batch_size=8)
    for split in ("validation", "test"):
        one, other = ([b.inputs for b in batches(task, split)] for task in tasks)
        assert all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))
        sequences = sum(inputs.shape[1] for inputs in one)
        assert sequences == tasks[0].held_out_sequences(split)
        finite = tasks[0].batches(split) is not None
        assert 0 < sequences <= 64 if finite else sequences == 64
        assert tasks[0].baseline(split) == tasks[1].baseline(split)


def test_as_many_sequences_as_asked_for_at_least():
    for asked, made in ((1, 1), (199, 199), (201, 202), (10_000, 10_000)):
        task = make_task("adding", length=4, test_sequences=asked)
        assert sum(b.inputs.shape[1] for b in batches(task, "test")) == task.held_out_sequences("test") == made


def test_a_finite_set_is_whole_and_no_more():
    task = published("digits")
    assert task.held_out_sequences("test") == len(task.labels["test"]) == 266
    assert published("reber").held_out_sequences("test") == 256
    assert make_task("digits", test_sequences=50).held_out_sequences("test") == 50


def test_the_stream_of_a_run_is_that_set():
    task = make_task("adding")
    stream = held_out_stream(task, "validation")
    assert all(
        np.array_equal(a.inputs.numpy(), b.inputs) for a, b in zip(stream, batches(task, "validation"), strict=True)
    )


@pytest.mark.parametrize("name", TASKS)
def test_every_task_states_the_sizes_of_its_sets(name):
    stated = yaml.safe_load((CONF / f"{name}.yaml").read_text())
    assert stated["test_sequences"] >= 10_000, json.dumps(stated)
    with pytest.raises(UserError, match="task.test_sequences=0: must be at least 1"):
        make_task(name, test_sequences=0)


@pytest.mark.parametrize("most", [16, 48, 10_000])
@pytest.mark.parametrize("name", ["digits", "text_classification", "char_lm"])
def test_the_baseline_is_that_of_the_sequences_that_are_tested(name, most):
    task = make_task(name, test_sequences=most)
    held = batches(task, "test")
    if name == "char_lm":  # the order-1 count model of the training text, pair by pair
        text, symbols = task.content, task.input_size
        pairs = np.zeros((symbols, symbols))
        np.add.at(pairs, (text.splits["train"][:-1], text.splits["train"][1:]), 1)
        chances = (pairs + 0.05) / (pairs.sum(axis=1, keepdims=True) + 0.05 * symbols)
        losses = np.concatenate([-np.log(chances[batch.inputs, batch.targets]).ravel() for batch in held])
    else:
        frequencies = np.bincount(task.labels["train"]) / len(task.labels["train"])
        losses = np.concatenate([-np.log(frequencies[batch.targets]) for batch in held])
    assert task.baseline("test") == pytest.approx(
        losses.mean(), rel=0.005 if name == "char_lm" and most == 10_000 else 1e-9
    )  # all: of the whole text, its rest too
