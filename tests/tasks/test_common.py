"""What every task promises: batches are functions of (seed, split, step), splits never overlap, facts fit batches."""

import json
import subprocess
import sys

import numpy as np
import pytest

from catalogue import HELD_OUT, TASK_ROWS, make_task
from rnnbench.errors import UserError
from rnnbench.tasks import SPLITS, TASKS
from rnnbench.tasks.base import stream


def same(a, b):
    return all(np.array_equal(x, y) for x, y in zip(a, b, strict=True) if isinstance(x, np.ndarray))


@pytest.mark.parametrize("name", TASK_ROWS)
def test_a_batch_is_a_function_of_seed_split_and_step(name):
    first, again = make_task(name), make_task(name)
    for step in (3, 0, 7):  # in any order
        assert same(first.batch("train", 5, step), again.batch("train", 5, step))
    batches = [first.batch(split, 0, step) for split in SPLITS for step in range(2)]
    if name != "char_lm":  # the order of a running text does not depend on the seed
        batches += [first.batch("train", seed, 0) for seed in (1, 2)]
    for i, a in enumerate(batches):
        assert not any(same(a, b) for b in batches[:i])


@pytest.mark.whole
def test_batches_are_the_same_in_another_process():
    code = (
        "import json, sys\nfrom rnnbench.tasks import TASKS\nfor name, options in json.load(sys.stdin).items():\n"
        "    batch = TASKS[name](name=name, **options).batch('test', 3, 4)\n"
        "    sys.stdout.buffer.write(batch.inputs.tobytes() + batch.targets.tobytes())\n"
    )
    rows = {name: HELD_OUT | row.options for name, row in TASK_ROWS.items()}
    there = subprocess.run([sys.executable, "-c", code], input=json.dumps(rows).encode(), capture_output=True)
    batches = [make_task(name).batch("test", 3, 4) for name in rows]
    assert there.stderr == b""
    assert there.stdout == b"".join(batch.inputs.tobytes() + batch.targets.tobytes() for batch in batches)


@pytest.mark.parametrize("name", TASK_ROWS)
def test_facts_fit_the_batch(name):
    task = make_task(name)
    batch = task.batch("train", 0, 0)
    steps, size = batch.inputs.shape[:2]
    assert size == task.batch_size
    if task.tokens:
        assert batch.inputs.dtype == np.int64
        assert batch.inputs.max() < task.input_size
    else:
        assert batch.inputs.dtype == np.float32
        assert batch.inputs.shape[2] == task.input_size
    if task.loss == "cross_entropy":
        assert batch.targets.dtype == np.int64
        assert batch.targets.max() < task.output_size
    else:
        assert batch.targets.shape[-2:] == (size, task.output_size)
    assert batch.targets.shape[: 1 + task.every_step] == ((steps, size) if task.every_step else (size,))
    assert task.title
    assert task.source
    assert 0 <= task.floor("test") < task.baseline("test")
    assert task.chance is None or 0 < task.chance < 1
    assert task.solved_below is None or 0 < task.solved_below < task.baseline("validation")


@pytest.mark.parametrize("name", [name for name in TASK_ROWS if make_task(name).drawn and TASKS[name].longer])
def test_a_network_can_be_tested_at_a_longer_length(name):
    task = make_task(name)
    longer = task.at_length(2 * task.length)
    short, long = task.batch("test", 0, 0), longer.batch("test", 0, 0)
    assert len(long.inputs) > len(short.inputs)
    assert (longer.input_size, longer.output_size) == (task.input_size, task.output_size)
    assert longer.baseline("test") > 0


@pytest.mark.parametrize("name", TASK_ROWS)
@pytest.mark.parametrize("key", ["length", "batch_size"])
def test_sizes_below_one_are_errors(name, key):
    with pytest.raises(UserError, match=f"task.{key}=0: must be at least 1"):
        make_task(name, **{key: 0})


def test_streams_have_disjoint_keys():
    """Philox streams differ exactly where their keys do, so all keys must differ."""
    keys = {
        tuple(stream(split, seed, step).bit_generator.state["state"]["key"])
        for split in SPLITS
        for seed in (0, 1, 2**40)
        for step in (0, 1, 10**9)
    }
    assert len(keys) == 27


@pytest.mark.parametrize("seed", [0, 5, 2**63])
def test_a_stream_is_that_of_its_philox_key(seed):
    """By NumPy's own way to state a key: the results of older runs stay what they are."""
    key = np.array([seed, 2 * 2**60 + 9], dtype=np.uint64)
    expected = np.random.Generator(np.random.Philox(key=key)).random(5)
    assert np.array_equal(stream("test", seed, 9).random(5), expected)
