"""Fingerprints of what a configuration only names: local data, and the source of classes given by ``_target_``.

Their sha256 is in the record and the checkpoint of a run, so that one name with other contents is no longer the same
run. A class is known by the file that defines it; what that file imports is not looked at.
"""

from __future__ import annotations

import hashlib
import inspect
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

from rnnbench.config.identity import OUTSIDE, below
from rnnbench.config.schema import Config

TARGET = "_target_"
AGAIN = "force=true runs it again, name=... keeps both"


def fingerprints(config: Config) -> dict[str, str]:
    """Return the sha256 of the local data and of the source of each class, by the setting "key=value" that names it.

    What comes from the Hub, and a class whose source cannot be found, is left out. Raises UserError for unusable data.
    """
    found = config.task.fingerprint()
    for key, target in _targets(config.to_dict()):
        if below(key, OUTSIDE):
            continue
        with suppress(Exception):  # external modules raise anything; what cannot be built is an error elsewhere
            found[f"{key}={target}"] = hashlib.sha256(_source(target).read_bytes()).hexdigest()
    return found


def changed(then: Mapping[str, str], now: Mapping[str, str]) -> str:
    """Return what is another now than it was, in a phrase; empty where nothing is that was known then."""
    for setting, digest in then.items():
        if now.get(setting) != digest:
            return f"{setting} has changed since: sha256 {digest[:10]} then, {now.get(setting, 'not found')[:10]} now"
    return ""


def changed_since(then: Mapping[str, str], config: Config) -> str:
    """Return ``changed`` for what the configuration names; it is read only where fingerprints were recorded."""
    return changed(then, fingerprints(config)) if then else ""


def _targets(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield every key of nested values that names a class, with the name of the class."""
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _targets(value, f"{prefix}{key}.")
        elif key == TARGET and isinstance(value, str):
            yield f"{prefix}{key}", value


def _source(target: str) -> Path:
    """Return the file that defines a class."""
    module = sys.modules[resolve_name(target).__module__]
    return Path(inspect.getsourcefile(module) or module.__file__ or "")
