"""Temporal order: every sequence relabelled by brute force, the papers' ranges, and the baseline."""

import math

import numpy as np
import pytest

from catalogue import make_task
from rnnbench.errors import UserError

SAMPLES = 1000
STEPS_AT_100 = {  # the papers' numbers: every step at which a mark may stand
    "hs97_6a": [range(10, 21), range(50, 61)],
    "hs97_6b": [range(10, 21), range(33, 44), range(66, 77)],
    "pascanu_2bit": [range(10, 20), range(50, 60)],
    "pascanu_3bit": [range(10, 20), range(30, 40), range(60, 70)],
}
CLASSES = {
    2: {"XX": 0, "XY": 1, "YX": 2, "YY": 3},
    3: {"XXX": 0, "XXY": 1, "XYX": 2, "XYY": 3, "YXX": 4, "YXY": 5, "YYX": 6, "YYY": 7},
}


def sequences(variant, **changes):
    """The symbols as letters, the class and the marked steps of every sequence, without padding."""
    task = make_task("temporal_order", variant=variant, batch_size=SAMPLES, **({"length": 100} | changes))
    batch = task.batch("train", 1, 2)
    for b in range(SAMPLES):
        length = len(batch.inputs) if batch.lengths is None else batch.lengths[b]
        symbols = "".join("XYabcdEB"[symbol] for symbol in batch.inputs[:length, b])
        yield symbols, batch.targets[b], [t for t in range(length) if symbols[t] in "XY"]


@pytest.mark.parametrize("variant", STEPS_AT_100)
def test_labels_and_positions(variant):
    ranges = STEPS_AT_100[variant]
    seen = [set() for _ in ranges]
    distractors, classes = set(), set()
    for symbols, target, positions in sequences(variant):
        assert len(positions) == len(ranges)
        assert target == CLASSES[len(ranges)]["".join(symbols[t] for t in positions)]
        for steps, position in zip(seen, positions, strict=True):
            steps.add(position)
        inner = symbols[1:-1] if variant.startswith("hs97") else symbols
        distractors |= set(inner) - set("XY")
        classes.add(target)
    assert seen == [set(steps) for steps in ranges]
    assert distractors == set("abcd")
    assert classes == set(CLASSES[len(ranges)].values())


@pytest.mark.parametrize("variant", ["hs97_6a", "hs97_6b"])
def test_hs97_begins_with_e_ends_with_b_and_varies_in_length(variant):
    lengths = set()
    for symbols, _, _ in sequences(variant):
        assert symbols[0] == "E"
        assert symbols[-1] == "B"
        assert set(symbols[1:-1]) <= set("XYabcd")
        lengths.add(len(symbols))
    assert lengths == set(range(100, 111))


@pytest.mark.parametrize("variant", ["pascanu_2bit", "pascanu_3bit"])
def test_pascanu_has_one_length(variant):
    assert {len(symbols) for symbols, _, _ in sequences(variant)} == {100}
    assert make_task("temporal_order", variant=variant).input_size == 6


@pytest.mark.parametrize("variant", STEPS_AT_100)
@pytest.mark.parametrize("length", [10, 11, 13, 19, 27, 203])
def test_positions_scale_and_never_meet(variant, length):
    for symbols, target, positions in sequences(variant, length=length):
        assert len(positions) == len(STEPS_AT_100[variant])
        assert target == CLASSES[len(positions)]["".join(symbols[t] for t in positions)]
        for steps, position in zip(STEPS_AT_100[variant], positions, strict=True):
            assert steps[0] * length // 100 <= position <= (steps[-1] + 1) * length // 100
        if variant.startswith("hs97"):
            assert (symbols[0], symbols[-1]) == ("E", "B")
            assert length <= len(symbols) <= 1.1 * length


@pytest.mark.parametrize("variant", ["pascanu_2bit", "pascanu_3bit"])
@pytest.mark.parametrize("length", [10, 19, 27, 58])
def test_pascanu_rounds_the_start_and_the_width_of_a_range(variant, length):
    """As the authors' code: int(.1 L) steps from int(.1 L), int(.5 L) and so on."""
    seen = [set() for _ in STEPS_AT_100[variant]]
    for _, _, positions in sequences(variant, length=length):
        for steps, position in zip(seen, positions, strict=True):
            steps.add(position)
    starts = [int(steps[0] / 100 * length) for steps in STEPS_AT_100[variant]]
    assert seen == [set(range(start, start + int(0.1 * length))) for start in starts]


@pytest.mark.parametrize("variant", STEPS_AT_100)
def test_the_informative_inputs_are_the_marks(variant):
    batch = make_task("temporal_order", variant=variant, batch_size=SAMPLES).batch("train", 1, 2)
    marks = [t * SAMPLES + b for t, b in np.argwhere(batch.inputs < 2)]
    assert sorted(batch.informative) == marks


@pytest.mark.parametrize("variant", STEPS_AT_100)
def test_baseline(variant):
    task = make_task("temporal_order", variant=variant, batch_size=50_000)
    share = 1 / task.output_size
    frequency = np.bincount(task.batch("test", 0, 0).targets, minlength=task.output_size) / 50_000
    assert np.all(np.abs(frequency - share) < 3 * math.sqrt(share * (1 - share) / 50_000))
    assert task.baseline("test") == -math.log(share)


def test_errors():
    with pytest.raises(UserError, match="task.length=9: must be at least 10"):
        make_task("temporal_order", length=9)
    with pytest.raises(UserError, match="task.variant 'hs97_6c': did you mean 'hs97_6"):
        make_task("temporal_order", variant="hs97_6c")
