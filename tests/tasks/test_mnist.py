"""MNIST from its four files and from the Hub, and files that cannot be used."""

import gzip
import shutil

import datasets
import numpy as np
import pytest
from PIL import Image

from catalogue import make_task, tiny_mnist, write_idx
from rnnbench.errors import UserError
from rnnbench.tasks import SPLITS, hub

FILES = [f"{part}-{kind}-ubyte" for part in ("train", "t10k") for kind in ("images-idx3", "labels-idx1")]


@pytest.fixture
def raw():
    """Random images and labels of both parts."""
    random = np.random.default_rng(0)
    return {
        part: (random.integers(0, 256, (n, 28, 28), dtype=np.uint8), random.permutation(np.arange(n) % 10))
        for part, n in (("train", 120), ("t10k", 30))
    }


@pytest.fixture
def folder(tmp_path, raw):
    for part, arrays in raw.items():
        write_idx(tmp_path, part, *arrays)
    return tmp_path


def content(task):
    """The images of every split by their bytes, with their labels."""
    found = {}
    for split in SPLITS:
        batches = [task.batch(split, 0, step) for step in range(-(-len(task.labels[split]) // task.batch_size))]
        pairs = [(batch.inputs[:, b], batch.targets[b]) for batch in batches for b in range(len(batch.targets))]
        found[split] = {np.round(255 * image).astype(np.uint8).tobytes(): label for image, label in pairs}
    return found


def expected(raw):
    return {part: {im.tobytes(): lb for im, lb in zip(*arrays, strict=True)} for part, arrays in raw.items()}


@pytest.mark.parametrize("length", [784, 28])
@pytest.mark.parametrize("form", ["plain", "gz", "dotted"])
def test_the_four_files(folder, raw, form, length):
    for name in FILES:
        if form == "gz":
            (folder / f"{name}.gz").write_bytes(gzip.compress((folder / name).read_bytes()))
            (folder / name).unlink()
        elif form == "dotted":
            (folder / name).rename(folder / name.replace("-idx", ".idx"))
    task = make_task("mnist", data=str(folder), length=length, batch_size=9)
    task.check()
    found = content(task)
    assert found["test"] == expected(raw)["t10k"]
    assert found["train"] | found["validation"] == expected(raw)["train"]
    assert [len(found[split]) for split in SPLITS] == [100, 20, 30]
    assert np.bincount(task.labels["validation"]).tolist() == [2] * 10
    assert task.provenance()["data"] == str(folder)


def test_the_hub(folder, raw, monkeypatch):
    def load_dataset(name, configuration, revision):
        assert (name, configuration, revision) == ("ylecun/mnist", None, None)
        splits = {}
        for part, split in (("train", "train"), ("t10k", "test")):
            images = [Image.fromarray(image) for image in raw[part][0]]
            splits[split] = datasets.Dataset.from_dict({"image": images, "label": raw[part][1]})
        return datasets.DatasetDict(splits)

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    task, local = (make_task("mnist", data=data, batch_size=9) for data in ("hub:ylecun/mnist", str(folder)))
    task.check()
    assert content(task) == content(local)
    assert task.provenance()["sha256"] == local.provenance()["sha256"]


def test_another_data_set_of_the_hub(monkeypatch):
    for columns, message in (
        ({"train": {"image": [0]}}, "has no splits 'train' and 'test', only train"),
        ({"train": {"text": [0]}, "test": {"text": [0]}}, "has no columns 'image' and 'label', only text"),
    ):
        splits = {split: datasets.Dataset.from_dict(table) for split, table in columns.items()}
        monkeypatch.setattr(hub, "load", lambda *_, splits=splits: datasets.DatasetDict(splits))
        with pytest.raises(UserError, match=message):
            make_task("mnist", data=f"hub:x/{len(columns)}").baseline("test")


def test_missing_files(folder, tmp_path):
    with pytest.raises(UserError, match="no such folder; give the one with the four files of MNIST"):
        make_task("mnist", data=str(tmp_path / "none")).check()
    (folder / FILES[3]).unlink()
    with pytest.raises(UserError, match="has no t10k-labels-idx1-ubyte, with or without .gz"):
        make_task("mnist", data=str(folder)).check()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: shutil.copy(f / FILES[0], f / FILES[1]), f"{FILES[1]}: begins with 00000803, not with 00000801"),
        (lambda f: (f / FILES[0]).write_bytes(b""), f"{FILES[0]}: begins with , not with 00000803"),
        (lambda f: (f / FILES[0]).write_bytes((f / FILES[0]).read_bytes()[:-1]), "bytes, not those of"),
        (lambda f: write_idx(f, "train", np.zeros((5, 28, 28)), np.zeros(4)), "5 images but 4 labels"),
        (
            lambda f: write_idx(f, "train", np.zeros((5, 8, 8)), np.zeros(5)),
            "images of shape (5, 8, 8), not [N, 28, 28]",
        ),
        (lambda f: write_idx(f, "train", np.zeros((5, 28, 28)), np.full(5, 10)), "labels from 10 to 10, not 0 to 9"),
        (lambda f: write_idx(f, "train", np.zeros((5, 28, 28)), np.arange(5)), "none is left for the validation split"),
        (
            lambda f: write_idx(f, "train", np.zeros((99, 28, 28)), np.arange(99) % 9),
            "the label 9 of test does not occur in the training split",
        ),
        (
            lambda f: (f / FILES[0]).write_bytes(bytes.fromhex("00000803") + b"\xff" * 12),
            "has 16 bytes, not those of [4294967295, 4294967295, 4294967295]",
        ),
    ],
    ids=["swapped", "empty", "cut", "counts", "size", "labels", "few", "strange", "huge"],
)
def test_unusable_files(folder, change, message):
    change(folder)
    with pytest.raises(UserError) as caught:
        make_task("mnist", data=str(folder)).baseline("test")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "damage",
    [lambda raw: raw, lambda raw: gzip.compress(raw)[:-20], lambda raw: gzip.compress(raw)[:12] + b"\xff" * 99],
    ids=["plain", "cut", "garbled"],
)
def test_a_compressed_file_that_is_none(folder, damage):
    (folder / f"{FILES[0]}.gz").write_bytes(damage((folder / FILES[0]).read_bytes()))
    (folder / FILES[0]).unlink()
    with pytest.raises(UserError, match=f"{FILES[0]}.gz: cannot be read"):
        make_task("mnist", data=str(folder)).baseline("test")


def test_the_catalogue_has_a_set_of_its_own():
    assert content(make_task("mnist")) == content(make_task("mnist", data=tiny_mnist()))
