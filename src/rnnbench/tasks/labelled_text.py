"""Labelled texts: the built-in set ``unicode``, a local file or folder, or a data set of the Hugging Face Hub.

``unicode`` needs no download: the names of Unicode characters, such as LATIN SMALL LETTER SHARP S, labelled by their
general category (Ll), from the database that Python carries in ``unicodedata``. Left out are names that a rule makes
(Hangul syllables, and those that end in the character's number) and categories with fewer than 100 names. It differs
from one version of Unicode to the next, so its sha256 goes into every record.

A file (.csv, .jsonl) has the columns ``text`` and ``label``, see ``rnnbench.tasks.tables``; a folder has train.csv or
train.jsonl, and maybe validation and test. Splits that are there are kept. Those that are missing are cut from train,
10 % of each class for each. Every split is shuffled once, the same in every run, so that a part of it is as good a
sample as the whole. Classes are in the order of their names, or of their values where all are whole numbers.
"""

from __future__ import annotations

import hashlib
import re
import reprlib
import sys
import unicodedata
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from rnnbench.errors import UserError, suggestion
from rnnbench.tasks import hub, local, tables
from rnnbench.tasks.base import SPLITS, Array, Split
from rnnbench.tasks.labelled import divide

UNICODE = "unicode"
FEWEST = 100  # names of a category in ``unicode``
HELD_SHARE = 0.1
MEANT = {"training": "train", "val": "validation", "valid": "validation", "dev": "validation", "testing": "test"}
"""Other names that the file of a split often has."""
UNREADABLE = {".tsv", ".txt", ".json", ".parquet", ".gz", ".zip", ".xlsx"}
"""Endings of data that are not read here."""

Rows = dict[Split, tuple[list[str], list[str]]]
"""The texts and the labels of the splits that a set has."""


@dataclass(frozen=True, eq=False)
class LabelledTexts:
    """Texts and classes [N] int64 of each split, the classes' names in order, and the sha256 of it all."""

    texts: dict[Split, list[str]]
    labels: dict[Split, Array]
    classes: list[str]
    sha256: str


def check(name: str) -> None:
    """Raise UserError where ``name`` cannot be a set of labelled texts. Reads nothing."""
    if name.startswith(hub.PREFIX):
        hub.check(_setting(name), name.removeprefix(hub.PREFIX))
    elif name != UNICODE:
        for path in _files(name).values():
            if path.stat().st_size == 0:
                raise UserError(f"task.data: {local.shown(str(path))} is empty")


def fingerprint(name: str) -> dict[str, str]:
    """Return the sha256 of a local set as it is now, by the setting that names it; empty for one of the Hub."""
    if name == UNICODE:
        return {_setting(name): load(name).sha256}
    return {} if name.startswith(hub.PREFIX) else local.fingerprint(_setting(name), list(_files(name).values()))


def load(name: str) -> LabelledTexts:
    """Return the set called ``name``, divided; read once while it does not change.

    Raises UserError for an unusable set.
    """
    return _load(name, *(() if name == UNICODE else fingerprint(name).values()))


@lru_cache(maxsize=2)
def _load(name: str, *_digest: str) -> LabelledTexts:
    setting = _setting(name)
    if name == UNICODE:
        rows = _unicode()
    elif name.startswith(hub.PREFIX):
        rows = _from_hub(setting, name.removeprefix(hub.PREFIX))
    else:
        rows = {split: tables.read(path) for split, path in _files(name).items()}
    return _divided(setting, rows)


def _setting(name: str) -> str:
    return f"task.data={local.shown(name)}"


def _divided(setting: str, rows: Rows) -> LabelledTexts:
    classes = _ordered(set(rows["train"][1]))
    if len(classes) < 2:
        raise UserError(f"{setting}: {len(classes)} classes in the training split; at least 2 are needed")
    numbers = {name: number for number, name in enumerate(classes)}
    texts: dict[Split, list[str]] = {}
    labels: dict[Split, Array] = {}
    for split, (all_texts, names) in rows.items():
        strange = next((name for name in names if name not in numbers), None)
        if strange is not None:
            short = reprlib.repr(strange)
            raise UserError(f"{setting}: the label {short} of {split} does not occur in the training split")
        encoded = np.array([numbers[name] for name in names], dtype=np.int64)
        absent = [other for other in SPLITS if other not in rows] if split == "train" else []
        shares = [1 - HELD_SHARE * len(absent), *[HELD_SHARE] * len(absent)]
        for part, indices in zip([split, *absent], divide(encoded, shares), strict=True):
            texts[part], labels[part] = [all_texts[index] for index in indices], encoded[indices]
    for split in SPLITS:
        if not texts[split]:
            raise UserError(f"{setting}: too few rows: none is left for the {split} split")
    digest = hashlib.sha256()
    for split in SPLITS:
        for text, label in zip(texts[split], labels[split], strict=True):
            digest.update(f"{split}\0{classes[label]}\0{text}\0".encode())
    return LabelledTexts(texts, labels, classes, digest.hexdigest())


def _ordered(names: Iterable[str]) -> list[str]:
    """Sort by value where all are whole numbers, else alphabetically."""
    names = sorted(names)
    whole = all(re.fullmatch(r"-?\d{1,18}", name, re.ASCII) for name in names)
    return sorted(names, key=int) if whole else names


def _unicode() -> Rows:
    named = []
    for code in range(sys.maxunicode + 1):
        name = unicodedata.name(chr(code), "")
        if name and not name.startswith("HANGUL SYLLABLE ") and not name.endswith(f"-{code:X}"):
            named.append((name, unicodedata.category(chr(code))))
    counts = Counter(category for _, category in named)
    kept = [(name, category) for name, category in named if counts[category] >= FEWEST]
    return {"train": ([name for name, _ in kept], [category for _, category in kept])}


def _from_hub(setting: str, name: str) -> Rows:
    found = hub.load(setting, name, f"use a local file or '{UNICODE}'")
    if "train" not in found:
        raise UserError(f"{setting}: has no split 'train', only {', '.join(found)}")
    return {split: _columns(setting, split, found[split]) for split in SPLITS if split in found}


def _columns(setting: str, split: Split, rows: Any) -> tuple[list[str], list[str]]:
    for column in tables.COLUMNS:
        if column not in rows.column_names:
            raise UserError(f"{setting}: has no column '{column}', only {', '.join(rows.column_names)}")
    table = rows.select_columns(list(tables.COLUMNS))[:]  # whole columns: row by row is much slower
    pairs = enumerate(zip(table["text"], table["label"], strict=True), start=1)
    return tables.checked((f"{setting}: row {number} of {split}", text, label) for number, (text, label) in pairs)


def _files(name: str) -> dict[Split, Path]:
    """Return the file of each split that ``name`` has; a single file is the training split."""
    setting, path = _setting(name), local.locate(name)
    kind = local.kind(setting, path)
    endings = " or ".join(tables.READERS)
    if kind == "file" and path.suffix.lower() in tables.READERS:
        return {"train": path}
    if kind == "file":
        raise UserError(f"{setting}: must end in {endings}, with columns text and label")
    if kind == "nothing":
        raise UserError(
            f"{setting}: no such file or folder; {suggestion(name, [UNICODE])}give a .csv or .jsonl file, a "
            f"folder with train.csv, '{UNICODE}' for the built-in set, or 'hub:NAME' for one of the Hugging Face Hub"
        )
    files: dict[Split, Path] = {}
    for each in local.visible_files(setting, path):
        ending, begin = each.suffix.lower(), each.name.partition(".")[0].lower()
        split: Any = MEANT.get(begin, begin)
        if each.stem in SPLITS and ending in tables.READERS:
            if split in files:
                raise UserError(f"{setting}: has both {files[split].name} and {each.name}; keep one of them")
            files[split] = each
        elif ending in tables.READERS or (split in SPLITS and ending in UNREADABLE):
            better = f"{split if split in SPLITS else 'train, validation or test'} and end in {endings}"
            raise UserError(
                f"{setting}: {local.shown(each.name)} is not used: its name must be {better}; rename it, or move it "
                "to another folder"
            )
    if "train" not in files:
        raise UserError(f"{setting}: has neither {' nor '.join(f'train{ending}' for ending in tables.READERS)}")
    return {split: files[split] for split in SPLITS if split in files}
