"""Long lag: every sequence by brute force, the baseline by counting what follows what, and lengths that do not fit."""

import math
from collections import Counter, defaultdict

import numpy as np
import pytest

from catalogue import make_task
from rnnbench.errors import UserError

SAMPLES = 1000


def sequences(batch):
    """The whole sequences as lists: inputs and targets are the same symbols, one step apart."""
    for b in range(batch.inputs.shape[1]):
        inputs, targets = list(batch.inputs[:, b]), list(batch.targets[:, b])
        assert inputs[1:] == targets[:-1]
        yield [*inputs, targets[-1]]


@pytest.mark.parametrize("variant", ["2a", "2b"])
@pytest.mark.parametrize("p", [3, 12])
def test_sequences(variant, p):
    task = make_task("long_lag", variant=variant, length=p, batch_size=SAMPLES)
    batch = task.batch("train", 1, 2)
    assert task.input_size == task.output_size == p + 1
    ends, between = set(), defaultdict(set)
    for symbols in sequences(batch):
        assert len(symbols) == p + 1
        assert symbols[0] == symbols[-1]
        ends.add(symbols[0])
        for t in range(1, p):
            between[t].add(symbols[t])
    assert ends == {p - 1, p}
    assert between == {t: {t - 1} if variant == "2a" else set(range(p - 1)) for t in range(1, p)}
    assert list(batch.scored) == [(p - 1) * SAMPLES + b for b in range(SAMPLES)]
    assert list(batch.informative) == list(range(SAMPLES))


@pytest.mark.parametrize("variant", ["2a", "2b"])
@pytest.mark.parametrize("p", [3, 12])
def test_baseline(variant, p):
    """A bigram model of many sequences, the best predictor that sees the present symbol alone, against closed form."""
    task = make_task("long_lag", variant=variant, length=p, batch_size=50_000)
    batch = task.batch("test", 0, 0)
    inputs, targets = batch.inputs.ravel().tolist(), batch.targets.ravel().tolist()
    pairs, present = Counter(zip(inputs, targets, strict=True)), Counter(inputs)
    cost = {pair: -math.log(count / present[pair[0]]) for pair, count in pairs.items()}
    losses = np.array([cost[pair] for pair in zip(inputs, targets, strict=True)]).reshape(p, -1).mean(axis=0)
    fitted = (len(pairs) - len(present)) / len(inputs)  # a table fitted to the data gains about half of this
    assert abs(losses.mean() - task.baseline("test")) < 3 * losses.std() / math.sqrt(losses.size) + fitted


def test_baseline_in_numbers():
    assert make_task("long_lag", variant="2a", length=100).baseline("test") == pytest.approx(0.0069315, abs=1e-7)
    two = make_task("long_lag", variant="2b", length=3)  # by hand: of two symbols, then twice of four
    assert two.baseline("test") == pytest.approx((math.log(2) + 2 * math.log(4)) / 3)


def test_solved_lies_between_the_best_predictor_and_the_baseline():
    assert make_task("long_lag", variant="2a", length=10).solved_below == pytest.approx(0.05 * math.log(2) / 10)
    task = make_task("long_lag", variant="2b", length=10)
    best = 9 * math.log(9) / 10
    assert (task.solved_below - best) / (task.baseline("validation") - best) == pytest.approx(0.05)


def test_no_other_length_fits():
    with pytest.raises(UserError, match="task.test_lengths=20: task=long_lag has other inputs or outputs"):
        make_task("long_lag", length=10).at_length(20)


@pytest.mark.parametrize(("q", "p"), [(1, 1), (5, 3), (20, None)])
def test_sequences_with_many_distractors(q, p):
    """Of 2c, by the paper's own steps: b, the class, at least q distractors, e; the class again is the target."""
    task = make_task("long_lag", variant="2c", length=q, distractors=p, batch_size=SAMPLES)
    batch, p = task.batch("train", 1, 2), p or q
    e, b, x, y = range(p, p + 4)
    assert (task.input_size, task.output_size) == (p + 4, 2)
    assert (task.causal, task.every_step, batch.scored, batch.counted) == (False, False, None, None)
    assert list(batch.informative) == [SAMPLES + i for i in range(SAMPLES)]
    between = set()
    for i in range(SAMPLES):
        first, second, *middle, last = batch.inputs[: batch.lengths[i], i].tolist()
        assert (first, last) == (b, e)
        assert second == (x, y)[batch.targets[i]]
        assert len(middle) >= q
        assert not batch.inputs[batch.lengths[i] :, i].any()
        between |= set(middle)
    assert between == set(range(p))
    assert abs(batch.targets.mean() - 0.5) < 3 * 0.5 / math.sqrt(SAMPLES)
    assert batch.lengths.max() == len(batch.inputs)


def test_the_distractors_end_with_probability_one_in_ten():
    size = 50_000
    batch = make_task("long_lag", variant="2c", length=5, batch_size=size).batch("train", 0, 0)
    further = batch.lengths - 3 - 5  # k; with the target the sequence has q + k + 4 symbols
    for k in range(10):
        share, expected = (further == k).mean(), 0.1 * 0.9**k
        assert abs(share - expected) < 4 * math.sqrt(expected / size)
    assert abs(further.mean() - 9) < 4 * further.std() / math.sqrt(size)


def test_another_lag_with_the_same_distractors():
    task = make_task("long_lag", variant="2c", length=10, distractors=6)
    assert task.at_length(30).batch("test", 0, 0).lengths.min() >= 33
    with pytest.raises(UserError, match="task.test_lengths=20: task=long_lag has other inputs or outputs"):
        make_task("long_lag", variant="2c", length=10).at_length(20)


def test_errors():
    with pytest.raises(UserError, match="task.distractors=5: is of task.variant=2c alone; leave it null"):
        make_task("long_lag", distractors=5)
    with pytest.raises(UserError, match="task.distractors=0: must be at least 1"):
        make_task("long_lag", variant="2c", distractors=0)
    with pytest.raises(UserError, match="task.length=2: must be at least 3"):
        make_task("long_lag", length=2)
    with pytest.raises(UserError, match="task.variant '2d': choose from 2a, 2b, 2c"):
        make_task("long_lag", variant="2d")
