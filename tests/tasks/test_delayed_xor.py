"""Delayed XOR: every target by brute force, the targets that count, and the baseline."""

import math

import pytest

from catalogue import make_task
from rnnbench.errors import UserError

SAMPLES = 1000


@pytest.mark.parametrize(("length", "delay"), [(3, 1), (7, 2), (20, 5), (20, 9), (21, 10)])
def test_targets(length, delay):
    batch = make_task("delayed_xor", length=length, delay=delay, batch_size=SAMPLES).batch("train", 1, 2)
    assert batch.inputs.shape == batch.targets.shape == (length, SAMPLES)
    assert set(batch.inputs.ravel()) == {0, 1}
    answered = []
    for t in range(length):
        for b in range(SAMPLES):
            if t < 2 * delay:
                assert batch.targets[t, b] == 0
            else:
                assert batch.targets[t, b] == (batch.inputs[t - delay, b] != batch.inputs[t - 2 * delay, b])
                answered.append(t * SAMPLES + b)
    assert list(batch.counted) == list(batch.scored) == answered
    sources = (length - 1 - 2 * delay, length - 1 - delay)
    assert list(batch.informative) == [t * SAMPLES + b for t in sources for b in range(SAMPLES)]


@pytest.mark.parametrize("delay", [1, 2, 4])
def test_baseline(delay):
    task = make_task("delayed_xor", length=10, delay=delay, batch_size=50_000)
    batch = task.batch("test", 0, 0)
    for bit in (0, 1):  # what a predictor without memory sees
        ones = batch.targets[-1, batch.inputs[-1] == bit]
        assert abs(ones.mean() - 0.5) < 3 * 0.5 / math.sqrt(len(ones))
    assert task.baseline("test") == math.log(2)


def test_errors():
    with pytest.raises(UserError, match="task.delay=0: must be at least 1"):
        make_task("delayed_xor", delay=0)
    with pytest.raises(UserError, match="task.delay=10: must be at most 9"):
        make_task("delayed_xor", length=20, delay=10)
    with pytest.raises(UserError, match="task.delay=4: must be at most 3"):
        make_task("delayed_xor", length=9, delay=4).at_length(8)
