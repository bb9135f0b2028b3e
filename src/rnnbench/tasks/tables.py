"""Texts and labels from a CSV or a JSONL file, both exactly as they are written: ``007`` and ``NA`` are texts.

A CSV file begins with the names of its columns, among them ``text`` and ``label``. A line of a JSONL file is an object
with both; its text is a string, its label may also be a number, true or false. Whatever is not so is an error with the
number of its line.
"""

from __future__ import annotations

import csv
import io
import json
import reprlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from rnnbench.errors import UserError
from rnnbench.tasks import local

COLUMNS = ("text", "label")


class Number(str):
    """A number of a JSON file as it is written there."""

    __slots__ = ()


KINDS = {Number: "a number", bool: "true or false", list: "a list", dict: "an object"}


def read(path: Path) -> tuple[list[str], list[str]]:
    """Return the texts and the labels of a file. Raises UserError, with the line, where it cannot be used."""
    place = f"task.data: {local.shown(str(path))}"
    rows = READERS[path.suffix.lower()](place, local.read_text(place, path))
    found = checked((f"{place}, line {line}", text, label) for line, text, label in rows)
    if not found[0]:
        raise UserError(f"{place}: has no rows")
    return found


def checked(rows: Iterable[tuple[str, Any, Any]]) -> tuple[list[str], list[str]]:
    """Return the texts and the labels of rows that come with their places. Raises UserError at one without either."""
    texts, labels = [], []
    for place, text, label in rows:
        if isinstance(label, bool | int | float):
            label = json.dumps(label)
        if text is not None and type(text) is not str:
            raise UserError(f"{place}: the text is {KINDS.get(type(text), type(text).__name__)}, not a string")
        if label is not None and not isinstance(label, str):
            raise UserError(f"{place}: the label is {KINDS.get(type(label), type(label).__name__)}, not a string")
        if not text or not text.strip():
            raise UserError(f"{place}: the text is empty; remove the row")
        if not label or not label.strip():
            raise UserError(f"{place}: has no label; remove the row")
        try:
            (text + label).encode()
        except UnicodeEncodeError as error:
            raise UserError(f"{place}: holds half a character, {error.object[error.start]!a}; remove it") from error
        texts.append(text)
        labels.append(str(label))
    return texts, labels


def _csv(place: str, content: str) -> Iterator[tuple[int, str, str]]:
    table = _csv_rows(place, content)
    _, header = next(table, (1, []))
    for column in COLUMNS:
        if header.count(column) != 1:
            several = f"{header.count(column)} columns" if column in header else "no column"
            raise UserError(f"{place}: has {several} '{column}'; its first line is {reprlib.repr(header)}")
    text, label = map(header.index, COLUMNS)
    for line, row in table:
        if len(row) != len(header):
            raise UserError(
                f"{place}, line {line}: {len(row)} fields, but the first line has {len(header)}; "
                'a text with a comma stands in quotation marks: "one, two"'
            )
        yield line, row[text], row[label]


def _csv_rows(place: str, content: str) -> Iterator[tuple[int, list[str]]]:
    """Return the rows that are not empty, each with the number of the line where it begins."""
    rows = csv.reader(io.StringIO(content, newline=""), strict=True)
    line = 1
    while True:
        usual = csv.field_size_limit(len(content) + 1)  # the module's own limit would refuse a long text
        try:
            row = next(rows, None)
        except csv.Error as error:
            raise UserError(f"{place}, line {line}: {error}; look at the quotation marks of this row") from error
        finally:
            csv.field_size_limit(usual)
        if row is None:
            return
        if row:
            yield line, row
        line = rows.line_num + 1


def _jsonl(place: str, content: str) -> Iterator[tuple[int, Any, Any]]:
    for number, line in enumerate(content.split("\n"), start=1):  # a string may hold the other line ends of Unicode
        if not line.strip():
            continue
        try:
            row = json.loads(
                line, parse_int=Number, parse_float=Number, parse_constant=_nothing, object_pairs_hook=_once
            )
        except json.JSONDecodeError as error:
            raise UserError(f"{place}, line {number}: not JSON ({error.msg} at column {error.colno})") from error
        except (ValueError, RecursionError) as error:
            raise UserError(f"{place}, line {number}: not usable JSON ({error})") from error
        if not isinstance(row, dict):
            raise UserError(f'{place}, line {number}: is no object such as {{"text": "one, two", "label": "a"}}')
        for column in COLUMNS:
            if column not in row:
                raise UserError(f"{place}, line {number}: has no '{column}', only {reprlib.repr(list(row))}")
        yield number, row["text"], row["label"]


def _nothing(_: str) -> None:
    """Read NaN and the infinities, which JSON does not know, as no label."""


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("an object has one key twice")
    return found


READERS: dict[str, Callable[[str, str], Iterator[tuple[int, Any, Any]]]] = {".csv": _csv, ".jsonl": _jsonl}
"""How a file is read, by its ending."""
