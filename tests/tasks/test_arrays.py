"""Arrays of one's own: what is read, how it is divided, the order of batches, the baseline by counting, mistakes."""

import hashlib
import inspect
import io
import math
import pickle
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from rnnbench.errors import UserError
from rnnbench.runner import run
from rnnbench.tasks import SPLITS, Arrays
from rnnbench.tasks.base import HELD_OUT_SEED

CONF = Path(__file__).parents[2] / "conf" / "task" / "arrays.yaml"
COUNT, STEPS = 200, 7


@pytest.fixture
def random():
    return np.random.default_rng(3)


@pytest.fixture
def real(random):
    """X whose first number names the sequence, so that a batch tells which ones it holds."""
    X = random.normal(size=(COUNT, STEPS, 2))
    X[:, 0, 0] = np.arange(COUNT)
    return X


def held_out(task, split):
    wide, count = task.held_out(split)
    return [wide.batch(split, HELD_OUT_SEED, step) for step in range(count)]


def named(batch):
    """The numbers of the sequences of a batch of ``real``."""
    return batch.inputs[0, :, 0].astype(int).tolist()


def epoch(task, split):
    count = task.available(split)
    return [index for step in range(-(-count // task.batch_size)) for index in named(task.batch(split, 0, step))][
        :count
    ]


def test_the_defaults_of_python_are_those_of_the_file():
    stated = yaml.safe_load(CONF.read_text())
    for name, parameter in inspect.signature(Arrays.of).parameters.items():
        if name not in ("X", "y", "lengths"):
            assert parameter.default == stated[name], name


@pytest.mark.parametrize("kind", ["classes", "real", "steps"])
def test_every_sequence_is_in_one_split_with_its_target(real, random, kind):
    y = {
        "classes": random.integers(0, 3, COUNT),
        "real": random.normal(size=(COUNT, 4)),
        "steps": random.integers(0, 3, (COUNT, STEPS)),
    }[kind]
    task = Arrays.of(real, y, batch_size=23)
    found = {split: epoch(task, split) for split in SPLITS}
    assert sorted(index for split in SPLITS for index in found[split]) == list(range(COUNT))
    assert [len(found[split]) for split in SPLITS] == pytest.approx([140, 30, 30], abs=3)
    for split in SPLITS:
        batch = task.batch(split, 0, 1)
        chosen = named(batch)
        assert np.array_equal(batch.inputs, real[chosen].swapaxes(0, 1).astype(np.float32))
        assert np.array_equal(batch.targets, y[chosen].T if kind == "steps" else y[chosen].astype(batch.targets.dtype))
    assert named(task.batch("train", 0, 0)) != named(task.batch("train", 1, 0))
    again = Arrays.of(real, y, batch_size=23)
    assert named(again.batch("train", 5, 9)) == named(task.batch("train", 5, 9))


def test_the_classes_of_a_sequence_are_divided_one_by_one(real):
    y = np.arange(COUNT) % 10 == 0
    task = Arrays.of(real, y.astype(int))
    assert [int(y[task.parts[split]].sum()) for split in SPLITS] == [14, 3, 3]


def test_the_baseline_of_classes_by_counting(real, random):
    y = random.choice(4, COUNT, p=[0.5, 0.3, 0.1, 0.1])
    task = Arrays.of(real, y)
    train = Counter(y[task.parts["train"]].tolist())
    for split in ("validation", "test"):
        losses = [-math.log(train[int(label)] / train.total()) for b in held_out(task, split) for label in b.targets]
        assert task.baseline(split) == pytest.approx(np.mean(losses), rel=1e-12)
    assert task.baseline("train") == pytest.approx(
        -sum(n / train.total() * math.log(n / train.total()) for n in train.values())
    )


def test_the_baseline_of_real_targets_is_the_mean(real, random):
    y = random.normal(3, 2, size=(COUNT, 2))
    task = Arrays.of(real, y, test_sequences=20)
    mean = y[task.parts["train"]].mean(axis=0)
    told = np.concatenate([batch.targets for batch in held_out(task, "test")])
    assert len(told) == 20
    assert task.baseline("test") == pytest.approx(((told - mean) ** 2).mean(), rel=1e-6)
    assert (task.loss, task.metric, task.output_size) == ("mse", "mse", 2)


@pytest.mark.parametrize("tokens", [True, False])
def test_the_baseline_of_a_class_a_step_by_brute_force(real, random, tokens):
    y = random.integers(0, 3, (COUNT, STEPS))
    X = random.integers(0, 4, (COUNT, STEPS)) if tokens else real
    if tokens:
        y[X == 0] = 2  # the present token tells something
    lengths = random.integers(1, STEPS + 1, COUNT)
    task = Arrays.of(X, np.where(np.arange(STEPS) < lengths[:, None], y, -1), lengths)
    seen = Counter()
    for n in task.parts["train"]:
        seen.update((int(X[n, t]) if tokens else 0, int(y[n, t])) for t in range(lengths[n]))
    losses = []
    for n in task.parts["test"]:
        for t in range(lengths[n]):
            now = int(X[n, t]) if tokens else 0
            total = sum(seen[now, label] + 0.05 for label in range(3))
            losses.append(-math.log((seen[now, int(y[n, t])] + 0.05) / total))
    assert task.baseline("test") == pytest.approx(np.mean(losses), rel=1e-12)
    assert task.every_step
    assert task.tokens is tokens


def test_a_class_a_step_that_training_lacks_costs_a_finite_loss():
    y = np.zeros((20, 3), dtype=int)
    y[Arrays.of(y, y + np.arange(20)[:, None]).parts["test"]] = 1  # how it is divided depends on the number alone
    assert math.isfinite(Arrays.of(np.zeros((20, 3), dtype=int), y).baseline("test"))


def test_what_stands_behind_an_end_does_not_count(random):
    lengths = np.array([2, 3] * 20)
    X = random.normal(size=(40, 3, 1))
    X[::2, 2] = np.nan
    y = random.integers(0, 2, (40, 3))
    y[::2, 2] = -100
    batch = Arrays.of(X, y, lengths, batch_size=4).batch("train", 0, 0)
    assert np.isfinite(batch.inputs).all()
    valid = {t * 4 + b for b in range(4) for t in range(batch.lengths[b])}
    assert set(batch.counted.tolist()) == set(batch.scored.tolist()) == valid


def test_only_the_first_steps_are_used(real, random):
    y, lengths = random.integers(0, 2, (COUNT, STEPS)), random.integers(1, STEPS + 1, COUNT)
    task = Arrays.of(real, y, lengths, length=4)
    batch = task.batch("test", 0, 0)
    assert batch.inputs.shape[0] == batch.targets.shape[0] == 4
    assert np.array_equal(batch.lengths, np.minimum(lengths[task.parts["test"][: len(batch.lengths)]], 4))
    assert task.at_length(2).batch("test", 0, 0).inputs.shape[0] == 2
    with pytest.raises(UserError, match=r"task.length=8: X of task.data=memory:\w+ has 7 steps"):
        task.at_length(8).baseline("test")


def test_the_next_token_is_not_for_a_backward_direction():
    text = np.random.default_rng(0).integers(0, 5, (20, 9))
    assert Arrays.of(text[:, :-1], text[:, 1:]).causal
    assert not Arrays.of(text[:, 1:], text[:, :-1]).causal


def test_tensors_are_arrays(real, random):
    y = random.integers(0, 2, COUNT)
    tensors = Arrays.of(torch.tensor(real), torch.tensor(y))
    assert tensors == Arrays.of(real, y)  # their data have one name, which their sha256 makes
    assert np.array_equal(tensors.batch("test", 0, 0).inputs, Arrays.of(real, y).batch("test", 0, 0).inputs)
    assert tensors != Arrays.of(real, 1 - y)
    with pytest.raises(UserError, match="X: is no array .*requires grad"):
        Arrays.of(torch.tensor(real, requires_grad=True), y)


def test_arrays_in_memory_travel_with_the_task_and_those_of_a_file_do_not(real, random, tmp_path):
    y = random.integers(0, 2, COUNT)
    own = Arrays.of(real, y)
    assert np.array_equal(pickle.loads(pickle.dumps(own)).batch("test", 0, 0).inputs, own.batch("test", 0, 0).inputs)
    np.savez(tmp_path / "own.npz", X=real, y=y)
    task = Arrays.of(real, y).altered(data=str(tmp_path / "own.npz"))
    assert len(pickle.dumps(task)) < 1000
    assert np.array_equal(pickle.loads(pickle.dumps(task)).batch("test", 0, 0).inputs, own.batch("test", 0, 0).inputs)


@pytest.fixture
def saved(tmp_path):
    """A function that saves arrays and returns the overrides that name them."""

    def save(**arrays):
        np.savez(tmp_path / "own.npz", **arrays)
        return ["task=arrays", f"task.data={tmp_path / 'own.npz'}"]

    return save


def test_a_run_on_a_file(configure, saved, tmp_path, real, random):
    config = configure(*saved(X=real, y=random.integers(0, 2, COUNT)), "task.length=null", "trainer.max_steps=2")
    assert config.task.length == STEPS
    record = run(config)
    digest = hashlib.sha256((tmp_path / "own.npz").read_bytes()).hexdigest()
    assert record.status == "done"
    assert record.sources == {f"task.data={tmp_path / 'own.npz'}": digest}
    assert record.data == {"data": f"{tmp_path / 'own.npz'}", "sha256": digest, "sequences": COUNT}
    saved(X=real, y=random.integers(0, 2, COUNT))
    with pytest.raises(UserError, match="has changed since"):
        run(config)


X, Y = np.zeros((40, 3, 2)), np.arange(40) % 2
MISTAKES = {
    "no y": ({"X": X}, "has no array 'y', only X"),
    "no X": ({"x": X, "y": Y}, "has no array 'X', only x, y"),
    "one N": ({"X": X, "y": Y[:-1]}, r"X has shape [40, 3, 2], y [39]: they need one N, above 0"),
    "nothing": ({"X": X[:0], "y": Y[:0]}, "X has shape [0, 3, 2]"),
    "a number": ({"X": X, "y": np.array(3)}, "X has shape [40, 3, 2], y []"),
    "flat": ({"X": X[:, :, 0], "y": Y}, "X is float64 of shape [40, 3]; give floating point [N, T, I], or whole"),
    "whole vectors": ({"X": X.astype(int), "y": Y}, "X is int64 of shape [40, 3, 2]; give floating point [N, T, I]"),
    "other steps": ({"X": X, "y": np.zeros((40, 4), int)}, "y is int64 of shape [40, 4] with X [40, 3, 2]; give whole"),
    "deep targets": ({"X": X, "y": X}, "y is float64 of shape [40, 3, 2] with X [40, 3, 2]; give whole numbers"),
    "text": ({"X": X, "y": np.array(["a"] * 40)}, "y is <U1 of shape [40] with X"),
    "objects": ({"X": X, "y": np.array([{}] * 40)}, "is no .npz file of numbers (Object arrays cannot be loaded"),
    "nan": ({"X": np.where(np.arange(3)[:, None] == 1, np.nan, X), "y": Y}, "X[0, 1, 0] is nan; replace"),
    "large": ({"X": X + 1e300, "y": Y}, "X[0, 0, 0] is 1e+300; replace what is no finite number of 32 bits"),
    "infinite": ({"X": X, "y": np.where(Y == 1, np.inf, 0.0)}, "y[1] is inf; replace"),
    "negative": ({"X": X, "y": Y - 1}, "y: holds -1 to 0; number classes and tokens from 0, below 1000000"),
    "many": ({"X": X, "y": Y * 10**9}, "y: holds 0 to 1000000000; number"),
    "constant": ({"X": X, "y": Y * 0 + 2}, "y: is 2 everywhere, so there is nothing to learn"),
    "length": ({"X": X, "y": Y, "lengths": Y}, "lengths: must be 40 whole numbers from 1 to 3, the steps of X"),
    "real length": ({"X": X, "y": Y, "lengths": Y + 1.0}, "lengths: must be 40 whole numbers from 1 to 3"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_what_does_not_fit_is_said(configure, saved, tmp_path, name):
    arrays, message = MISTAKES[name]
    with pytest.raises(UserError) as error:
        configure(*saved(**arrays), "task.length=null")
    assert f"task.data={tmp_path / 'own.npz'}: {message}" in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("content", [b"", b"PK", b"no numbers", b"\x80\x04."])
def test_what_is_no_file_of_arrays(configure, tmp_path, content):
    path = tmp_path / "own.npz"
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"own.npz: is no .npz file of numbers .*; write it with numpy.savez"):
        configure("task=arrays", f"task.data={path}")


def test_a_broken_or_a_single_array(configure, tmp_path):
    buffer = io.BytesIO()
    np.savez_compressed(buffer, X=np.random.default_rng(0).normal(size=(40, 3, 2)), y=Y)
    broken = bytearray(buffer.getvalue())
    broken[300:310] = b"0123456789"
    (tmp_path / "own.npz").write_bytes(broken)
    with pytest.raises(UserError, match="is no .npz file of numbers"):
        configure("task=arrays", f"task.data={tmp_path / 'own.npz'}")
    np.save(tmp_path / "one.npy", X)
    with pytest.raises(UserError, match="holds a single array; give an .npz file"):
        configure("task=arrays", f"task.data={tmp_path / 'one.npy'}")


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ("", "task.data: has no default; give it, as in task.data=..."),
        ("task.data=nowhere.npz", "task.data=nowhere.npz: no such file; give an .npz file"),
        ("task.data=memory:12", "task.data=memory:12: was given in Python and is in no file"),
        ("task.data=. task.test_share=1", "task.test_share=1.0: must be less than 1"),
        ("task.data=. task.test_share=0.5 task.validation_share=0.5", "task.validation_share + task.test_share=1.0: "),
        ("task.data=.", "task.data=.: no such file"),
    ],
)
def test_what_the_options_cannot_be(configure, overrides, message):
    with pytest.raises(UserError) as error:
        configure("task=arrays", "task.length=null", *overrides.split())
    assert message in str(error.value)


def test_too_few_sequences():
    with pytest.raises(UserError, match="of 3 sequences none is left for the"):
        Arrays.of(X[:3], Y[:3]).baseline("test")
    with pytest.raises(UserError, match="X has shape"):
        Arrays.of(X, Y[:3])
