"""Recall: who knows the rule and remembers is always right, at several lengths; the authors' traps."""

import math
from collections import Counter

import numpy as np
import pytest

from catalogue import make_task
from rnnbench.errors import UserError

SAMPLES = 300


def drawn(name, **options):
    task = make_task(name, batch_size=SAMPLES, **options)
    return task, task.batch("train", 1, 2)


def scored_steps(batch):
    found = [[] for _ in range(SAMPLES)]
    for position in batch.scored:
        found[position % SAMPLES].append(int(position) // SAMPLES)
    return found


class TestMQAR:
    @pytest.mark.parametrize("fill", ["blank", "random"])
    @pytest.mark.parametrize(("length", "pairs"), [(4, 1), (16, 4), (40, 5)])
    def test_who_remembers_is_right(self, fill, length, pairs):
        _, batch = drawn("mqar", vocabulary=16, length=length, pairs=pairs, fill=fill, exponent=0.3)
        for b, steps in enumerate(scored_steps(batch)):
            shown = list(batch.inputs[:, b])
            memory = dict(zip(shown[0 : 2 * pairs : 2], shown[1 : 2 * pairs : 2], strict=True))
            assert len(memory) == len(set(memory.values())) == len(steps) == pairs
            assert all(1 <= key < 8 <= value < 16 for key, value in memory.items())
            assert all(t >= 2 * pairs and t % 2 == 0 for t in steps)
            assert [memory[shown[t]] for t in steps] == [batch.targets[t, b] for t in steps]
            assert {shown[t] for t in steps} == set(memory)
            assert batch.lengths[b] == steps[-1] + 1
            others = [shown[t] for t in range(2 * pairs, length) if t not in steps]
            assert fill == "random" or set(others) <= {0}
        assert np.array_equal(batch.scored, batch.counted)

    def test_random_tokens_may_be_keys_and_ask_nothing(self):
        """The trap of the authors' default."""
        _, batch = drawn("mqar", vocabulary=8, length=40, pairs=3, fill="random")
        filler = np.ones(batch.inputs.shape, dtype=bool)
        filler[:6] = False
        filler.ravel()[batch.scored] = False
        assert set(batch.inputs[filler]) == set(range(8))
        assert (batch.targets[filler] == 0).all()

    @pytest.mark.parametrize("exponent", [0.01, 0.5, 1.0])
    def test_the_slots_follow_the_power_law(self, exponent):
        """Of one pair: P(slot) ~ slot^(a-1); of two, as if the second was drawn from the others."""
        slots = np.arange(1, 6)
        weights = slots ** (exponent - 1)
        weights /= weights.sum()
        for pairs in (1, 2):
            task = make_task(
                "mqar", vocabulary=8, length=10 + 2 * pairs, pairs=pairs, exponent=exponent, batch_size=20_000
            )
            batch = task.batch("train", 0, 0)
            taken = np.bincount((batch.scored // 20_000 - 2 * pairs) // 2, minlength=5) / 20_000
            expected = weights.copy()
            if pairs == 2:
                expected += sum(
                    weights[i] * np.where(slots != slots[i], weights, 0) / (1 - weights[i]) for i in range(5)
                )
            np.testing.assert_allclose(taken, expected, atol=0.02)

    @pytest.mark.parametrize(
        ("change", "line"),
        [
            ({"vocabulary": 9}, "task.vocabulary=9: must be even"),
            ({"length": 7}, "task.length=7: must be even"),
            ({"length": 2}, "task.length=2: must be at least 4"),
            ({"pairs": 4}, "task.pairs=4: must be at most 3"),
            ({"exponent": 0.0}, "task.exponent=0.0: must be greater than 0"),
            ({"fill": "zeros"}, "unknown value for task.fill 'zeros'"),
        ],
    )
    def test_mistakes(self, change, line):
        with pytest.raises(UserError, match=line):
            make_task("mqar", **change)


@pytest.mark.parametrize("length", [2, 5, 30])
def test_induction(length):
    task, batch = drawn("induction", length=length, symbols=5)
    places = Counter()
    for b in range(SAMPLES):
        shown = list(batch.inputs[:, b])
        first = shown.index(5)
        places[first] += 1
        assert shown.count(5) == 2
        assert shown[-1] == 5
        assert shown[first + 1] == batch.targets[b]
    assert set(places) <= set(range(length - 1))
    assert max(places) == length - 2 or length == 30
    assert task.baseline("test") == math.log(5)


@pytest.mark.parametrize("length", [2, 8, 30])
def test_associative_recall(length):
    _, batch = drawn("associative_recall", length=length, symbols=12)
    repeated = 0
    for b in range(SAMPLES):
        *pairs, sign, key = batch.inputs[:, b]
        memory = {}
        for k, v in zip(pairs[::2], pairs[1::2], strict=True):
            assert 0 <= k < 6 <= v < 12  # keys are the first half by number, not as text: 10 is a value
            repeated += k in memory
            assert memory.setdefault(k, v) == v
        assert sign == 12
        assert memory[key] == batch.targets[b]  # a key that was seen
    assert (repeated > 0) == (length > 2)


@pytest.mark.parametrize(("length", "copied"), [(7, 3), (20, 5), (50, 1)])
def test_selective_copy(length, copied):
    _, batch = drawn("selective_copy", vocabulary=9, length=length, copied=copied)
    last_before_sign = 0
    for b, steps in enumerate(scored_steps(batch)):
        shown = list(batch.inputs[:, b])
        assert shown[length - copied - 1] == 8
        assert shown[length - copied :] == [7] * copied
        before = shown[: length - copied - 1]
        assert [s for s in before if s != 7] == list(batch.targets[-copied:, b])
        assert steps == list(range(length - copied, length))
        last_before_sign += before[-1] != 7
    assert 0 < last_before_sign < SAMPLES or length == 7  # blanks come after the last symbol too


def test_places_of_selective_copy_depend_on_the_seed_alone():
    """The authors' come from another generator, so that a seed does not fix them."""
    first, again = (drawn("selective_copy", length=30)[1].inputs for _ in range(2))
    np.random.default_rng(0).random(5)
    assert np.array_equal(first, again)


@pytest.mark.parametrize(("pairs", "motif"), [(1, 1), (6, 3), (12, 2)])
def test_fuzzy_recall(pairs, motif):
    """Read as runs of key and of value symbols, a sequence is a dictionary, and the last value is in it."""
    task, batch = drawn("fuzzy_recall", length=pairs, motif=motif, vocabulary=10)
    sizes = set()
    for b, steps in enumerate(scored_steps(batch)):
        symbols = [*batch.inputs[:, b], batch.targets[-1, b]]
        context, question = symbols[: symbols.index(9)], symbols[symbols.index(9) + 1 :]
        context = [
            s for i, s in enumerate(context) if s != 8 or any(x != 8 for x in context[:i])
        ]  # the pad is in front
        memory, key, value = {}, [], []
        for symbol in [*context, 0]:
            if symbol < 4 and value:
                assert memory.setdefault(tuple(key), tuple(value)) == tuple(value)
                sizes |= {("key", len(key)), ("value", len(value))}
                key, value = [], []
            (key if symbol < 4 else value).append(symbol)
        asked = tuple(s for s in question if s < 4)
        answer = tuple(s for s in question if s >= 4)
        assert memory[asked] == answer
        assert len(set(answer)) == len(answer)
        assert tuple(batch.targets[t, b] for t in steps) == answer
        assert steps == list(range(len(batch.inputs) - len(answer), len(batch.inputs)))
    assert sizes == {(what, size) for what in ("key", "value") for size in range(1, motif + 1)}
    assert len(batch.inputs) == 2 * motif * (pairs + 1)
    assert task.input_size == 10


@pytest.mark.parametrize("length", [1, 6, 20])
def test_mad_compression(length):
    task, batch = drawn("mad_compression", vocabulary=5, length=length)
    orders = set()
    for b, steps in enumerate(scored_steps(batch)):
        symbols, asked = batch.inputs[:length, b], batch.inputs[length:, b] - 5
        assert sorted(asked) == list(range(length))
        assert list(batch.targets[length:, b]) == [symbols[place] for place in asked]
        assert steps == list(range(length, 2 * length))  # never at the symbols themselves
        orders.add(tuple(asked))
    assert len(orders) > min(1, length - 1) * 100
    if length > 1:
        with pytest.raises(UserError, match="has other inputs or outputs at this length"):
            task.at_length(2 * length)


def test_mad_memorisation():
    """One table for all splits, seeds and lengths; each value once."""
    table = {}
    for split, seed, length in (("train", 0, 8), ("train", 5, 30), ("validation", 0, 8), ("test", 1, 2)):
        batch = make_task("mad_memorisation", vocabulary=20, length=length, batch_size=50).batch(split, seed, 3)
        assert np.array_equal(batch.scored // 50 % 2, np.ones(len(batch.scored)))
        for b in range(50):
            for t in range(0, length, 2):
                assert batch.inputs[t + 1, b] == 19
                key, value = batch.inputs[t, b], batch.targets[t + 1, b]
                assert key < 9 <= value < 18
                assert table.setdefault(key, value) == value
    assert len(set(table.values())) == len(table) == 9
    assert [value - 9 for _, value in sorted(table.items())] != list(range(9))
