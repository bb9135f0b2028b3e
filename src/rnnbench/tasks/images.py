"""Images as sequences: the class of an image whose pixels come one after the other.

Le, Jaitly & Hinton 2015, "A simple way to initialize recurrent networks of rectified linear units" (arXiv:1504.00941):
the pixels in reading order, or in one random order that is the same for all images.

    inputs [T, B, P/T]: the P pixels in [0, 1], P/T at each step          targets [B]: the class

``length`` T divides P: T = P is pixel by pixel, the square root of P row by row. ``permuted`` reorders the pixels, also
where they come in rows; the order depends on P alone.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np

from rnnbench.errors import UserError
from rnnbench.tasks.base import SPLITS, Array, Batch, Split
from rnnbench.tasks.labelled import LabelledTask

ORDER = 0x0DE8
"""The key of the random numbers that order the pixels of ``permuted``."""


class Images(NamedTuple):
    """A set of images: pixels [N, P], whole numbers from 0 to ``white``, and classes [N] int64, of each split."""

    pixels: dict[Split, Array]
    labels: dict[Split, Array]
    white: int

    @property
    def sha256(self) -> str:
        digest = hashlib.sha256()
        for split in SPLITS:
            digest.update(self.pixels[split].tobytes() + self.labels[split].tobytes())
        return digest.hexdigest()


@dataclass(kw_only=True)
class ImageSequence(LabelledTask):
    """Images as sequences; ``length`` is T, the steps in which the pixels come, and ``content`` are Images."""

    permuted: bool
    """Whether the pixels come in a random order, the same for every image, split and seed."""

    source = "Le et al. 2015"
    longer = False  # an image has its pixels
    tokens = False
    output_size = 10
    pixels: ClassVar[int]
    """P, the pixels of an image."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.pixels % self.length:
            side = round(self.pixels**0.5)
            raise UserError(
                f"task.length={self.length}: must divide the {self.pixels} pixels of an image: {self.pixels} is pixel "
                f"by pixel, {side} row by row"
            )

    @property
    def labels(self) -> dict[Split, Array]:
        labels: dict[Split, Array] = self.content.labels
        return labels

    @property
    def input_size(self) -> int:
        return self.pixels // self.length

    def batch(self, split: Split, seed: int, step: int) -> Batch:
        chosen, images = self.chosen(split, seed, step), self.content
        pixels = images.pixels[split][chosen]
        if self.permuted:
            pixels = pixels[:, order(self.pixels)]
        steps = pixels.reshape(len(chosen), self.length, self.input_size).swapaxes(0, 1)
        return Batch(np.divide(steps, images.white, dtype=np.float32), images.labels[split][chosen])

    def provenance(self) -> dict[str, Any]:
        return {"sha256": self.content.sha256}


def order(pixels: int) -> Array:
    """Return the order in which ``permuted`` shows the pixels."""
    return np.random.Generator(np.random.Philox(key=ORDER)).permutation(pixels)
