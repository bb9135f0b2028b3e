"""The embedded Reber grammar against an automaton of its own, and the published figures."""

import math
from collections import Counter, defaultdict
from itertools import pairwise

import numpy as np
import pytest

from catalogue import make_task
from rnnbench.errors import UserError
from rnnbench.tasks import SPLITS
from rnnbench.tasks.reber import draw, draw_splits


def legal_next(text):
    """For each prefix of a legal string the symbols that may follow it, by the diagram in words."""
    sets, inner = ["B", "TP", "B", "TP"], text[3:-3]  # without B, T or P, B and E, T or P, E
    after = {"start": {"T": "loop S", "P": "loop T"}, "loop S": {"S": "loop S", "X": "fork XS"}}
    after |= {"loop T": {"T": "loop T", "V": "fork PV"}, "fork XS": {"X": "loop T", "S": "done"}}
    after |= {"fork PV": {"P": "fork XS", "V": "done"}}
    place = "start"
    for symbol in inner:
        place = after[place][symbol]
        sets.append("E" if place == "done" else "".join(after[place]))
    assert place == "done"
    return [*sets, text[1], "E"]


@pytest.fixture(scope="module")
def drawn():
    random = np.random.default_rng(0)
    return [draw(random) for _ in range(20_000)]


def test_strings_are_legal_and_both_branches_alike(drawn):
    chosen = Counter()
    for text in drawn:
        options = legal_next(text)
        assert len(options) == len(text)
        assert all(symbol in allowed for symbol, allowed in zip(text, options, strict=True)), text
        chosen.update((allowed, symbol) for symbol, allowed in zip(text, options, strict=True) if len(allowed) == 2)
    for allowed in {allowed for allowed, _ in chosen}:
        a, b = (chosen[allowed, symbol] for symbol in allowed)
        assert abs(a - b) < 4 * math.sqrt(a + b)


def test_the_published_figures(drawn):
    """Mean and least length; the loss left with and without the second symbol, exactly 7 and 8 ln 2 / 11."""
    lengths = np.array([len(text) for text in drawn])
    assert abs(lengths.mean() - 12) < 3 * lengths.std() / math.sqrt(len(drawn))
    assert lengths.min() == 9
    predictions = (lengths - 1).sum()
    forks = sum(len(allowed) == 2 for text in drawn for allowed in legal_next(text))
    best = forks * math.log(2) / predictions
    assert best == pytest.approx(0.4409, abs=2e-3)
    assert best + len(drawn) * math.log(2) / predictions == pytest.approx(0.504, abs=2e-3)


def test_the_splits_are_legal_different_and_alike():
    for seed in range(2):
        splits = draw_splits(40, seed)
        every = [text for split in SPLITS for text in splits[split]]
        assert [len(splits[split]) for split in SPLITS] == [256, 256, 256]
        assert len(set(every)) == 768
        for text in every:
            legal_next(text)
            assert 9 <= len(text) <= 40
            assert text[1] == text[-2]
        means = [np.mean([len(text) for text in splits[split]]) for split in SPLITS]
        assert max(means) - min(means) < 2  # shuffled: the first drawn, which are short, are in no split of their own
        assert 16 < np.mean(means) < 22
    assert draw_splits(40, 0) != draw_splits(40, 1)


@pytest.mark.parametrize("split", SPLITS)
def test_batches_hold_the_strings(split):
    task = make_task("reber", batch_size=100)
    strings, seen = draw_splits(40)[split], []  # the same for every seed
    for step in range(3):
        batch = task.batch(split, 3, step)
        size = 100 if split == "train" or step < 2 else 56
        assert batch.inputs.shape == batch.targets.shape == (39, size)
        scored, counted = np.zeros((2, 39 * size), dtype=bool)
        scored[batch.scored] = counted[batch.counted] = True
        for b in range(size):
            steps = int(batch.lengths[b])
            text = task.decode(batch.inputs[:steps, b]) + "E"
            assert text in strings
            assert task.decode(batch.targets[:steps, b]) == text[1:]
            assert not batch.inputs[steps + 1 :, b].any()  # after the last E, which is only predicted
            assert np.flatnonzero(counted[b::size]).tolist() == list(range(steps))
            (t,) = np.flatnonzero(scored[b::size])
            assert t == len(text) - 3
            assert "BTPSXVE"[batch.targets[t, b]] == text[1] == text[-2]
            seen.append(text)
    if split == "train":
        assert task.batches(split) is None
        assert len(set(seen)) > 150  # 300 draws of 256 strings
    else:
        assert task.batches(split) == 3
        assert seen == strings


def test_the_baseline_is_the_order_one_count_model():
    task = make_task("reber")

    splits, follows = draw_splits(40), defaultdict(Counter)
    for text in (text for part in splits.values() for text in part):
        for a, b in pairwise(text):
            follows[a][b] += 1
    for split, strings in splits.items():
        losses = [-math.log(follows[a][b] / follows[a].total()) for text in strings for a, b in pairwise(text)]
        assert task.baseline(split) == pytest.approx(sum(losses) / len(losses), rel=1e-12)


def test_errors():
    with pytest.raises(UserError, match="task.length=29: must be at least 30"):
        make_task("reber", length=29)
    with pytest.raises(UserError, match="task.test_lengths: task=reber has strings of random length"):
        make_task("reber", test_lengths=[50])
