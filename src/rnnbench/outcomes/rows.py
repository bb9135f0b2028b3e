"""runs.csv: one typed row a run, in a pandas frame with the columns of ``columns.py`` and each run's configuration.

In memory a frame has every configuration key as a column of its own, called by its dotted name. On disk those that all
runs share are in config.yaml, and runs.csv has the others. Every run is one line: a text that holds a line break or
begins with a quotation mark is written as a JSON string, and so is a configuration's text that reads as another value.
"""

from __future__ import annotations

import csv
import io
import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from rnnbench.errors import UserError
from rnnbench.outcomes.column import Column
from rnnbench.outcomes.columns import COLUMNS, PHASES, Row, column
from rnnbench.store import typed
from rnnbench.store.status import Status

FILE = "runs.csv"
AGAIN = "make it again with rnnbench report, or with rnnbench publish --replace"
NEEDED = [name for name, each in COLUMNS.items() if not each.optional]
NEVER_MISSING = ("run_id", "phase", "status", "seed", "task", "cell", "steps", "seconds", "environment", "task.name",
                 "cell.name")  # fmt: skip
DTYPES: dict[type, Any] = {int: pd.Int64Dtype(), float: np.dtype("float64")}
NUMBERS = {int: re.compile("-?[0-9]+"), float: re.compile("-?[0-9]+([.][0-9]+)?(e[+-]?[0-9]+)?")}
"""How numbers are written: Python reads more than that, such as 1_0."""
WORDS = {int: "whole number", float: "number"}


def frame(found: Iterable[Row]) -> pd.DataFrame:
    """Return rows as a typed frame: all ``COLUMNS`` first, then other metrics, then the configuration by name."""
    listed = list(found)
    index = pd.RangeIndex(len(listed))  # one for all columns: pandas aligns what has another
    names = {name for each in listed for name in each}
    fixed = [*COLUMNS, *sorted(name for name in names if "." not in name and name not in COLUMNS)]
    kinds = {name: str if (of := column(name)) is None else of.kind for name in fixed} | dict.fromkeys(keys(names), str)
    made = {name: _typed([each.get(name) for each in listed], kind, index) for name, kind in kinds.items()}
    return pd.DataFrame(made, index)


def _typed(found: list[Any], kind: type, index: pd.RangeIndex) -> Any:
    """Return a column with its type; a text stays an object, of which pandas would make an array of texts."""
    return pd.Series(found, index, object) if kind is str else pd.array(found, DTYPES[kind])


def keys(names: Iterable[str]) -> list[str]:
    """Return those of the names that are configuration keys, sorted."""
    return sorted(name for name in names if "." in name)


def plain(table: pd.DataFrame) -> list[Row]:
    """Return the rows of a frame, with None for what is missing."""
    names = list(table)
    return [dict(zip(names, each, strict=True)) for each in table.to_numpy(dtype=object, na_value=None).tolist()]


def shared(table: pd.DataFrame) -> tuple[Row, list[str]]:
    """Return the configuration that all rows share, and the names of the keys that they do not."""
    first, varied = {}, []
    for name in keys(table):
        found = [None if pd.isna(value) else value for value in table[name]]
        if len(set(map(repr, found))) > 1:  # 1, 1.0 and true are equal, but not the same
            varied.append(name)
        elif found:
            first[name] = found[0]
    return first, varied


def write(path: Path, table: pd.DataFrame) -> None:
    """Write a frame as runs.csv: the run, then what varies, then what came of it; a float keeps every bit."""
    _, varied = shared(table)
    texts = {}
    for name in ("run_id", *varied, *(name for name in table if "." not in name and name != "run_id")):
        of = column(name)
        if of is None or not of.optional or table[name].notna().any():
            texts[name] = [_encoded(value, of) for value in table[name]]
    pd.DataFrame(texts).to_csv(path, index=False, lineterminator="\n", encoding="utf-8")


def _encoded(value: Any, of: Column | None) -> str:
    if pd.isna(value):
        return ""
    if of is not None and of.kind is not str:
        return str(of.kind(value))
    if not isinstance(value, str):
        return json.dumps(value)
    fits = value.isprintable() and not value.startswith('"') and (of is not None or _decoded(value, of) == value)
    return value if fits else json.dumps(value)


def _decoded(text: str, of: Column | None) -> Any:
    """Return the value of a text column, or of a configuration key of any type."""
    if not text or (of is not None and not text.startswith('"')):
        return text or None
    try:
        found = typed.parse(text)
    except ValueError:
        return text
    return text if isinstance(found, dict | list) else found


class _Line(NamedTuple):
    """The fields of one run, and the line of the file where they begin."""

    number: int
    fields: list[str]


def read(path: Path, common: Row) -> pd.DataFrame:
    """Return the frame of runs.csv, with the configuration ``common`` to all its runs.

    Raises UserError, which names the row, where it is damaged or foreign.
    """
    try:
        names, lines = _parsed(path.read_bytes().decode())
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); name a folder that was published") from error
    except (ValueError, csv.Error) as error:
        raise UserError(f"{path}: is damaged ({error}); {AGAIN}") from error
    _check_header(path, names, common)
    listed, place = [], names.index("run_id")
    for line in lines:
        try:
            each = _row(names, line.fields, common)
        except ValueError as error:
            of = f"line {line.number}, {''.join(line.fields[place : place + 1])!r}"
            raise UserError(f"{path}: {of}: {error}; {AGAIN}") from None
        listed.append(each)
    if not listed:
        raise UserError(f"{path}: has no runs; {AGAIN}")
    (run_id, count), *_ = Counter(each["run_id"] for each in listed).most_common(1)
    if count > 1:
        raise UserError(f"{path}: {run_id!r} has {count} rows; {AGAIN}")
    return frame(listed)


def _parsed(text: str) -> tuple[list[str], list[_Line]]:
    """Return the names of the columns and all lines. Raises ValueError or csv.Error for anything that is no table."""
    if not text.endswith("\n"):
        raise ValueError("its last line is cut off")
    before = csv.field_size_limit(len(text))  # a text that a network wrote can be long
    try:
        reader = csv.reader(io.StringIO(text, newline=""), strict=True)
        names, lines, number = next(reader), [], reader.line_num + 1
        for fields in reader:
            lines.append(_Line(number, fields))
            number = reader.line_num + 1
    finally:
        csv.field_size_limit(before)
    return names, lines


def _check_header(path: Path, names: list[str], common: Row) -> None:
    lacking = [name for name in NEEDED if name not in names]
    foreign = [name for name in names if "." not in name and column(name) is None]
    repeated = [name for name in names if names.count(name) > 1 or name in common]
    if lacking:
        what = f"lacks the column {lacking[0]}"
    elif foreign:
        what = f"has a column {foreign[0]!r}, which is not known"
    elif repeated:
        what = f"has the column {repeated[0]!r} twice, or config.yaml has it too"
    else:
        return
    raise UserError(f"{path}: {what}: of another program or version; {AGAIN}")


def _row(names: list[str], fields: list[str], common: Row) -> Row:
    """Return a parsed row. Raises ValueError for values that no run can have."""
    if len(fields) != len(names):
        raise ValueError(f"has {len(fields)} fields, and the first line has {len(names)}")
    each = common | {name: _value(name, text) for name, text in zip(names, fields, strict=True)}
    wrong = _wrong(each)
    if wrong:
        raise ValueError(wrong)
    return each


def _value(name: str, text: str) -> Any:
    of = column(name)
    if of is None or of.kind is str:
        return _decoded(text, of)
    if not text:
        return None
    wrong = f"{name} {text[: typed.SHOWN]!r} is no {WORDS[of.kind]}"
    if NUMBERS[of.kind].fullmatch(text) is None:
        raise ValueError(wrong)
    try:
        return of.kind(text)
    except ValueError:  # of thousands of digits
        raise ValueError(wrong) from None


def _wrong(each: Row) -> str:
    """Return what is wrong with a row, in words; empty where nothing is."""
    missing = [name for name in NEVER_MISSING if each.get(name) is None]
    if missing:
        return f"lacks its {missing[0]}"
    if each["status"] not in [status for status in Status if status.ended] or each["phase"] not in PHASES:
        return f"status {each['status']!r} or phase {each['phase']!r} is not known"
    return out_of_range(each)


def out_of_range(each: Mapping[str, Any]) -> str:
    """Return in words the first value that no run can have; empty where there is none."""
    for name, value in each.items():
        of = column(name)
        if of is None or value is None:
            continue
        if of.kind is str:
            fits = isinstance(value, str)
        elif not isinstance(value, int | float):
            fits = False
        elif of.kind is int:
            fits = 0 <= value < np.iinfo(np.int64).max and value == int(value)
        else:
            fits = math.isfinite(value)
        if not fits:
            return f"{name} {str(value)[: typed.SHOWN]} is out of range"
    return ""
