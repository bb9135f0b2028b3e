"""Text for language tasks: a named corpus, a local file, or a data set of the Hugging Face Hub.

The built-in corpus ``docs`` is the documentation that Python carries in ``pydoc_data.topics``: real English prose, on
every machine, without a download. It differs from one Python version to the next, so its sha256 goes into every record.
The other named corpora, and ``hub:NAME``, come from the Hub, where a network allows. A file is read as UTF-8, each of
its line ends as one symbol, a byte-order mark as none.

Splits that are published as train, validation and test are kept. Any other text, of a data set the rows of its split
``train``, is cut without shuffling: 90 % training, 5 % validation, 5 % test.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from rnnbench.errors import UserError, suggestion
from rnnbench.tasks import hub, local
from rnnbench.tasks.base import SPLITS, Split

DOCS = "docs"
SHARES: dict[Split, float] = {"train": 0.90, "validation": 0.05, "test": 0.05}
INSTEAD = f"use a local file or '{DOCS}'"


class Source(NamedTuple):
    """The place of a corpus on the Hub."""

    repository: str
    configuration: str | None = None
    revision: str | None = None
    separator: str = ""
    """What the rows lack between each other."""


NAMED = {
    "enwik8": Source("LTCB/enwik8", "enwik8-raw", hub.PARQUET),
    "text8": Source("afmck/text8"),
    "tiny_shakespeare": Source("karpathy/tiny_shakespeare", revision=hub.PARQUET),
    "wikitext2": Source("Salesforce/wikitext", "wikitext-2-raw-v1"),
}
"""The corpora of the Hub that have a name here. enwik8 is read as characters, not as the bytes of its compressors."""


@dataclass(frozen=True, eq=False)
class Corpus:
    """The text of each split and the sha256 of their whole in UTF-8."""

    splits: dict[Split, str]
    sha256: str


def check(name: str, characters: int) -> None:
    """Raise UserError where ``name`` cannot be a corpus of at least ``characters``. Reads nothing."""
    if name.startswith(hub.PREFIX):
        hub.check(setting(name), name.removeprefix(hub.PREFIX))
    elif _is_local(name):
        path = local.locate(name)
        kind = local.kind(setting(name), path)
        if kind == "folder":
            raise UserError(f"{setting(name)}: is a folder; give a text file")
        if kind == "nothing":
            names = sorted([DOCS, *NAMED])
            raise UserError(
                f"{setting(name)}: no such file; {suggestion(name, names)}give a text file, one of {', '.join(names)}, "
                "or 'hub:NAME' for a data set of the Hugging Face Hub"
            )
        if path.stat().st_size < characters:
            raise too_short(name, path.stat().st_size, characters)


def too_short(name: str, have: int, need: int) -> UserError:
    """Return the error for a corpus too short for one chunk in each of its splits."""
    return UserError(
        f"{setting(name)}: {have} characters are too few, {need} are needed so that each split holds one chunk; "
        "use a longer text, or a smaller task.length or task.batch_size"
    )


def setting(name: str) -> str:
    """Return the corpus called ``name`` as an error message names it."""
    return f"task.corpus={local.shown(name)}"


def fingerprint(name: str) -> dict[str, str]:
    """Return the sha256 of a local corpus as it is now, by its setting; empty for one of the Hub."""
    if name == DOCS:
        return {setting(name): load(name).sha256}
    return local.fingerprint(setting(name), [local.locate(name)]) if _is_local(name) else {}


def load(name: str) -> Corpus:
    """Return the corpus called ``name``, read once while it does not change.

    Raises UserError where it cannot be read.
    """
    return _load(name, *(fingerprint(name).values() if _is_local(name) else ()))


@lru_cache(maxsize=2)
def _load(name: str, *_digest: str) -> Corpus:
    if name == DOCS:
        splits = _cut(_docs())
    elif name in NAMED:
        splits = _from_hub(name, NAMED[name])
    elif name.startswith(hub.PREFIX):
        splits = _from_hub(name, Source(name.removeprefix(hub.PREFIX), separator="\n"))
    else:
        splits = _cut(local.one_line_end(local.read_text(setting(name), local.locate(name))))
    return Corpus(splits, hashlib.sha256("".join(splits.values()).encode()).hexdigest())


def _is_local(name: str) -> bool:
    return name != DOCS and name not in NAMED and not name.startswith(hub.PREFIX)


def _cut(text: str) -> dict[Split, str]:
    ends = [0, *np.cumsum([int(len(text) * SHARES[split]) for split in SPLITS[:-1]]).tolist(), len(text)]
    return {split: text[start:end] for split, start, end in zip(SPLITS, ends, ends[1:], strict=False)}


def _docs() -> str:
    from pydoc_data.topics import topics

    return "\n".join(topics[key] for key in sorted(topics))


def _from_hub(name: str, source: Source) -> dict[Split, str]:
    found = hub.load(setting(name), source.repository, INSTEAD, source.configuration, source.revision)
    published = [split for split in SPLITS if split in found]
    if "train" not in published:
        raise UserError(f"{setting(name)}: has no split 'train', only {', '.join(found)}")
    texts = {}
    for split in published if published == list(SPLITS) else ["train"]:
        if "text" not in found[split].column_names:
            raise UserError(f"{setting(name)}: has no column 'text', only {', '.join(found[split].column_names)}")
        texts[split] = source.separator.join(found[split][:]["text"])
    return texts if len(texts) > 1 else _cut(texts["train"])  # type: ignore[return-value]  # the keys are splits
