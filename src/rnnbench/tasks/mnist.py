"""MNIST: the class of a handwritten digit whose 784 pixels come one after the other.

LeCun et al. 1998, 28 x 28 pixels (0..255); how they become sequences is in ``rnnbench.tasks.images``. ``data`` is
``hub:ylecun/mnist``, or a folder with the four files of the original, as they are or with .gz:

    train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte, t10k-labels-idx1-ubyte

The published test images are the test split; of the training images a sixth of each class is for validation.
"""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from rnnbench.errors import UserError
from rnnbench.tasks import hub
from rnnbench.tasks.base import Array
from rnnbench.tasks.images import Images, ImageSequence
from rnnbench.tasks.labelled import divide

VALIDATION_SHARE = 1 / 6
SIDE = 28
KINDS = {"images": ("images-idx3-ubyte", 0x803), "labels": ("labels-idx1-ubyte", 0x801)}
"""How the files of images and of labels end, and the number that they begin with."""


@dataclass(kw_only=True)
class MNIST(ImageSequence):
    """MNIST; ``length`` is T, a divisor of 784."""

    data: str
    """``hub:NAME`` or a folder."""

    title = "class of a digit, 28 x 28 pixels"
    pixels = SIDE * SIDE

    def check(self) -> None:
        if self.data.startswith(hub.PREFIX):
            return
        if not Path(self.data).is_dir():
            raise UserError(
                f"task.data={self.data}: no such folder; give the one with the four files of MNIST "
                "(train-images-idx3-ubyte, ...), or hub:ylecun/mnist"
            )
        for part in ("train", "t10k"):
            for kind in KINDS:
                find(self.data, part, kind)

    @property
    def images(self) -> Images:
        return read(self.data)

    def provenance(self) -> dict[str, Any]:
        return {"data": self.data} | super().provenance()


@lru_cache(maxsize=1)
def read(data: str) -> Images:
    """The set that ``data`` names, divided. Raises UserError where it cannot be read."""
    train, test = _from_hub(data) if data.startswith(hub.PREFIX) else (_from_files(data, p) for p in ("train", "t10k"))
    kept, held = divide(train[1], (1 - VALIDATION_SHARE, VALIDATION_SHARE))
    (tested,) = divide(test[1], (1.0,))  # shuffled, so that a part of it is as good a sample
    parts = {"train": (train, kept), "validation": (train, held), "test": (test, tested)}
    pixels, labels = ({split: part[i][chosen] for split, (part, chosen) in parts.items()} for i in (0, 1))
    return Images(pixels, labels, white=255)  # type: ignore[arg-type]  # the keys are splits


def _from_hub(data: str) -> list[tuple[Array, Array]]:
    splits = hub.load(f"task.data={data}", data.removeprefix(hub.PREFIX), "use a folder with the four files of MNIST")
    if not {"train", "test"} <= set(splits):
        raise UserError(f"task.data={data}: has no splits 'train' and 'test', only {', '.join(splits)}")
    found = []
    for split in ("train", "test"):
        rows = splits[split]
        if not {"image", "label"} <= set(rows.column_names):
            raise UserError(
                f"task.data={data}: has no columns 'image' and 'label', only {', '.join(rows.column_names)}"
            )
        images = np.stack([np.asarray(image, dtype=np.uint8) for image in rows["image"]])
        found.append(_checked(f"task.data={data}", images, np.array(rows["label"], dtype=np.int64)))
    return found


def find(folder: str, part: str, kind: str) -> Path:
    """The file of ``part``, train or t10k, with its images or labels. Raises UserError where there is none."""
    ending, _ = KINDS[kind]
    spellings = (ending, ending.replace("-idx", ".idx"))  # both are in use
    names = [f"{part}-{spelling}{packed}" for spelling in spellings for packed in ("", ".gz")]
    for name in names:
        if (Path(folder) / name).is_file():
            return Path(folder) / name
    raise UserError(f"task.data={folder}: has no {names[0]}, with or without .gz")


def _from_files(folder: str, part: str) -> tuple[Array, Array]:
    images, labels = (_array(find(folder, part, kind), KINDS[kind][1]) for kind in KINDS)
    return _checked(f"task.data={folder}", images, labels.astype(np.int64))


def _array(path: Path, magic: int) -> Array:
    """What an IDX file holds: big-endian, a magic number that ends in the number of axes, their sizes, the bytes."""
    try:
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (OSError, EOFError) as error:
        raise UserError(f"task.data: {path} cannot be read: {error}") from error
    if content[:4] != magic.to_bytes(4, "big"):
        raise UserError(f"task.data: {path} begins with {content[:4].hex()}, not with {magic:08x}: no such IDX file")
    axes = magic & 0xFF
    start = 4 * (1 + axes)
    shape = [int.from_bytes(content[at : at + 4], "big") for at in range(4, start, 4)]
    if len(content) != start + int(np.prod(shape)):
        raise UserError(f"task.data: {path} has {len(content)} bytes, not those of {shape}: download it again")
    return np.frombuffer(content, dtype=np.uint8, offset=start).reshape(shape)


def _checked(setting: str, images: Array, labels: Array) -> tuple[Array, Array]:
    if len(images) != len(labels):
        raise UserError(f"{setting}: {len(images)} images but {len(labels)} labels")
    if images.shape[1:] != (SIDE, SIDE) or not len(images):
        raise UserError(f"{setting}: images of shape {images.shape}, not [N, {SIDE}, {SIDE}]")
    if not 0 <= labels.min() <= labels.max() <= 9:
        raise UserError(f"{setting}: labels from {labels.min()} to {labels.max()}, not 0 to 9")
    return images.reshape(len(images), -1), labels
