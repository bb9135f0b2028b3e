"""Adding and multiplication against brute force, and their baselines against Monte Carlo."""

import math

import numpy as np
import pytest

from catalogue import make_task
from rnnbench.errors import UserError

SAMPLES = 1000


def marked_steps(batch, b):
    """The two marked steps of a sequence, in order, after checks that hold for every variant."""
    length = len(batch.inputs) if batch.lengths is None else batch.lengths[b]
    positions = [t for t in range(len(batch.inputs)) if batch.inputs[t, b, 1] == 1]
    assert len(positions) == 2
    assert positions[1] < length
    assert not batch.inputs[length:, b].any()
    assert sorted(batch.informative[b::SAMPLES] // SAMPLES) == positions
    assert set(batch.informative[b::SAMPLES] % SAMPLES) == {b}
    return positions


@pytest.mark.parametrize("length", [2, 7, 50])
@pytest.mark.parametrize("variant", ["half", "pair"])
def test_adding_fixed_length(variant, length):
    batch = make_task("adding", variant=variant, length=length, batch_size=SAMPLES).batch("train", 1, 2)
    assert batch.inputs.shape == (length, SAMPLES, 2)
    assert batch.lengths is None
    seen = []
    for b in range(SAMPLES):
        positions = marked_steps(batch, b)
        values, markers = batch.inputs[:, b, 0], batch.inputs[:, b, 1]
        assert sorted(markers) == [0] * (length - 2) + [1, 1]
        assert batch.targets[b, 0] == pytest.approx(sum(values[t] for t in positions), abs=1e-6)
        if variant == "half":
            assert positions[0] < length // 2 <= positions[1]
        seen.append(tuple(positions))
    assert {step for positions in seen for step in positions} == set(range(length))
    if length == 7:
        assert len(set(seen)) == (12 if variant == "half" else 21)  # every pair that is allowed
    assert 0 <= batch.inputs[:, :, 0].min() < 0.01
    assert 0.99 < batch.inputs[:, :, 0].max() < 1


def check_hs97(batch, length, value):
    """The sequences of Hochreiter & Schmidhuber 1997; ``value`` is their target by their marked values."""
    assert batch.inputs.shape == (length + length // 10, SAMPLES, 2)
    assert set(batch.lengths) == set(range(length, length + length // 10 + 1))
    early, late = set(), set()
    for b in range(SAMPLES):
        positions, last = marked_steps(batch, b), batch.lengths[b] - 1
        values, markers = batch.inputs[:, b, 0], batch.inputs[:, b, 1]
        assert batch.targets[b, 0] == pytest.approx(value(*(float(values[t]) for t in positions)), abs=1e-6)
        for t in range(last + 1):
            assert markers[t] == (1 if t in positions else -1 if t in (0, last) else 0)
        # One is among ten, the other among T/2 - 1 unmarked steps: among T/2 where the first mark is passed over.
        assert positions[0] < 10
        assert positions[1] < max(length // 2, 10)
        early.add(positions[0])
        late.add(positions[1])
    assert early == set(range(10)) or length == 10
    assert late == set(range(1, max(length // 2, 10)))


@pytest.mark.parametrize("length", [10, 40, 51])
def test_adding_hs97(length):
    batch = make_task("adding", variant="hs97", length=length, batch_size=SAMPLES).batch("train", 1, 2)
    check_hs97(batch, length, lambda x1, x2: 0.5 + (x1 + x2) / 4)
    assert -1 <= batch.inputs[:, :, 0].min() < -0.99
    assert 0.99 < batch.inputs[:, :, 0].max() < 1


@pytest.mark.parametrize("length", [10, 40, 51])
def test_multiplication(length):
    batch = make_task("multiplication", length=length, batch_size=SAMPLES).batch("train", 1, 2)
    check_hs97(batch, length, lambda x1, x2: x1 * x2)
    assert 0 <= batch.inputs[:, :, 0].min() < 0.01
    assert 0.99 < batch.inputs[:, :, 0].max() < 1


def test_hs97_marks_are_uniform():
    """With T = 10 the first mark is on one of 10 steps, the second on one of the first 4 others."""
    size = 40_000
    batch = make_task("adding", variant="hs97", length=10, batch_size=size).batch("train", 0, 0)
    pairs = np.zeros((10, 10))
    first, second = batch.informative[:size] // size, batch.informative[size:] // size
    np.add.at(pairs, (first, second), 1)
    expected = np.zeros((10, 10))
    for a in range(10):
        for b in [step for step in range(10) if step != a][:4]:
            expected[a, b] = size / 40
    assert (np.abs(pairs - expected) <= 4 * np.sqrt(expected)).all()


@pytest.mark.parametrize("length", [10, 19, 45, 57])
def test_adding_pascanu(length):
    batch = make_task("adding", variant="pascanu", length=length, batch_size=SAMPLES).batch("train", 1, 2)
    lengths = [length + more for more in range(int(0.1 * length))]
    assert set(batch.lengths) == set(lengths)
    assert len(batch.inputs) == max(lengths)
    seen = {steps: (set(), set()) for steps in lengths}
    for b in range(SAMPLES):
        first, second = marked_steps(batch, b)
        steps = int(batch.lengths[b])
        values, markers = batch.inputs[:, b, 0], batch.inputs[:, b, 1]
        assert sorted(markers) == [0] * (len(markers) - 2) + [1, 1]
        assert batch.targets[b, 0] == pytest.approx((values[first] + values[second]) / 2, abs=1e-6)
        seen[steps][0].add(first)
        seen[steps][1].add(second)
    for steps, (early, late) in seen.items():
        assert early == set(range(int(0.1 * steps)))
        assert late == {int(0.1 * steps) + more for more in range(int(0.4 * steps))}


@pytest.mark.parametrize(
    ("name", "options", "mean", "baseline"),
    [
        ("adding", {"variant": "half"}, 1, 1 / 6),
        ("adding", {"variant": "pair"}, 1, 1 / 6),
        ("adding", {"variant": "hs97"}, 0.5, 1 / 24),
        ("adding", {"variant": "pascanu"}, 0.5, 1 / 24),
        ("multiplication", {}, 0.25, 7 / 144),
    ],
)
def test_the_baseline_is_the_error_of_the_mean(name, options, mean, baseline):
    task = make_task(name, length=20, batch_size=100_000, **options)
    errors = (task.batch("test", 0, 0).targets.astype(float) - mean) ** 2
    assert abs(errors.mean() - baseline) < 3 * errors.std() / math.sqrt(errors.size)
    assert task.baseline("train") == baseline


@pytest.mark.parametrize(("variant", "least"), [("half", 2), ("pair", 2), ("hs97", 10), ("pascanu", 10)])
def test_adding_needs_steps_to_mark(variant, least):
    with pytest.raises(UserError, match=f"task.length={least - 1}: must be at least {least}"):
        make_task("adding", variant=variant, length=least - 1)
    make_task("adding", variant=variant, length=least).batch("train", 0, 0)


def test_multiplication_needs_ten_steps():
    with pytest.raises(UserError, match="task.length=9: must be at least 10"):
        make_task("multiplication", length=9)


def test_unknown_variant():
    with pytest.raises(UserError, match=r"task.variant 'hlf': did you mean 'half'"):
        make_task("adding", variant="hlf")
