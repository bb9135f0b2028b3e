"""Digits: the class of a small handwritten digit whose pixels come one after the other.

The 1797 images of 8 x 8 pixels (0..16) that come with scikit-learn, the test part of Alpaydin & Kaynak's "Optical
recognition of handwritten digits" (UCI): real images on every machine, without a download. How they become sequences is
in ``rnnbench.tasks.images``. No split is published: here 70 % of each class are for training, 15 % for validation, 15 %
for test, the same in every run.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from rnnbench.tasks.base import SPLITS
from rnnbench.tasks.images import Images, ImageSequence
from rnnbench.tasks.labelled import divide

SHARES = (0.70, 0.15, 0.15)


@dataclass(kw_only=True)
class Digits(ImageSequence):
    """Digits; ``length`` is T, a divisor of 64."""

    title = "class of a digit, 8 x 8 pixels"
    drawn = True  # the data come with a package and are the same everywhere
    pixels = 64

    @cached_property
    def content(self) -> Images:
        return read()


@lru_cache(maxsize=1)
def read() -> Images:
    """Return the digits of scikit-learn, divided into splits."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    pixels, labels = bunch.data.astype(np.int64), bunch.target.astype(np.int64)  # what their sha256 is taken of
    parts = dict(zip(SPLITS, divide(labels, SHARES), strict=True))
    return Images(
        {split: pixels[part] for split, part in parts.items()},
        {split: labels[part] for split, part in parts.items()},
        white=16,
    )
