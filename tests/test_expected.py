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
    whole = {
        cell: {length: at(length, runs("counting", cell), "sequence_accuracy") for length in (40, 48, 64, 128)}
        for cell in ("lstm", "mingru", "slstm", "lru", "gru", "elman")
    }
    for cell in whole.keys() - {"elman"}:
        assert min(map(float, whole[cell][40])) > 0.98
    assert set(whole["lstm"][48]) == {"1.00"}
    lstm, relu = whole["lstm"], whole["elman"]
    (counts,) = [run for run, value in enumerate(relu[64]) if value != ".00"]
    assert relu[48].count(".00") == 4
    return [
        f"{span(lstm[64])} of those of up to 64, {span(lstm[128])} of those of up to 128",
        f"The minGRU does so in {whole['mingru'][48].count('1.00')} of 5 runs, the sLSTM in "
        f"{whole['slstm'][48].count('1.00')}; "
        f"the LRU has {span(whole['lru'][48])} right up to 48 symbols, the GRU {span(whole['gru'][48])}.",
        f"which has {relu[64][counts]} right up to 64 and {relu[128][counts]} up to 128",
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
