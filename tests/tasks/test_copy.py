"""Every variant of the copy task against brute force, and its baseline against Monte Carlo."""

import math

import numpy as np
import pytest

from catalogue import make_task
from rnnbench.errors import UserError

SAMPLES = 1000


def make(variant, length):
    task = make_task("copy", variant=variant, length=length, batch_size=SAMPLES)
    return task, task.batch("train", 1, 2)


def by_sequence(positions):
    """The steps of each sequence among flat positions t*B + b."""
    steps = [[] for _ in range(SAMPLES)]
    for p in positions:
        steps[p % SAMPLES].append(int(p) // SAMPLES)
    return steps


@pytest.mark.parametrize("length", [1, 30])
def test_standard(length):
    _, batch = make("standard", length)
    steps = length + 20
    assert batch.inputs.shape == batch.targets.shape == (steps, SAMPLES)
    assert batch.lengths is None
    assert batch.counted is None
    scored, informative = by_sequence(batch.scored), by_sequence(batch.informative)
    for b in range(SAMPLES):
        data = list(batch.inputs[:10, b])
        assert set(data) <= set(range(8))
        assert list(batch.inputs[10:, b]) == [8] * (length - 1) + [9] + [8] * 10
        assert list(batch.targets[:, b]) == [8] * (length + 10) + data
        assert scored[b] == list(range(steps - 10, steps))
        assert informative[b] == [9]
    assert set(batch.inputs[:10].flatten()) == set(range(8))


@pytest.mark.parametrize("length", [1, 30])
def test_tcn(length):
    task, batch = make("tcn", length)
    steps = length + 20
    assert not task.tokens
    assert (task.input_size, task.output_size) == (1, 10)
    assert batch.inputs.shape == (steps, SAMPLES, 1)
    assert batch.inputs.dtype == np.float32
    assert batch.targets.dtype == np.int64
    scored, informative = by_sequence(batch.scored), by_sequence(batch.informative)
    for b in range(SAMPLES):
        data = list(batch.inputs[:10, b, 0])
        assert set(data) <= set(range(1, 9))
        assert list(batch.inputs[10:, b, 0]) == [0] * (length - 1) + [9] * 11
        assert list(batch.targets[:, b]) == [0] * (length + 10) + data
        assert scored[b] == list(range(steps - 10, steps))
        assert informative[b] == [9]
    assert set(batch.inputs[:10].flatten()) == set(range(1, 9))


@pytest.mark.parametrize("length", [1, 2, 30])
def test_variable(length):
    _, batch = make("variable", length)
    steps = length + 21
    assert batch.inputs.shape == batch.targets.shape == (steps, SAMPLES)
    scored, counted, informative = map(by_sequence, (batch.scored, batch.counted, batch.informative))
    for b in range(SAMPLES):
        blanks, valid = list(batch.inputs[:, b]).index(9) - 10, int(batch.lengths[b])
        data = list(batch.inputs[:10, b])
        assert valid == blanks + 21
        assert set(data) <= set(range(8))
        assert list(batch.inputs[10:, b]) == [8] * blanks + [9] + [8] * (10 + steps - valid)
        assert list(batch.targets[:, b]) == [8] * (blanks + 11) + data + [8] * (steps - valid)
        assert scored[b] == list(range(valid - 10, valid))
        assert counted[b] == list(range(valid))
        assert informative[b] == [9]
    assert set(batch.lengths) == {blanks + 21 for blanks in range(1, length + 1)}


@pytest.mark.parametrize("length", [1, 30])
def test_selective(length):
    _, batch = make("selective", length)
    steps, places = length + 20, set()
    assert batch.inputs.shape == batch.targets.shape == (steps, SAMPLES)
    assert batch.lengths is None
    scored, counted, informative = map(by_sequence, (batch.scored, batch.counted, batch.informative))
    for b in range(SAMPLES):
        marked = [t for t in range(length + 10) if batch.inputs[t, b] != 8]
        data = [batch.inputs[t, b] for t in marked]
        assert len(data) == 10
        assert set(data) <= set(range(8))
        assert list(batch.inputs[length + 10 :, b]) == [9] * 10
        assert list(batch.targets[:, b]) == [8] * (length + 10) + data
        assert scored[b] == counted[b] == list(range(steps - 10, steps))
        assert informative[b] == marked[-1:]
        places.update(enumerate(marked))
    firsts, lasts = ({t for place, t in places if place == which} for which in (0, 9))
    assert min(firsts) == 0
    assert max(lasts) == length + 9
    assert {t for _, t in places} == set(range(length + 10))


@pytest.mark.parametrize(("length", "share"), [(1, 10 / 11), (30, 1 / 4)])
def test_selective_steps_are_alike(length, share):
    """Every step holds a symbol equally often."""
    inputs = make_task("copy", variant="selective", length=length, batch_size=20_000).batch("train", 0, 0).inputs
    error = math.sqrt(share * (1 - share) / 20_000)
    assert (np.abs((inputs[:-10] < 8).mean(axis=1) - share) < 4 * error).all()


@pytest.mark.parametrize("variant", ["standard", "tcn", "variable", "selective"])
def test_the_baseline_is_that_of_guessing_letters(variant):
    """Blank for certain where it is due, then each of the eight letters alike, over all counted targets."""
    task = make_task("copy", variant=variant, length=20, batch_size=5000)
    losses, sizes = [], []
    for step in range(20):
        batch = task.batch("test", 0, step)
        scored = np.zeros(batch.targets.size, dtype=bool)
        scored[batch.scored] = True
        blank = 0 if variant == "tcn" else 8
        assert (batch.targets.ravel()[~scored] == blank).all()
        frequency = np.bincount(batch.targets.ravel()[scored])
        np.testing.assert_allclose(frequency[frequency > 0] / frequency.sum(), 1 / 8, atol=0.01)
        loss = np.where(scored, math.log(8), 0)
        counted = loss if batch.counted is None else loss[batch.counted]
        losses.append(counted.mean())
        sizes.append(counted.size)
    assert abs(np.mean(losses) - task.baseline("train")) <= 3 * np.std(losses) / math.sqrt(20) + 1e-12
    assert len(set(sizes)) == (20 if variant == "variable" else 1)


def test_the_baseline_is_the_one_in_print():
    for length, printed in ((100, 0.1733), (200, 0.0945), (500, 0.0400), (1000, 0.0204)):
        for variant in ("standard", "tcn"):
            assert make_task("copy", variant=variant, length=length).baseline("test") == pytest.approx(
                printed, abs=5e-5
            )
    assert make_task("copy", variant="selective").baseline("test") == pytest.approx(math.log(8))


def test_unknown_variant():
    with pytest.raises(UserError, match=r"task.variant 'slective': did you mean 'selective'"):
        make_task("copy", variant="slective")
