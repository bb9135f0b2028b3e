"""What the short experiments say to expect is what their published rows say."""

import re
from pathlib import Path

import pytest

from rnnbench.outcomes import result
from rnnbench.outcomes.lengths import curve

ROOT = Path(__file__).parents[1]
CLASSIC = {"lstm", "gru", "slstm"}


def runs(name, *cells, **options):
    """The rows of some cells with some options, in the order of their seeds."""
    found = [run for run in result.read(ROOT / "results" / name).runs if not cells or run["cell"] in cells]
    found = [run for run in found if all(run[f"cell.{key}"] == value for key, value in options.items())]
    assert found
    return sorted(found, key=lambda run: run["seed"])


def at(length, found, measure="accuracy"):
    """A measure of each run at a length, to two digits as in words."""
    return [words(getattr(next(point for point in curve(run) if point.length == length), measure)) for run in found]


def words(value):
    return f"{value:.2f}".removeprefix("0")


def span(values):
    return f"{min(values, key=float)} to {max(values, key=float)}"


def last(found):
    """The step at which the last of the runs solved the task, which all did."""
    return max(run["solved_at_step"] for run in found)


def recall():
    solved, other = runs("recall", "mlstm")
    vectors = runs("recall", "lstm", "gru", "lru")
    assert all(0.2 < float(value) < 0.3 for value in at(32, vectors))
    deltas = runs("recall", "deltanet", "gated_deltanet")
    assert all(float(value) > 0.95 for value in at(128, deltas))
    assert not any(run["solved_at_step"] for run in (other, *vectors))
    return [
        f"solve it within {last(deltas)} steps",
        f"after {solved['solved_at_step']} steps; the other was right in {at(32, [other])[0]} of its answers",
    ]


def state_tracking():
    name = "state_tracking"
    classic, product = runs(name, *CLASSIC), runs(name, "deltaproduct", eigenvalues="signed")
    assert last(product) <= last(classic)
    ones = {"signed": [], "positive": runs(name, "deltaproduct", eigenvalues="positive")}
    for key, found in ones.items():
        found += runs(name, "deltanet", eigenvalues=key) + runs(name, "s6", decay=key)
        assert not any(run["solved_at_step"] for run in found)
    whole = [at(64, found, "sequence_accuracy") for found in (classic, product)]
    assert min(map(float, whole[0])) > max(map(float, whole[1]))
    return [
        f"within {last(classic)} steps",
        f"({span(at(16, ones['signed']))} of the products at 16 letters", f"({span(at(16, ones['positive']))})",
    ]  # fmt: skip


def counting():
    longest, relu = runs("counting", "lstm", "mingru"), runs("counting", "elman")
    others = runs("counting", "gru", "slstm", "lru")
    assert set(at(48, longest, "sequence_accuracy")) == {"1.00"}
    assert max(map(float, at(48, others, "sequence_accuracy"))) < 0.5
    assert min(map(float, at(40, [*longest, *others], "sequence_accuracy"))) > 0.85
    here = at(40, relu, "sequence_accuracy")
    return [
        f"{span(at(64, longest, 'sequence_accuracy'))} of those up to 64, "
        f"{span(at(128, longest, 'sequence_accuracy'))} of those up to 128",
        f"right in {here[0]} and {here[1]} of the strings of its own lengths",
    ]


def length_generalization():
    name = "length_generalization"
    flipping = [*runs(name, *CLASSIC, "mingru_signed"), *runs(name, "deltanet", eigenvalues="signed")]
    assert {value for length in (40, 64, 128, 256) for value in at(length, flipping)} == {"1.00"}
    positive = [*runs(name, "mingru"), *runs(name, "deltanet", eigenvalues="positive")]
    return [f"within {last(flipping)} steps", f"{span(at(40, positive))} at 40 bits, {span(at(256, positive))} at 256"]


def demo_modern():
    rows = {(run["task"], run["cell"]): run for run in runs("demo_modern")}
    scores = {cell: run["score"] for (task, cell), run in rows.items() if task == "adding"}
    above = {"gated_deltanet", "mlstm", "rglru", "rwkv7", "slstm"}
    assert {cell for cell, score in scores.items() if score > 0.94} == above
    assert max(scores["s6"], scores["lstm"]) < 0.1 < scores["mamba2"] < 0.94
    halves = {key: run["half_life_initial"] for key, run in rows.items()}
    for (_, cell), steps in halves.items():
        low, high = {"lstm": (4, 4.5), "gated_deltanet": (10, 13)}.get(cell, (30, 80))
        assert steps is None if cell == "slstm" else low <= steps <= high
    recalled = sorted((run["test_metric"], cell) for (task, cell), run in rows.items() if task == "mqar")
    assert [cell for value, cell in recalled if value > 0.3] == ["rwkv7", "mlstm"]
    return ["five of the eight are above .94 after 600 steps"]


@pytest.mark.parametrize("expected", [recall, state_tracking, counting, length_generalization, demo_modern])
def test_what_is_expected_is_what_was_seen(expected):
    text = (ROOT / "conf" / "experiment" / f"{expected.__name__}.yaml").read_text()
    header = " ".join(re.sub("^# ?", "", line) for line in text.splitlines() if line.startswith("#"))
    for phrase in expected():
        assert phrase in header, phrase
