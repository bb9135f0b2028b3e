"""The stated baseline and chance are what a predictor without memory reaches: by counting a large sample.

Counted is how often each target comes with each present input at each time; where a task says that this predictor knows
how long a string is, for each length too. Nothing of the tasks' own formulas is used.
"""

import hashlib
import pickle
from pathlib import Path

import numpy as np
import pytest
import yaml

from catalogue import make_task
from rnnbench.tasks import TASKS
from rnnbench.tasks.base import SPLITS
from rnnbench.tasks.strings import Strings

CONF = Path(__file__).parents[2] / "conf/task"
CASES = [
    ("mqar", {"fill": "blank"}),
    ("mqar", {"fill": "random", "pairs": 2, "length": 12, "exponent": 0.01}),
    ("induction", {}),
    ("associative_recall", {}),
    ("selective_copy", {}),
    ("fuzzy_recall", {"vocabulary": 8, "motif": 3}),
    ("mad_compression", {}),
    ("mad_memorisation", {}),
    *[("group_word", {"variant": variant, "length": 3}) for variant in TASKS["group_word"].variants],
    ("even_pairs", {}),
    *[("modular_arithmetic", {"variant": v, "modulus": 5, "multiplication": m, "length": 9})
      for v in ("plain", "brackets") for m in (False, True)],
    ("cycle_navigation", {}),
    ("bucket_sort", {"shortest": 2}),
    ("reverse", {}),
    ("duplicate", {"vocabulary": 3}),
    ("flip_flop", {"loss_on": "reads"}),
    ("flip_flop", {"loss_on": "all", "ignore": 0.7}),
    ("flip_flop", {"loss_on": "all", "ignore": 0.0}),
    *[("counting", {"variant": variant}) for variant in TASKS["counting"].variants],
    ("counting", {"variant": "anbn", "probability": None, "shortest": 5}),
    ("counting", {"variant": "dyck1", "probability": 0.45, "shortest": 6}),
]  # fmt: skip


def at_scored(task, batch):
    """What a memoryless predictor sees, the target, and whether it is scored, of each counted position."""
    steps, size = batch.inputs.shape
    lengths = np.full(size, steps) if batch.lengths is None else batch.lengths
    known = lengths if isinstance(task, Strings) else np.zeros(size, dtype=np.int64)
    if not task.every_step:
        times, sequences = lengths - 1, np.arange(size)
        targets, scored = batch.targets, np.ones(size, dtype=bool)
    else:
        everywhere = np.arange(steps * size)
        positions = everywhere if batch.counted is None else batch.counted
        times, sequences = np.divmod(positions, size)
        targets = batch.targets.ravel()[positions]
        scored = np.isin(positions, everywhere if batch.scored is None else batch.scored)
    seen = (known[sequences] * (steps + 1) + times) * task.input_size + batch.inputs[times, sequences]
    return np.unique(seen, return_inverse=True)[1], targets, scored


@pytest.mark.parametrize(("name", "options"), CASES, ids=lambda value: str(value))
def test_the_baseline_and_the_chance(name, options):
    task = make_task(name, **options, batch_size=100_000)
    seen, targets, scored = at_scored(task, task.batch("train", 0, 0))
    counts = np.zeros((seen.max() + 1, task.output_size))
    np.add.at(counts, (seen, targets), 1)
    costs = np.log(counts.sum(axis=1)[seen] / counts[seen, targets])
    correction = (np.count_nonzero(counts) - len(counts)) / 2 / len(seen)  # Miller and Madow's, of an entropy
    error = 5 * costs.std() / np.sqrt(100_000)
    assert abs(costs.mean() + correction - task.baseline("train")) < error + 1e-3
    reached = (counts.argmax(axis=1)[seen] == targets)[scored].mean()
    assert 0 <= reached - task.chance + 0.01 < 0.025  # the best of few counts is a little above


@pytest.mark.parametrize(("name", "options"), CASES, ids=lambda value: str(value))
def test_the_baseline_of_a_set_is_that_of_training_within_its_error(name, options):
    task = make_task(name, **options, validation_sequences=2000)
    assert task.baseline("validation") == pytest.approx(task.baseline("train"), rel=0.05)
    assert task.floor("validation") == pytest.approx(task.floor("train"), rel=0.05)


def default(name, variant):
    options = yaml.safe_load((CONF / f"{name}.yaml").read_text())
    return TASKS[name](**options | ({} if variant is None else {"variant": variant}))


VARIANTS = [(name, variant) for name in dict(CASES) for variant in TASKS[name].variants or (None,)]
VARIANTS += [("narma", "narma10"), ("narma", "narma30"), ("mackey_glass", None), ("lorenz", None)]


@pytest.mark.parametrize(("name", "variant"), VARIANTS)
def test_no_sequence_of_a_default_size_is_in_two_splits(name, variant):
    """But where a task says that they are so few: its shortest ones are in all."""
    task = default(name, variant)
    found = []
    for split in SPLITS:
        inputs = [task.batch(split, 0, step).inputs for step in range(20)]
        found.append({hashlib.sha256(x[:, b].tobytes()).digest() for x in inputs for b in range(x.shape[1])})
    shared = found[0] & found[1] | found[0] & found[2] | found[1] & found[2]
    assert bool(shared) == task.repeats
    assert len(found[0]) > (10 if task.repeats else 600)  # of 640


PINNED = {
    ("associative_recall", None): "98d4a877ef6121bb",
    ("bucket_sort", None): "3250a3a19dd6f889",
    ("counting", "anbn"): "256164ff863530d5",
    ("counting", "anbncn"): "a52cbbc01e2160a7",
    ("counting", "dyck1"): "1129b8eb065b87a8",
    ("counting", "dyckk"): "0a4297a45f8ed3a7",
    ("cycle_navigation", None): "29595bcb4605d45e",
    ("duplicate", None): "35aa3543dc5331c7",
    ("even_pairs", None): "9ea7c4a8c4aa357a",
    ("flip_flop", None): "6667fa5cc368532c",
    ("fuzzy_recall", None): "97a502b1d67dd974",
    ("group_word", "Z60"): "2e5033bef4ab2955",
    ("group_word", "A4xZ5"): "ddfd6a0eca2a09e0",
    ("group_word", "A5"): "7e657949bf70fe0a",
    ("group_word", "S3"): "ec4d5545b7c5e8ad",
    ("group_word", "S5"): "d7694100b21e76d0",
    ("group_word", "S5_swaps"): "8393f32602be60a0",
    ("induction", None): "2a107bd8ec95b10d",
    ("lorenz", None): "3802fd03a09ecec9",
    ("mackey_glass", None): "fdcdda692e39052f",
    ("mad_compression", None): "cfb94f998f6320d7",
    ("mad_memorisation", None): "ca71c9c8839dda95",
    ("modular_arithmetic", "plain"): "03df94ea5f3070cb",
    ("modular_arithmetic", "brackets"): "83369baef83b7475",
    ("mqar", None): "04d070770ead2d46",
    ("narma", "narma10"): "52014dc47c9e80e9",
    ("narma", "narma30"): "0d790c3969c63a50",
    ("reverse", None): "18cc57938cf64510",
    ("selective_copy", None): "e5d2fd47c000eec0",
}
"""The first letters of the sha256 of a batch, of one machine: the same on every other, and after every change."""


@pytest.mark.parametrize(("name", "variant"), PINNED)
def test_a_batch_is_the_same_on_every_machine(name, variant):
    batch = make_task(name, **({} if variant is None else {"variant": variant})).batch("test", 3, 4)
    assert hashlib.sha256(batch.inputs.tobytes() + batch.targets.tobytes()).hexdigest()[:16] == PINNED[name, variant]


@pytest.mark.parametrize("name", ["group_word", "fuzzy_recall", "counting", "narma", "modular_arithmetic"])
def test_batches_that_are_drawn_together_are_those_of_any_order_and_process(name):
    """Blocks are kept, but no batch depends on what is kept."""
    task = make_task(name, batch_size=700)  # two batches a block
    first = [task.batch(split, 1, step).inputs for split in SPLITS for step in (0, 1, 2, 3)]
    again = pickle.loads(pickle.dumps(task))
    backwards = [again.batch(split, 1, step).inputs for split in reversed(SPLITS) for step in (3, 2, 1, 0)][::-1]
    assert all(np.array_equal(a, b) for a, b in zip(first, backwards, strict=True))
    assert len(pickle.dumps(task)) < 10_000
