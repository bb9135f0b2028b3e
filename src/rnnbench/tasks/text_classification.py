"""Text classification: which class does a whole text belong to, read letter by letter?

    inputs [S, B]: bytes or characters, padded with 0 to the longest text of the batch; S <= T          targets [B]

As the byte-level text task of Tay et al. 2021, "Long range arena" (arXiv:2011.04006): a text is cut after T steps and
what decides its class may stand anywhere in it. ``level=byte`` reads the 256 bytes of UTF-8; ``level=character`` reads
the characters of the training split, and one more symbol stands for any other.
Where the texts are from is in ``rnnbench.tasks.labelled_text``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

import numpy as np

from rnnbench.errors import check_choice
from rnnbench.tasks import labelled_text
from rnnbench.tasks.base import SPLITS, Array, Batch, Split
from rnnbench.tasks.labelled import LabelledTask
from rnnbench.tasks.labelled_text import LabelledTexts

UNKNOWN = "\N{REPLACEMENT CHARACTER}"


class Encoded(NamedTuple):
    """The texts of a split in a row as tokens [sum of lengths], and where each begins, and the end [N + 1]."""

    tokens: Array
    starts: Array


@lru_cache(maxsize=2)
def encode(found: LabelledTexts, level: str) -> tuple[str, dict[Split, Encoded]]:
    """Return the characters that have a symbol, none for bytes, and the texts as tokens."""
    texts = found.texts
    if level == "byte":
        parts = {split: [np.frombuffer(text.encode(), dtype=np.uint8) for text in texts[split]] for split in SPLITS}
        return "", {split: _joined(part) for split, part in parts.items()}
    codes = {
        split: [np.frombuffer(text.encode("utf-32-le"), dtype=np.uint32) for text in texts[split]] for split in SPLITS
    }
    known = np.unique(np.concatenate(codes["train"]))
    encoded = {}
    for split, part in codes.items():
        joined = _joined(part)
        places = np.searchsorted(known, joined.tokens).clip(max=len(known) - 1)
        encoded[split] = joined._replace(tokens=np.where(known[places] == joined.tokens, places, len(known)))
    return "".join(map(chr, known)), encoded


def _joined(parts: list[Array]) -> Encoded:
    return Encoded(np.concatenate(parts), np.concatenate([[0], np.cumsum([len(part) for part in parts])]))


@dataclass(kw_only=True)
class TextClassification(LabelledTask):
    """Text classification; ``length`` is T, the steps after which a text is cut."""

    data: str
    """``unicode``, a file or a folder, or ``hub:NAME``."""
    level: str
    """What a step reads: ``byte`` or ``character``."""

    title = "class of a text"
    source = "Tay et al. 2021"
    capability = "text"
    tokens = True

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice("task.level", self.level, ["byte", "character"])

    def check(self) -> None:
        labelled_text.check(self.data)

    def fingerprint(self) -> dict[str, str]:
        return labelled_text.fingerprint(self.data)

    @cached_property
    def content(self) -> LabelledTexts:
        return labelled_text.load(self.data)

    @property
    def labels(self) -> dict[Split, Array]:
        return self.content.labels

    @property
    def input_size(self) -> int:
        return 256 if self.level == "byte" else len(self._symbols)

    @property
    def output_size(self) -> int:
        return len(self.content.classes)

    def batch(self, split: Split, seed: int, step: int) -> Batch:
        chosen = self.chosen(split, seed, step)
        tokens, starts = encode(self.content, self.level)[1][split]
        lengths = np.minimum(starts[chosen + 1] - starts[chosen], self.length)
        steps = np.arange(lengths.max())[:, None]
        valid = steps < lengths
        inputs = np.where(valid, tokens[np.where(valid, starts[chosen] + steps, 0)], 0).astype(np.int64)
        return Batch(inputs, self.labels[split][chosen], lengths=lengths)

    def provenance(self) -> dict[str, Any]:
        found = self.content
        counts = {f"{split}_texts": len(found.texts[split]) for split in SPLITS}
        return {"data": self.data, "sha256": found.sha256, "classes": ", ".join(found.classes)} | counts

    def decode(self, tokens: Array) -> str:
        if self.level == "byte":
            return bytes(tokens.tolist()).decode(errors="replace")
        return "".join(self._symbols[token] for token in tokens)

    @cached_property
    def _symbols(self) -> str:
        return encode(self.content, self.level)[0] + UNKNOWN
