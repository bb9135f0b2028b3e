"""Parity: every string relabelled by brute force, its lengths, and the baseline."""

import math

import numpy as np
import pytest

from catalogue import make_task
from rnnbench.errors import UserError

SAMPLES = 1000


@pytest.mark.parametrize("length", [3, 10, 40])
def test_labels_and_lengths(length):
    batch = make_task("parity", length=length, batch_size=SAMPLES).batch("train", 1, 2)
    informative = set(batch.informative)
    for b in range(SAMPLES):
        odd = 0
        for t in range(length):
            valid = t < batch.lengths[b]
            assert (t * SAMPLES + b in informative) == valid
            assert batch.inputs[t, b] in ([0, 1] if valid else [0])
            if batch.inputs[t, b] == 1:
                odd = 1 - odd
        assert batch.targets[b] == odd
    assert batch.inputs.shape == (length, SAMPLES)
    assert set(batch.lengths) == set(range(3, length + 1))
    assert len(informative) == batch.lengths.sum()


def test_baseline():
    task = make_task("parity", length=40, batch_size=50_000)
    batch = task.batch("test", 0, 0)
    present = batch.inputs[batch.lengths - 1, np.arange(50_000)]
    for bit in (0, 1):  # what a predictor without memory sees
        odd = batch.targets[present == bit]
        assert abs(odd.mean() - 0.5) < 3 * 0.5 / math.sqrt(len(odd))
    assert task.baseline("test") == math.log(2)


def test_each_prefix_may_have_its_label():
    """The strings and the last labels stay; without memory nothing but a prefix of one bit can be known."""
    whole = make_task("parity", length=9, shortest=2, batch_size=SAMPLES)
    task = whole.altered(labels="prefixes")
    batch, last = task.batch("validation", 1, 2), whole.batch("validation", 1, 2)
    assert np.array_equal(batch.inputs, last.inputs)
    assert np.array_equal(batch.targets[batch.lengths - 1, np.arange(SAMPLES)], last.targets)
    counted = [(t, b) for t in range(9) for b in range(SAMPLES) if t < batch.lengths[b]]
    assert [divmod(position, SAMPLES) for position in batch.counted] == counted
    assert [divmod(position, SAMPLES) for position in batch.scored] == [(t, b) for t, b in counted if t > 0]
    for t, b in counted:
        assert batch.targets[t, b] == batch.inputs[: t + 1, b].sum() % 2
    unknown = len(batch.scored) / len(batch.counted)
    assert task.baseline("train") == pytest.approx(unknown * math.log(2), rel=0.01)
    task = task.altered(validation_sequences=200)
    lengths = task.held_out("validation")[0].batch("validation", 0, 0).lengths
    assert task.baseline("validation") == pytest.approx((1 - len(lengths) / lengths.sum()) * math.log(2))


def test_the_published_test_lengths():
    """40 to 256 bits for a network that is trained on 3 to 40; a shorter test is on 3 to that many."""
    task = make_task("parity", length=40, batch_size=5000)
    batch = task.at_length(256).batch("test", 0, 0)
    assert set(batch.lengths) == set(range(40, 257))
    assert batch.inputs.shape == (256, 5000)
    assert set(task.at_length(10).batch("test", 0, 0).lengths) == set(range(3, 11))


def test_errors():
    with pytest.raises(UserError, match="task.length=2: must be at least 3"):
        make_task("parity", length=2)
    with pytest.raises(UserError, match="task.shortest=0: must be at least 1"):
        make_task("parity", shortest=0)
    with pytest.raises(UserError, match="task.labels"):
        make_task("parity", labels="all")
