"""Adding and copy against brute force, and their baselines against Monte Carlo."""

import math

import numpy as np
import pytest

from catalogue import make_task
from rnnbench.errors import UserError

SAMPLES = 1000


@pytest.mark.parametrize("length", [2, 7, 50])
def test_adding_half(length):
    task = make_task("adding", length=length, batch_size=SAMPLES)
    batch = task.batch("train", 1, 2)
    first_seen, second_seen = set(), set()
    for b in range(SAMPLES):
        values, markers = batch.inputs[:, b, 0], batch.inputs[:, b, 1]
        positions = [t for t in range(length) if markers[t] == 1]
        assert sorted(set(markers)) == [0, 1] or length == 2
        assert len(positions) == 2
        assert positions[0] < length // 2 <= positions[1]
        assert batch.targets[b, 0] == pytest.approx(sum(values[t] for t in positions), abs=1e-6)
        assert sorted(batch.informative[b::SAMPLES] // SAMPLES) == positions
        assert set(batch.informative[b::SAMPLES] % SAMPLES) == {b}
        first_seen.add(positions[0])
        second_seen.add(positions[1])
    assert first_seen == set(range(length // 2))
    assert second_seen == set(range(length // 2, length))
    assert 0 <= batch.inputs[:, :, 0].min() < 0.01
    assert 0.99 < batch.inputs[:, :, 0].max() < 1


def test_adding_baseline():
    targets = make_task("adding", batch_size=100_000).batch("test", 0, 0).targets
    errors = (targets - 1) ** 2
    assert abs(errors.mean() - 1 / 6) < 3 * errors.std() / math.sqrt(errors.size)


def test_adding_needs_two_steps():
    with pytest.raises(UserError, match="task.length=1: must be at least 2"):
        make_task("adding", length=1)


@pytest.mark.parametrize("length", [1, 30])
def test_copy_standard(length):
    task = make_task("copy", length=length, batch_size=SAMPLES)
    batch = task.batch("train", 1, 2)
    steps = length + 20
    assert batch.inputs.shape == batch.targets.shape == (steps, SAMPLES)
    for b in range(SAMPLES):
        data = list(batch.inputs[:10, b])
        assert set(data) <= set(range(8))
        assert list(batch.inputs[10:, b]) == [8] * (length - 1) + [9] + [8] * 10
        assert list(batch.targets[:, b]) == [8] * (length + 10) + data
    assert set(batch.inputs[:10].flatten()) == set(range(8))
    # The last target repeats the symbol at these positions.
    assert list(batch.inputs.ravel()[batch.informative]) == list(batch.targets[-1])
    assert set(batch.informative // SAMPLES) == {9}
    scored = np.zeros(steps * SAMPLES, dtype=bool)
    scored[batch.scored] = True
    assert scored.reshape(steps, SAMPLES)[-10:].all()
    assert scored.sum() == 10 * SAMPLES


def test_copy_baseline():
    """The best guess without memory: blank for certain, then each of eight letters alike."""
    task = make_task("copy", length=100, batch_size=5000)
    targets = task.batch("test", 0, 0).targets
    frequency = np.bincount(targets[-10:].flatten(), minlength=9) / (10 * 5000)
    np.testing.assert_allclose(frequency[:8], 1 / 8, atol=0.005)
    assert (targets[:-10] == 8).all()
    assert task.baseline("test") == pytest.approx(0.1733, abs=5e-5)  # in print for T=100
    assert make_task("copy", length=1000).baseline("test") == pytest.approx(0.0204, abs=5e-5)


def test_unknown_variant():
    with pytest.raises(UserError, match=r"task.variant 'hlf': did you mean 'half'"):
        make_task("adding", variant="hlf")
