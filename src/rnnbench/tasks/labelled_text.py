"""Labelled texts: the built-in set ``unicode``, a local file or folder, or a data set of the Hugging Face Hub.

``unicode`` needs no download: the names of Unicode characters, such as LATIN SMALL LETTER SHARP S, labelled by their
general category (Ll), from the database that Python carries in ``unicodedata``. Left out are names that a rule makes
(Hangul syllables, and those that end in the character's number) and categories with fewer than 100 names. It differs
from one version of Unicode to the next, so its sha256 goes into every record.

A file (.csv, .jsonl) has the columns ``text`` and ``label``; a folder has train.csv or train.jsonl, and maybe
validation and test. Splits that are there are kept. Those that are missing are cut from train, 10 % of each class for
each. Every split is shuffled once, the same in every run, so that a part of it is as good a sample as the whole.
"""

from __future__ import annotations

import hashlib
import sys
import unicodedata
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from rnnbench.errors import UserError, suggestion
from rnnbench.tasks import hub
from rnnbench.tasks.base import SPLITS, Array, Split
from rnnbench.tasks.labelled import divide

UNICODE = "unicode"
FEWEST = 100  # names of a category in ``unicode``
HELD_SHARE = 0.1
READERS = {".csv": "csv", ".jsonl": "json"}

Rows = dict[Split, tuple[list[str], list[Any]]]
"""The texts and the labels of the splits that a set has."""


class LabelledTexts(NamedTuple):
    """Texts and classes [N] int64 of each split, the classes' names in order, and the sha256 of it all."""

    texts: dict[Split, list[str]]
    labels: dict[Split, Array]
    classes: list[str]
    sha256: str


def check(name: str) -> None:
    """Raises UserError where ``name`` cannot be a set of labelled texts. Reads nothing."""
    if name != UNICODE and not name.startswith(hub.PREFIX):
        for path in _files(name).values():
            if path.stat().st_size == 0:
                raise UserError(f"task.data: {path} is empty")


def load(name: str) -> LabelledTexts:
    """The set called ``name``, divided. Raises UserError where it cannot be read or used."""
    setting = f"task.data={name}"
    if name == UNICODE:
        rows = _unicode()
    elif name.startswith(hub.PREFIX):
        rows = _from_hub(setting, name.removeprefix(hub.PREFIX))
    else:
        rows = {split: _from_file(path) for split, path in _files(name).items()}
    for split, (texts, labels) in rows.items():
        for index, (text, label) in enumerate(zip(texts, labels, strict=True)):
            if not isinstance(text, str) or not text.strip():
                raise UserError(f"{setting}: the text of row {index + 1} of {split} is empty; remove the row")
            if label is None or label == "":
                raise UserError(f"{setting}: row {index + 1} of {split} has no label; remove the row")
    return _divided(setting, rows)


def _divided(setting: str, rows: Rows) -> LabelledTexts:
    known = {str(label): label for label in rows["train"][1]}
    classes = sorted(known, key=lambda name: known[name])
    if len(classes) < 2:
        raise UserError(f"{setting}: {len(classes)} classes in the training split; at least 2 are needed")
    numbers = {name: number for number, name in enumerate(classes)}
    texts: dict[Split, list[str]] = {}
    labels: dict[Split, Array] = {}
    for split, (all_texts, names) in rows.items():
        strange = next((name for name in names if str(name) not in numbers), None)
        if strange is not None:
            raise UserError(f"{setting}: the label {strange!r} of {split} does not occur in the training split")
        encoded = np.array([numbers[str(name)] for name in names])
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
    return {split: _columns(setting, found[split]) for split in SPLITS if split in found}


def _files(name: str) -> dict[Split, Path]:
    """The file of each split that ``name`` has; a single file is that of train."""
    path = Path(name)
    if path.is_file() and path.suffix in READERS:
        return {"train": path}
    if path.is_file():
        raise UserError(f"task.data={name}: must end in {' or '.join(READERS)}, with columns text and label")
    if not path.is_dir():
        raise UserError(
            f"task.data={name}: no such file or folder; {suggestion(name, [UNICODE])}give a .csv or .jsonl file, a "
            f"folder with train.csv, '{UNICODE}' for the built-in set, or 'hub:NAME' for one of the Hugging Face Hub"
        )
    files = {split: path / f"{split}{end}" for split in SPLITS for end in READERS if (path / f"{split}{end}").is_file()}
    if "train" not in files:
        raise UserError(f"task.data={name}: has neither {' nor '.join(f'train{ending}' for ending in READERS)}")
    return files


def _from_file(path: Path) -> tuple[list[str], list[Any]]:
    import datasets  # a second to import: only a run that reads text pays it

    datasets.disable_progress_bars()
    options = {"keep_default_na": False} if path.suffix == ".csv" else {}  # the text "NA" is a text
    try:
        rows = datasets.load_dataset(READERS[path.suffix], data_files={"train": str(path)}, **options)["train"]
        return _columns(f"task.data: {path}", rows)
    except (datasets.exceptions.DatasetGenerationError, ValueError) as error:
        cause = str(error.__cause__ or error).splitlines()[0]
        raise UserError(f"task.data: {path} cannot be read as UTF-8 {READERS[path.suffix]}: {cause}") from error


def _columns(setting: str, rows: Any) -> tuple[list[str], list[Any]]:
    for column in ("text", "label"):
        if column not in rows.column_names:
            raise UserError(f"{setting}: has no column '{column}', only {', '.join(rows.column_names)}")
    table = rows.select_columns(["text", "label"])[:]  # whole columns: row by row is much slower
    return table["text"], table["label"]
