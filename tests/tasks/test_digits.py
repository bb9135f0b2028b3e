"""Images as sequences, against scikit-learn's own arrays: pixels, rows, the permutation, disjoint splits, errors."""

import numpy as np
import pytest
from sklearn.datasets import load_digits

from catalogue import make_task
from rnnbench.errors import UserError
from rnnbench.tasks import SPLITS


@pytest.fixture(scope="module")
def label_by_image():
    """The class of each image by its bytes, which are all different."""
    digits = load_digits()
    known = {image.astype(np.uint8).tobytes(): label for image, label in zip(digits.data, digits.target, strict=True)}
    assert len(known) == 1797
    return known


def images(task, split):
    """Every image of a split as 64 numbers from 0 to 16, and its class."""
    steps = task.batches(split) or -(-len(task.labels[split]) // task.batch_size)
    for step in range(steps):
        batch = task.batch(split, 0, step)
        for b, label in enumerate(batch.targets):
            yield np.round(16 * batch.inputs[:, b].reshape(-1)).astype(np.uint8), label


@pytest.mark.parametrize("length", [64, 8, 2, 1])
def test_the_splits_hold_the_images_of_scikit_learn(label_by_image, length):
    task = make_task("digits", length=length, batch_size=50)
    assert task.input_size == 64 // length
    seen = {split: set() for split in SPLITS}
    for split in SPLITS:
        for image, label in images(task, split):
            assert label_by_image[image.tobytes()] == label
            seen[split].add(image.tobytes())
    assert not seen["train"] & seen["validation"]
    assert not seen["train"] & seen["test"]
    assert not seen["validation"] & seen["test"]
    assert set().union(*seen.values()) == set(label_by_image)
    assert len(seen["train"]) == pytest.approx(0.7 * 1797, abs=10)
    assert len(seen["validation"]) == pytest.approx(0.15 * 1797, abs=10)


@pytest.mark.parametrize("length", [64, 8])
def test_one_permutation_for_all(length):
    plain, permuted = (make_task("digits", length=length, permuted=value, batch_size=200) for value in (False, True))
    found = []
    for split, seed, step in (("train", 0, 0), ("train", 7, 3), ("test", 0, 1)):
        a, b = (task.batch(split, seed, step) for task in (plain, permuted))
        assert np.array_equal(a.targets, b.targets)
        a, b = (batch.inputs.swapaxes(0, 1).reshape(-1, 64) for batch in (a, b))
        found.append((a, b))
    order = make_order(np.concatenate([a for a, _ in found]), np.concatenate([b for _, b in found]))
    assert len(set(order)) == 64
    assert sum(place == other for place, other in enumerate(order)) < 8


def make_order(plain, permuted):
    """For each permuted pixel a plain one, never used twice, that has the same values in all images."""
    columns = {}
    for place, column in enumerate(plain.T):
        columns.setdefault(column.tobytes(), []).append(place)
    return [columns[column.tobytes()].pop() for column in permuted.T]


def test_the_data_are_named_by_their_hash():
    task = make_task("digits")
    images = task.content
    assert task.provenance() == make_task("digits", length=64, permuted=True, batch_size=5).provenance()
    for change in ("pixels", "labels"):
        arrays = {split: array.copy() for split, array in getattr(images, change).items()}
        arrays["test"].flat[-1] += 1
        assert images._replace(**{change: arrays}).sha256 != task.provenance()["sha256"]
    assert (
        task.provenance()["sha256"] == "feed613ac8d10bdfdf863ac61a2c7bc4ccd7ac1f15b3a33a6fd0758d03d6a87a"
    )  # everywhere


def test_errors():
    with pytest.raises(UserError, match="task.length=10: must divide the 64 pixels of an image: 64 is pixel"):
        make_task("digits", length=10)
    with pytest.raises(UserError, match="task.test_lengths=8: task=digits has other inputs or outputs at this length"):
        make_task("digits", length=64).at_length(8)
