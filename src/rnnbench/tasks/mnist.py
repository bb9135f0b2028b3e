"""MNIST: the class of a handwritten digit whose 784 pixels come one after the other.

LeCun et al. 1998, 28 x 28 pixels (0..255); how they become sequences is in ``rnnbench.tasks.images``. ``data`` is
``hub:ylecun/mnist``, or a folder with the four files of the original, as they are or with .gz:

    train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte, t10k-labels-idx1-ubyte

The published test images are the test split; of the training images a sixth of each class is for validation.
"""

from __future__ import annotations

import gzip
import math
import zlib
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from rnnbench.errors import UserError
from rnnbench.tasks import hub, local
from rnnbench.tasks.base import SPLITS, Array
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
            hub.check(_setting(self.data), self.data.removeprefix(hub.PREFIX))
        else:
            find(self.data)

    def fingerprint(self) -> dict[str, str]:
        return fingerprint(self.data)

    @cached_property
    def content(self) -> Images:
        return read(self.data)

    def provenance(self) -> dict[str, Any]:
        return {"data": self.data} | super().provenance()


def fingerprint(data: str) -> dict[str, str]:
    """Return the sha256 of the four files, by the setting that names them; empty for the Hub."""
    return {} if data.startswith(hub.PREFIX) else local.fingerprint(_setting(data), list(find(data).values()))


def read(data: str) -> Images:
    """Return the set that ``data`` names, divided; read once a process. Raises UserError where it cannot be read."""
    return _read(data, *fingerprint(data).values())


@lru_cache(maxsize=1)
def _read(data: str, *_digest: str) -> Images:
    setting = _setting(data)
    train, test = _from_hub(data) if data.startswith(hub.PREFIX) else _from_files(data)
    kept, held = divide(train[1], (1 - VALIDATION_SHARE, VALIDATION_SHARE))
    (tested,) = divide(test[1], (1.0,))  # shuffled, so that a part of it is as good a sample
    parts = {"train": (train, kept), "validation": (train, held), "test": (test, tested)}
    pixels, labels = ({split: part[i][chosen] for split, (part, chosen) in parts.items()} for i in (0, 1))
    for split in SPLITS:
        if not len(labels[split]):
            raise UserError(f"{setting}: too few images: none is left for the {split} split")
        strange = set(labels[split].tolist()) - set(labels["train"].tolist())
        if strange:
            raise UserError(f"{setting}: the label {min(strange)} of {split} does not occur in the training split")
    return Images(pixels, labels, white=255)  # type: ignore[arg-type]  # the keys are splits


def _setting(data: str) -> str:
    return f"task.data={local.shown(data)}"


def _from_hub(data: str) -> list[tuple[Array, Array]]:
    setting = _setting(data)
    splits = hub.load(setting, data.removeprefix(hub.PREFIX), "use a folder with the four files of MNIST")
    if not {"train", "test"} <= set(splits):
        raise UserError(f"{setting}: has no splits 'train' and 'test', only {', '.join(splits)}")
    found = []
    for split in ("train", "test"):
        rows = splits[split]
        if not {"image", "label"} <= set(rows.column_names):
            raise UserError(f"{setting}: has no columns 'image' and 'label', only {', '.join(rows.column_names)}")
        try:
            images = np.stack([np.asarray(image, dtype=np.uint8) for image in rows["image"]])
            labels = np.array(rows["label"], dtype=np.int64)
        except (ValueError, TypeError) as error:
            raise UserError(f"{setting}: no images of one size with a number as label ({error})") from error
        found.append(_checked(setting, images, labels))
    return found


def find(folder: str) -> dict[tuple[str, str], Path]:
    """Return the files of the folder by part, train or t10k, and kind. Raises UserError where one is missing."""
    setting, path = _setting(folder), local.locate(folder)
    if local.kind(setting, path) != "folder":
        raise UserError(
            f"{setting}: no such folder; give the one with the four files of MNIST (train-images-idx3-ubyte, ...), or "
            "hub:ylecun/mnist"
        )
    found = {}
    for part in ("train", "t10k"):
        for kind, (ending, _) in KINDS.items():
            spellings = (ending, ending.replace("-idx", ".idx"))  # both are in use
            names = [f"{part}-{spelling}{packed}" for spelling in spellings for packed in ("", ".gz")]
            there = [path / name for name in names if local.kind(f"{setting}: {name}", path / name) == "file"]
            if not there:
                raise UserError(f"{setting}: has no {names[0]}, with or without .gz")
            found[part, kind] = there[0]
    return found


def _from_files(folder: str) -> list[tuple[Array, Array]]:
    arrays = {key: _array(path, KINDS[key[1]][1]) for key, path in find(folder).items()}
    return [
        _checked(_setting(folder), arrays[part, "images"], arrays[part, "labels"].astype(np.int64))
        for part in ("train", "t10k")
    ]


def _array(path: Path, magic: int) -> Array:
    """Return the content of an IDX file.

    It is big-endian: a magic number that ends in the number of axes, their sizes, the bytes.
    """
    place = f"task.data: {local.shown(str(path))}"
    content = local.read_bytes(place, path)
    if path.suffix == ".gz":
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError, zlib.error) as error:
            raise UserError(f"{place}: cannot be read ({error})") from error
    if content[:4] != magic.to_bytes(4, "big"):
        raise UserError(f"{place}: begins with {content[:4].hex()}, not with {magic:08x}: no such IDX file")
    axes = magic & 0xFF
    start = 4 * (1 + axes)
    shape = [int.from_bytes(content[at : at + 4], "big") for at in range(4, start, 4)]
    if len(content) != start + math.prod(shape):
        raise UserError(f"{place}: has {len(content)} bytes, not those of {shape}: download it again")
    return np.frombuffer(content, dtype=np.uint8, offset=start).reshape(shape)


def _checked(setting: str, images: Array, labels: Array) -> tuple[Array, Array]:
    if len(images) != len(labels):
        raise UserError(f"{setting}: {len(images)} images but {len(labels)} labels")
    if images.shape[1:] != (SIDE, SIDE) or not len(images):
        raise UserError(f"{setting}: images of shape {images.shape}, not [N, {SIDE}, {SIDE}]")
    if not 0 <= labels.min() <= labels.max() <= 9:
        raise UserError(f"{setting}: labels from {labels.min()} to {labels.max()}, not 0 to 9")
    return images.reshape(len(images), -1), labels
