"""State tracking: groups by their axioms, answers by Python, exact distributions by enumeration, the papers' traps."""

import math
from collections import Counter
from itertools import pairwise, permutations, product

import numpy as np
import pytest

from catalogue import make_task
from rnnbench.errors import UserError
from rnnbench.tasks import groups

SAMPLES = 200


def drawn(name, **options):
    task = make_task(name, batch_size=SAMPLES, **options)
    return task, task.batch("train", 1, 2)


def strings(batch):
    """Each sequence up to its length."""
    return [tuple(batch.inputs[: batch.lengths[b], b].tolist()) for b in range(SAMPLES)]


@pytest.mark.parametrize("name", groups.GENERATORS)
class TestGroup:
    def test_the_axioms(self, name):
        table = groups.table(name)
        n = len(table)
        assert n == {"S3": 6, "S5": 120}.get(name, 60)
        assert np.array_equal(table[0], np.arange(n))  # the identity is 0
        assert np.array_equal(table[:, 0], np.arange(n))
        for lines in (table, table.T):  # each element once in each row and column
            assert (np.sort(lines, axis=1) == np.arange(n)).all()
        assert np.array_equal(table[table], table[np.arange(n)[:, None, None], table])  # (a b) c = a (b c)

    def test_which_group_it_is(self, name):
        """By the orders of its elements and its chain of commutator subgroups."""
        table = groups.table(name)
        orders = Counter()
        for a in range(len(table)):
            power, order = a, 1
            while power != 0:
                power, order = table[power, a], order + 1
            orders[order] += 1
        sizes, current = [], set(range(len(table)))
        inverse = (table == 0).argmax(axis=1)
        while not sizes or len(current) != sizes[-1]:
            sizes.append(len(current))
            new = {table[table[a, b], table[inverse[a], inverse[b]]] for a in current for b in current}
            while (larger := {table[a, b] for a in new for b in new}) != new:
                new = larger
            current = new
        assert sizes == {"Z60": [60, 1], "A4xZ5": [60, 4, 1], "A5": [60], "S3": [6, 3, 1], "S5": [120, 60]}[name]
        expected = {
            "Z60": {d: sum(math.gcd(d, k) == 1 for k in range(1, d + 1)) for d in range(1, 61) if 60 % d == 0},
            "A5": {1: 1, 2: 15, 3: 20, 5: 24},
            "S3": {1: 1, 2: 3, 3: 2},
            "S5": {1: 1, 2: 25, 3: 20, 4: 30, 5: 24, 6: 20},
            "A4xZ5": {1: 1, 2: 3, 3: 8, 5: 4, 10: 12, 15: 32},
        }
        assert orders == expected[name]


@pytest.mark.parametrize(("variant", "points"), [("S3", 3), ("S5", 5), ("S5_swaps", 5)])
@pytest.mark.parametrize("length", [2, 7, 40])
def test_a_word_is_its_letters_one_after_the_other(variant, points, length):
    task, batch = drawn("group_word", variant=variant, length=length)
    elements = sorted(permutations(range(points)))
    letters = elements
    if variant == "S5_swaps":
        letters = [p for p in elements if sum(a != b for a, b in enumerate(p)) in (0, 2)]
    assert task.input_size == len(letters) == {"S3": 6, "S5": 120, "S5_swaps": 11}[variant]
    for b in range(SAMPLES):
        state = tuple(range(points))
        for t in range(length):
            state = tuple(letters[batch.inputs[t, b]][point] for point in state)
            assert elements[batch.targets[t, b]] == state
    assert np.array_equal(batch.scored, np.arange(SAMPLES, length * SAMPLES))  # the first step needs no memory


def test_the_products_of_swaps_by_all_words():
    """The baseline of S5_swaps at T = 3 from all words of two letters."""
    letters = [p for p in permutations(range(5)) if sum(a != b for a, b in enumerate(p)) in (0, 2)]
    pairs = Counter(tuple(b[a[i]] for i in range(5)) for a, b in product(letters, repeat=2))
    entropy = -sum(count / 121 * math.log(count / 121) for count in pairs.values())
    task = make_task("group_word", variant="S5_swaps", length=3)
    assert task.baseline("train") == pytest.approx((0 + math.log(11) + entropy) / 3)
    assert task.chance == pytest.approx((1 / 11 + max(pairs.values()) / 121) / 2)


@pytest.mark.parametrize("length", [2, 9, 40])
def test_even_pairs(length):
    _, batch = drawn("even_pairs", length=length)
    for b, bits in enumerate(strings(batch)):
        assert len(bits) >= 2
        assert batch.targets[b] == sum(a != c for a, c in pairwise(bits)) % 2


@pytest.mark.parametrize("length", [2, 9, 40])
def test_cycle_navigation(length):
    _, batch = drawn("cycle_navigation", length=length)
    for b, steps in enumerate(strings(batch)):
        assert batch.targets[b] == sum({0: 0, 1: 1, 2: -1}[step] for step in steps) % 5


def test_the_end_of_a_walk_by_all_walks():
    ends = [Counter(sum(walk) % 5 for walk in product((0, 1, -1), repeat=n)) for n in range(1, 5)]
    shares = [[count / 3**n for count in each.values()] for n, each in enumerate(ends, start=1)]
    task = make_task("cycle_navigation", length=5, shortest=2)
    assert task.baseline("train") == pytest.approx(-np.mean([sum(p * math.log(p) for p in each) for each in shares]))
    assert task.chance == pytest.approx(np.mean([max(each) for each in shares]))


@pytest.mark.parametrize("variant", ["plain", "brackets"])
@pytest.mark.parametrize("modulus", [2, 5])
@pytest.mark.parametrize(("shortest", "length"), [(1, 5), (3, 21), (20, 40)])
def test_an_expression_has_the_value_that_python_gives_it(variant, modulus, shortest, length):
    """Precedence included; after one length another one still has all its signs."""
    task, batch = drawn("modular_arithmetic", variant=variant, modulus=modulus, multiplication=True, length=length,
                        shortest=shortest)  # fmt: skip
    signs, seen, lengths = "+-*()=", set(), set()
    for b, tokens in enumerate(strings(batch)):
        text = "".join(str(token) if token < modulus else signs[token - modulus] for token in tokens)
        assert text[-1] == "="
        assert eval(text[:-1]) % modulus == batch.targets[b], text
        seen |= set(text)
        lengths.add(len(text) - 1)
    assert lengths <= {n for n in range(shortest, length + 1) if variant == "brackets" or n % 2}
    assert length == 5 or seen >= set("+-*=") | set(map(str, range(modulus)))
    assert ("(" in seen) == (variant == "brackets")
    assert task.output_size == modulus


@pytest.mark.parametrize("multiplication", [False, True])
def test_the_values_of_expressions_by_all_expressions(multiplication):
    signs = "+-*" if multiplication else "+-"
    task = make_task("modular_arithmetic", variant="plain", modulus=3, multiplication=multiplication, length=7)
    for numbers in (1, 2, 3, 4):
        texts = [
            "".join(map("".join, zip(digits, [*operators, ""], strict=True)))
            for digits in product("012", repeat=numbers)
            for operators in product(signs, repeat=numbers - 1)
        ]
        values = Counter(eval(text) % 3 for text in texts)
        np.testing.assert_allclose(task.values[2 * numbers - 1], [values[v] / len(texts) for v in range(3)])


@pytest.mark.parametrize("multiplication", [False, True])
def test_the_values_of_bracketed_expressions_by_their_grammar(multiplication):
    signs = "+-*" if multiplication else "+-"

    def expressions(length):
        if length <= 4:
            form = {1: "{}", 2: "-{}", 3: "({})", 4: "(-{})"}[length]
            return [(form.format(digit), 1 / 3) for digit in "012"]
        return [
            (f"({a}{sign}{b})", p * q / len(signs) / (length - 4))
            for left in range(1, length - 3)
            for a, p in expressions(left)
            for b, q in expressions(length - 3 - left)
            for sign in signs
        ]

    task = make_task("modular_arithmetic", variant="brackets", modulus=3, multiplication=multiplication, length=9)
    for length in range(1, 10):
        found = np.zeros(3)
        for text, probability in expressions(length):
            assert len(text) == length
            found[eval(text) % 3] += probability
        np.testing.assert_allclose(task.values[length], found)


def test_lengths_of_expressions_without_brackets_are_odd():
    with pytest.raises(UserError, match="task.length=4: expressions without brackets have odd lengths; give another"):
        make_task("modular_arithmetic", variant="plain", length=4, shortest=4)


@pytest.mark.parametrize("length", [1, 6, 25])
@pytest.mark.parametrize(
    ("name", "rule"),
    [("reverse", lambda s: s[::-1]), ("duplicate", lambda s: s + s), ("bucket_sort", lambda s: tuple(sorted(s)))],
)
def test_the_answer_to_a_string(name, rule, length):
    task, batch = drawn(name, length=length, vocabulary=4)
    scored = np.zeros(batch.targets.shape, dtype=bool)
    scored.ravel()[batch.scored] = True
    found = set()
    for b, shown in enumerate(strings(batch)):
        string = shown[: shown.index(4)]
        answer = rule(string)
        found.add(len(string))
        assert set(shown[len(string) :]) == {4}
        assert len(shown) == len(string) + len(answer)
        assert set(batch.inputs[len(shown) :, b]) <= {4}
        assert tuple(batch.targets[scored[:, b], b]) == answer
        assert list(np.flatnonzero(scored[:, b])) == list(range(len(string), len(shown)))
    assert found == set(range(1, length + 1))
    assert np.array_equal(batch.scored, batch.counted)
    assert task.at_length(2 * length).shortest == length


def test_ranks_by_all_strings():
    costs, right, count = 0.0, 0.0, 0
    for length in (1, 2, 3, 4):
        answers = np.array([sorted(string) for string in product(range(3), repeat=length)])
        for column in answers.T:
            shares = np.bincount(column) / len(column)
            costs -= sum(p * math.log(p) for p in shares if p)
            right += shares.max()
            count += 1
    task = make_task("bucket_sort", vocabulary=3, length=4, shortest=1)
    assert task.baseline("train") == pytest.approx(costs / count)
    assert task.chance == pytest.approx(right / count)


@pytest.mark.parametrize("loss_on", ["reads", "all"])
@pytest.mark.parametrize("length", [4, 20, 100])
def test_flip_flop(loss_on, length):
    task, batch = drawn("flip_flop", length=length, ignore=0.5, loss_on=loss_on)
    symbols = np.concatenate([batch.inputs, batch.targets[-1:]])
    reads, random = [], []
    for b in range(SAMPLES):
        instructions, bits = symbols[::2, b], symbols[1::2, b]
        assert set(bits) <= {3, 4}
        assert set(instructions) <= {0, 1, 2}
        assert (instructions[0], instructions[-1]) == (0, 1)
        written = None
        for k, (instruction, bit) in enumerate(zip(instructions, bits, strict=True)):
            if instruction == 0:
                written = bit
            if instruction == 1:
                assert bit == written
                reads.append(2 * k * SAMPLES + b)
            else:
                random.append(bit)
    assert sorted(reads) == batch.scored.tolist()
    assert (batch.counted is None) == (loss_on == "all")
    assert loss_on == "all" or np.array_equal(batch.counted, batch.scored)
    assert abs(np.mean(random) - 3.5) < 2 / math.sqrt(len(random))
    if loss_on == "all":  # per sequence: a bit costs ln 2, an instruction its entropy; reads are known
        free = length // 2 - 2
        entropy = free * (0.5 * math.log(2) + 0.5 * math.log(4))
        assert task.baseline("train") * (length - 1) == pytest.approx(length / 2 * math.log(2) + entropy)
        unread = length / 2 - 1 - free / 4
        assert task.floor("train") * (length - 1) == pytest.approx(unread * math.log(2) + entropy)


def test_a_bit_says_nothing_before_it_is_written():
    """The last read is independent of all bits before its write, which are not reads of it."""
    batch = make_task("flip_flop", length=8, ignore=1 - 1e-12, batch_size=20_000).batch("train", 0, 0)
    answer = batch.targets[-1]
    assert np.array_equal(answer, batch.inputs[1])  # nothing else is written
    for t in (3, 5):
        assert abs(np.mean(batch.inputs[t] == answer) - 0.5) < 0.02


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"length": 5}, "task.length=5: must be even"),
        ({"ignore": 1.0}, "task.ignore=1.0: must be less than 1"),
        ({"loss_on": "clean"}, "unknown value for task.loss_on 'clean'"),
    ],
)
def test_mistakes(change, line):
    with pytest.raises(UserError, match=line):
        make_task("flip_flop", **change)


@pytest.mark.parametrize("name", ["even_pairs", "cycle_navigation"])
def test_one_symbol_needs_no_memory(name):
    with pytest.raises(UserError, match="task.shortest=1: must be at least 2"):
        make_task(name, shortest=1)
