"""runs.csv: one typed row a run, in a pandas frame with the columns of ``columns.py`` and each run's configuration.

In memory a frame has every configuration key as a column of its own, called by its dotted name. On disk those that all
runs share are in config.yaml, and runs.csv has the others.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from rnnbench.errors import UserError
from rnnbench.store.columns import COLUMNS, Column, Row, column
from rnnbench.store.status import Status

FILE = "runs.csv"
TUNING, REPORT, UNUSED = "tuning", "report", "unused"
AGAIN = "publish it again with scripts/publish.py"
NEEDED = [name for name, each in COLUMNS.items() if not each.optional]
NEVER_MISSING = ("run_id", "phase", "status", "seed", "task", "cell", "steps", "seconds", "environment")
DTYPES = {int: "Int64", float: "float64", str: "object"}


def frame(found: Iterable[Row]) -> pd.DataFrame:
    """Return rows as a typed frame: the columns of ``COLUMNS`` first, then the configuration by name."""
    listed = list(found)
    names = {name for each in listed for name in each} | set(NEEDED)
    order = list(COLUMNS)
    extra = sorted(name for name in names if "." not in name and name not in COLUMNS)
    fixed = [name for name in order if name in names] + extra
    made = {name: _typed([each.get(name) for each in listed], column(name)) for name in fixed}
    return pd.DataFrame(made | {name: _typed([each.get(name) for each in listed], None) for name in keys(names)})


def _typed(found: Sequence[Any], of: Column | None) -> pd.Series[Any]:
    return pd.Series(list(found), dtype=DTYPES[of.kind] if of is not None else "object")


def keys(names: Iterable[str]) -> list[str]:
    """Return those of the names that are configuration keys, sorted."""
    return sorted(name for name in names if "." in name)


def plain(table: pd.DataFrame) -> list[Row]:
    """Return the rows of a frame, with None for what is missing."""
    objects = table.astype(object)
    found: list[Row] = objects.where(table.notna(), None).to_dict("records")
    return found


def shared(table: pd.DataFrame) -> tuple[Row, list[str]]:
    """Return the configuration that all rows share, and the names of the keys that they do not."""
    first, varied = {}, []
    for name in keys(table):
        found = [None if pd.isna(value) else value for value in table[name]]
        if all(type(value) is type(found[0]) and value == found[0] for value in found):
            first[name] = found[0]
        else:
            varied.append(name)
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
    if of is None:  # a configuration key has values of several types: text that reads as another one is quoted
        return value if isinstance(value, str) and isinstance(_decoded(value), str) and value else json.dumps(value)
    return str(float(value)) if of.kind is float else str(value)


def _decoded(text: str) -> Any:
    try:
        found = json.loads(text)
    except ValueError:
        return text or None
    return found if not isinstance(found, dict | list) else text


def read(path: Path, common: Row) -> pd.DataFrame:
    """Return the frame of runs.csv, with the configuration ``common`` to all its runs.

    Raises UserError, which names the row, where it is damaged or foreign.
    """
    try:
        if not path.read_bytes().endswith(b"\n"):
            raise ValueError("its last line is cut off")
        texts = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8")
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); name a folder that was published") from error
    except ValueError as error:  # of pandas too
        raise UserError(f"{path}: is damaged ({' '.join(str(error).split())}); {AGAIN}") from error
    lacking = [name for name in NEEDED if name not in texts]
    foreign = [name for name in texts if "." not in name and column(name) is None]
    if lacking or foreign:
        what = f"lacks the column {lacking[0]}" if lacking else f"has a column '{foreign[0]}', which is not known"
        raise UserError(f"{path}: {what}: of another program or version; {AGAIN}")
    found: dict[str, Any] = {}
    for name in texts:
        of = column(name)
        found[name] = [_value(path, texts, index, name, of) for index in range(len(texts))]
    listed = [common | dict(zip(found, each, strict=True)) for each in zip(*found.values(), strict=True)]
    for index, each in enumerate(listed):
        wrong = _wrong(each)
        if wrong:
            raise _row_error(path, texts, index, wrong)
    repeated = texts["run_id"][texts["run_id"].duplicated()]
    if len(repeated):
        raise UserError(f"{path}: {repeated.iloc[0]!r} has two rows; {AGAIN}")
    if not listed:
        raise UserError(f"{path}: has no runs; {AGAIN}")
    return frame(listed)


def _value(path: Path, texts: pd.DataFrame, index: int, name: str, of: Column | None) -> Any:
    text = texts[name].iloc[index]
    if not isinstance(text, str):  # pandas fills a line that ends early
        raise _row_error(path, texts, index, "has fewer fields than the first line")
    if of is None:
        return _decoded(text)
    if not text:
        return None
    try:
        value = of.kind(text)
    except ValueError:
        kind = {int: "whole number", float: "number"}[of.kind]
        raise _row_error(path, texts, index, f"{name} {text!r} is no {kind}") from None
    return value


def _row_error(path: Path, texts: pd.DataFrame, index: int, wrong: str) -> UserError:
    return UserError(f"{path}: line {index + 2}, {texts['run_id'].iloc[index]!r}: {wrong}; {AGAIN}")


def _wrong(each: Row) -> str:
    """What is wrong with a row, in words; empty where nothing is."""
    missing = [name for name in NEVER_MISSING if each[name] is None]
    if missing:
        return f"lacks its {missing[0]}"
    if each["status"] not in [status for status in Status if status.ended] or each["phase"] not in (
        TUNING,
        REPORT,
        UNUSED,
    ):
        return f"status {each['status']!r} or phase {each['phase']!r} is not known"
    return out_of_range(each)


def out_of_range(each: Mapping[str, Any]) -> str:
    """Which number of a row no run can have, in words; empty where there is none."""
    for name, value in each.items():
        of = column(name)
        if of is None or value is None or of.kind is str:
            continue
        if not (0 <= value < np.iinfo(np.int64).max if of.kind is int else math.isfinite(value)):
            return f"{name} {value!r} is out of range"
    return ""
