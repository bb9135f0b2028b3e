"""Counting: strings by their grammar, the baseline, the floor and the chance by enumeration of all strings."""

import math
from collections import defaultdict
from itertools import pairwise

import numpy as np
import pytest

from catalogue import make_task
from rnnbench.errors import UserError

SAMPLES = 2000


def drawn(**options):
    task = make_task("counting", batch_size=SAMPLES, **options)
    return task, task.batch("train", 1, 2)


def powers(letters, length, shortest, p):
    """Each string with its probability."""
    counts = [n for n in range(1, length + 1) if shortest <= letters * n <= length]
    weights = [(1 - (p or 0)) ** n for n in counts]
    return {
        (0, *(letter for letter in range(1, letters + 1) for _ in range(n)), 0): weight / sum(weights)
        for n, weight in zip(counts, weights, strict=True)
    }


def brackets(kinds, length, shortest, p):
    """Each string with its probability: all of them, by recursion."""
    found = {}

    def go(string, stack, probability):
        t, depth = len(string) - 1, len(stack)
        opens = 1 if depth == 0 and t < shortest else p if t + 1 + depth + 1 <= length else 0
        for kind in range(kinds if opens else 0):
            go((*string, 1 + kind), (*stack, kind), probability * opens / kinds)
        if opens < 1:
            closed = (1 + kinds + stack[-1],) if stack else (0,)
            if stack:
                go((*string, *closed), stack[:-1], probability * (1 - opens))
            else:
                found[*string, 0] = probability * (1 - opens)

    go((0,), (), 1.0)
    return found


LANGUAGES = [
    ({"variant": "anbn", "length": 12, "shortest": 2, "probability": 0.3}, powers(2, 12, 2, 0.3)),
    ({"variant": "anbn", "length": 20, "shortest": 9, "probability": None}, powers(2, 20, 9, None)),
    ({"variant": "anbncn", "length": 20, "shortest": 3, "probability": 0.3}, powers(3, 20, 3, 0.3)),
    ({"variant": "dyck1", "length": 10, "shortest": 1, "probability": 0.3}, brackets(1, 10, 1, 0.3)),
    ({"variant": "dyck1", "length": 12, "shortest": 6, "probability": 0.45}, brackets(1, 12, 6, 0.45)),
    ({"variant": "dyckk", "length": 8, "shortest": 2, "probability": 0.4, "kinds": 3}, brackets(3, 8, 2, 0.4)),
]


@pytest.mark.parametrize(("options", "language"), LANGUAGES, ids=lambda value: value.get("variant", ""))
class TestLanguage:
    def test_the_strings(self, options, language):
        """None that is not in the language, each as often as its probability."""
        assert sum(language.values()) == pytest.approx(1)
        _, batch = drawn(**options)
        found = defaultdict(int)
        for b in range(SAMPLES):
            length = batch.lengths[b]
            string = (*batch.inputs[:length, b].tolist(), int(batch.targets[length - 1, b]))
            assert string in language
            assert np.array_equal(batch.inputs[1:length, b], batch.targets[: length - 1, b])
            found[string] += 1
        for string, probability in language.items():
            assert abs(found[string] / SAMPLES - probability) < 5 * math.sqrt(probability / SAMPLES) + 1e-3

    def test_the_floor_and_the_baseline(self, options, language):
        """All randomness is in which string it is; without memory, by (time, symbol) over all strings."""
        task = make_task("counting", **options)
        predictions = sum(p * (len(string) - 1) for string, p in language.items())
        entropy = -sum(p * math.log(p) for p in language.values())
        assert task.floor("train") == pytest.approx(entropy / predictions)
        seen = defaultdict(lambda: defaultdict(float))
        for string, p in language.items():
            for t, (now, following) in enumerate(pairwise(string)):
                seen[t, now][following] += p
        costs = sum(-p * math.log(p / sum(after.values())) for after in seen.values() for p in after.values())
        assert task.baseline("train") == pytest.approx(costs / predictions)

    def test_scored_is_what_counting_knows(self, options, language):
        """From all that came before, the best guess is right at each scored step; from the symbol alone it is not."""
        task, batch = drawn(**options)
        following = defaultdict(lambda: defaultdict(float))
        for string, p in language.items():
            for t in range(1, len(string)):
                following[string[:t]][string[t]] += p
        without = defaultdict(lambda: defaultdict(float))
        for string, p in language.items():
            for t, (now, after) in enumerate(pairwise(string)):
                without[t, now][after] += p
        right = 0
        scored = np.zeros(batch.targets.shape, dtype=bool)
        scored.ravel()[batch.scored] = True
        for b in range(SAMPLES):
            for t in np.flatnonzero(scored[:, b]):
                best = following[tuple(batch.inputs[: t + 1, b].tolist())]
                assert max(best, key=best.get) == batch.targets[t, b]
                guess = without[t, batch.inputs[t, b]]
                right += max(guess, key=guess.get) == batch.targets[t, b]
        assert right < scored.sum()
        assert abs(right / scored.sum() - task.chance) < 0.02


def test_longer_strings_are_longer_than_all_that_were_trained_on():
    task = make_task("counting", variant="anbn", length=12)
    lengths = set(task.at_length(40).batch("test", 0, 0).lengths - 1)
    assert lengths <= set(range(14, 41, 2))
    assert len(lengths) > 8  # n is uniform on them
    assert set(task.at_length(6).batch("test", 0, 0).lengths - 1) <= {2, 4, 6}
    brackets = make_task("counting", variant="dyck1", length=12).at_length(40).batch("test", 0, 0)
    assert set(brackets.lengths - 1) <= set(range(14, 41))


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (
            {"variant": "anbncn", "shortest": 11, "length": 11},
            "task.length=11: no string of task.variant=anbncn",
        ),
        ({"variant": "dyck1", "length": 5}, "task.length=5: brackets come in pairs"),
        ({"variant": "dyck1", "probability": None}, "task.probability=null: brackets need one"),
        ({"variant": "dyck1", "probability": 0.5}, "task.probability=0.5: must be less than 0.5"),
        ({"probability": 1.0}, "task.probability=1.0: must be less than 1"),
        ({"kinds": 1}, "task.kinds=1: must be at least 2"),
        ({"shortest": 13}, "task.shortest=13: must be at most 12"),
    ],
)
def test_mistakes(change, line):
    with pytest.raises(UserError, match=line):
        make_task("counting", **change)
