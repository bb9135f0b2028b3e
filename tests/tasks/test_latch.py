"""Latch: every sequence relabelled by brute force, the noise, the lengths, and the baseline."""

import math

import numpy as np
import pytest

from catalogue import make_task
from rnnbench.errors import UserError

SAMPLES = 1000


@pytest.mark.parametrize("leading", [1, 3])
@pytest.mark.parametrize("length", [4, 100])
def test_labels_noise_and_lengths(leading, length):
    batch = make_task("latch", length=length, leading=leading, batch_size=SAMPLES).batch("train", 1, 2)
    noise = []
    for b in range(SAMPLES):
        values = [float(value) for value in batch.inputs[:, b, 0]]
        assert values[:leading] == [1 if batch.targets[b] == 1 else -1] * leading
        noise += values[leading : batch.lengths[b]]
        assert values[batch.lengths[b] :] == [0] * (len(values) - batch.lengths[b])
    assert batch.inputs.shape == (length * 11 // 10, SAMPLES, 1)
    assert set(batch.lengths) == set(range(length, length * 11 // 10 + 1))
    assert set(batch.targets) == {0, 1}
    noise = np.array(noise)
    assert abs(noise.mean()) < 3 * math.sqrt(0.2 / noise.size)
    assert abs(noise.var() - 0.2) < 3 * 0.2 * math.sqrt(2 / noise.size)  # the variance of a Gaussian's variance
    assert abs((np.abs(noise) < math.sqrt(0.2)).mean() - 0.6827) < 3 * math.sqrt(0.6827 * 0.3173 / noise.size)
    assert list(batch.informative) == [t * SAMPLES + b for t in range(leading) for b in range(SAMPLES)]


def test_baseline():
    task = make_task("latch", length=20, leading=3, batch_size=50_000)
    batch = task.batch("test", 0, 0)
    last = batch.inputs[batch.lengths - 1, np.arange(50_000), 0]
    for seen in (last < 0, last > 0):  # what a predictor without memory sees
        classes = batch.targets[seen]
        assert abs(classes.mean() - 0.5) < 3 * 0.5 / math.sqrt(len(classes))
    assert task.baseline("test") == math.log(2)


def test_errors():
    with pytest.raises(UserError, match="task.leading=0: must be at least 1"):
        make_task("latch", leading=0)
    with pytest.raises(UserError, match="task.leading=10: must be less than 10"):
        make_task("latch", length=10, leading=10)
