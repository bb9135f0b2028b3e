"""Checks parsed JSON against the types of a dataclass or a TypedDict: files may be old or damaged."""

from __future__ import annotations

import json
import math
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints, is_typeddict

T = TypeVar("T")
LARGEST = 2**63  # from here on, a whole number fits no array
SHOWN = 40  # characters of a wrong value
NAMES: dict[Any, str] = {
    str: "text", int: "a whole number", float: "a number", bool: "true or false", NoneType: "null", list: "a list",
    dict: "a table",
}  # fmt: skip


def parse(text: str) -> Any:
    """Return the values of a JSON text.

    Raises ValueError, also for a number that is not finite or too large for an array.
    """
    try:
        values = json.loads(text, parse_float=_finite, parse_int=_bounded, parse_constant=_finite)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    json.dumps(values, ensure_ascii=False).encode()  # half a surrogate pair can be read, but never written
    return values


def build(kind: type[T], values: Any) -> T:
    """Make the dataclass ``kind`` of parsed values; unknown keys are ignored. Raises ValueError for a wrong type."""
    check(values, kind)
    known = _hints(cast(Any, kind))
    return kind(**{key: value for key, value in values.items() if key in known})


def check(value: Any, kind: Any, where: str = "") -> None:
    """Raise ValueError, which names the key, unless the parsed ``value`` has the type ``kind``."""
    outer, inner = get_origin(kind) or kind, get_args(kind)
    if outer in (Union, UnionType):
        _check_any(value, inner, where)
    elif is_dataclass(outer) or is_typeddict(outer):
        _check_keys(value, outer, where)
    elif outer is not Any:
        fits = type(value) is outer or (outer is float and type(value) is int)  # true is no number
        if not fits:
            shown = repr(value) if len(repr(value)) <= SHOWN else f"{repr(value)[:SHOWN]}..."
            raise ValueError(f"{where or 'it'} is {shown}, not {NAMES[outer]}")
        parts = enumerate(value) if outer is list else value.items() if outer is dict else ()
        for key, each in parts:
            check(each, inner[-1], f"{where}.{key}")


def _check_any(value: Any, kinds: tuple[Any, ...], where: str) -> None:
    reasons = []
    for kind in kinds:
        try:
            return check(value, kind, where)
        except ValueError as error:
            reasons.append(error)
    raise reasons[0]  # that of the type itself: that it is not None either is no help


def _check_keys(value: Any, kind: Any, where: str) -> None:
    check(value, dict[str, Any], where)
    hints = _hints(kind)
    optional = [f.name for f in fields(kind) if _has_default(f)] if is_dataclass(kind) else kind.__optional_keys__
    missing = [key for key in hints if key not in value and key not in optional]
    if missing:
        raise ValueError(f"{where or 'it'} lacks {', '.join(missing)}")
    for key, hint in hints.items():
        if key in value:
            check(value[key], hint, f"{where}.{key}" if where else key)


@cache  # which evaluates every annotation
def _hints(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind)


def _has_default(field: Any) -> bool:
    return field.default is not MISSING or field.default_factory is not MISSING


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:SHOWN]} is no finite number")
    return number


def _bounded(text: str) -> int:
    number = int(text)
    if abs(number) >= LARGEST:
        raise ValueError(f"{text[:SHOWN]} is too large")
    return number
