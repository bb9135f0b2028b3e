"""The configurations of a sweep, one by one, from the overrides of each.

Hydra composes what they share. A choice that fills nothing but its group is put in the place of the default, and plain
values are merged into the result, which is the same and a hundred times faster. All else Hydra composes once.
"""

from __future__ import annotations

import copy
from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from omegaconf import DictConfig, OmegaConf

from rnnbench.config.schema import Config
from rnnbench.errors import UserError
from rnnbench.sweep.combination import Choices, Combination
from rnnbench.sweep.composed import checked, explained, is_group, typed
from rnnbench.sweep.mixed import applies, fitting, optional, targeted

NOT_SWEPT = ("hydra.mode", "hydra.sweeper", "hydra.launcher", "protocol", "claim")
"""Keys that a sweep reads once, so that no choice within it may change them."""


class Composer:
    """Composes the jobs of one sweep from its ``base``, the configuration of what they share."""

    def __init__(self, loader: Any, base: DictConfig) -> None:
        self.loader, self.base = loader, base
        self.parser = OverridesParser.create(config_loader=loader)
        self._lines: dict[str, Override] = {}
        self._typed: dict[tuple[str, ...], DictConfig] = {}
        self._scratch: tuple[object, DictConfig] | None = None
        self._groups: dict[str, bool] = {}
        self._composed: dict[tuple[str, ...], DictConfig] = {}
        self._firsts: dict[tuple[str, ...], Combination] = {}

    def begin_with_base(self) -> None:
        """Take the base for what Hydra makes of the overrides that all jobs share; each job must have all of them."""
        given = [self._parsed(line) for line in self.base.hydra.overrides.task]
        shared = [each for each in given if not (each.is_sweep_override() or self._is_value(each))]
        lines = {each.get_key_element(): each for each in shared}
        overrides = tuple(each.input_line or "" for each in shared)
        first = Combination(self.loader, self.base, lines, self.base)
        if len(lines) == len(shared):
            with suppress(UserError), explained():  # what is shared may not go with the default of a swept group
                self._typed[overrides] = first.whole
                self._composed[overrides] = self.base
                self._firsts[self._beside(overrides, lines)] = first

    def config(self, overrides: Sequence[str], values: dict[str, Any] | None = None) -> Config:
        """Return the configuration that ``overrides`` make, and then ``values`` by key.

        Raises UserError for a mistake.
        """
        with explained():
            parsed = [self._parsed(line) for line in overrides]
            plain = {each.key_or_group: each.value() for each in parsed if self._is_value(each)}
            composed = tuple(each.input_line or "" for each in parsed if not self._is_value(each))
            typed = self.typed(composed)
            tuned = {key: value for key, value in (values or {}).items() if applies(key, typed)}
            return checked(self._filled(composed, plain | tuned))

    def _parsed(self, line: str) -> Override:
        """Return an override that was read; a sweep of many runs has few different ones."""
        if line not in self._lines:
            (self._lines[line],) = self.parser.parse_overrides([line])
        return self._lines[line]

    def _filled(self, composed: tuple[str, ...], values: dict[str, Any]) -> DictConfig:
        """Return what ``composed`` makes, with ``values``.

        A copy costs more than all else. The last one is filled again where each value that it was given is replaced.
        """
        replaced = None if any(isinstance(each, dict) for each in values.values()) else (composed, tuple(values))
        if self._scratch is None or replaced is None or self._scratch[0] != replaced:
            self._scratch = replaced, copy.deepcopy(self.typed(composed))
        made = self._scratch[1]
        for key, value in values.items():
            OmegaConf.update(made, key, value, merge=True)
        return made

    def is_group(self, key: str) -> bool:
        """Return whether ``key`` chooses a file of ``conf/`` and is no value; looked up once."""
        if key not in self._groups:
            self._groups[key] = is_group(self.loader, key)
        return self._groups[key]

    def _is_value(self, override: Override) -> bool:
        """Return whether an override sets an existing key of the run and selects no file."""
        prefixed = override.is_add() or override.is_delete() or override.is_force_add() or override.package is not None
        key = override.key_or_group
        return not (prefixed or _of_protocol(key) or self.is_group(key) or targeted(key))

    def fitting(self, overrides: tuple[str, ...], mixed: Collection[str] = ()) -> tuple[str, ...]:
        """Return ``overrides`` less what another choice of a group takes.

        That is a class of one's own, and its arguments, where another cell or task is chosen, and options of the groups
        ``mixed``, of which a sweep has several choices, that this choice does not have.
        """
        if not any(optional(line, mixed) for line in overrides):
            return overrides
        choices = tuple(line for line in overrides if self.is_group(key := line.partition("=")[0]) or _of_protocol(key))
        with explained():
            first, others = self._combined(choices)
            chosen = first.chosen(others) if first else self._compose(choices)
        return tuple(line for line in overrides if fitting(line, chosen, mixed))

    def typed(self, overrides: tuple[str, ...]) -> DictConfig:
        """Return what Hydra makes of ``overrides``, with types; made once."""
        if overrides not in self._typed:
            first, others = self._combined(overrides)
            self._typed[overrides] = first.typed(others) if first and others else self._alone(overrides)
        return self._typed[overrides]

    def _alone(self, overrides: tuple[str, ...]) -> DictConfig:
        found = self._compose(overrides)
        for key in NOT_SWEPT:
            if OmegaConf.select(found, key) != OmegaConf.select(self.base, key):
                names = ", ".join(line for line in overrides if line not in self.base.hydra.overrides.task)
                raise UserError(f"{names}: changes {key}, so a sweep cannot choose it; launch each by itself")
        return typed(found)

    def _combined(self, overrides: tuple[str, ...]) -> tuple[Combination | None, Choices]:
        """Return the first combination with the same overrides of other kinds, and what these choose otherwise.

        No combination where Hydra has to compose them.
        """
        lines = {(each := self._parsed(line)).get_key_element(): each for line in overrides}
        beside = self._beside(overrides, lines)
        if beside not in self._firsts:
            self._firsts[beside] = Combination(self.loader, self.base, lines, self._compose(overrides))
        others = None if len(lines) < len(overrides) else self._firsts[beside].others(lines)
        return (None, {}) if others is None else (self._firsts[beside], others)

    def _beside(self, overrides: tuple[str, ...], keys: Iterable[str]) -> tuple[str, ...]:
        """Return the overrides, with their ``keys``, that choose no file."""
        return tuple(line for key, line in zip(keys, overrides, strict=False) if not self.is_group(key))

    def _compose(self, overrides: tuple[str, ...]) -> DictConfig:
        """Return what Hydra makes of ``overrides``; composed once."""
        if overrides not in self._composed:
            self._composed[overrides] = self.loader.load_sweep_config(self.base, list(overrides))
        return self._composed[overrides]


def _of_protocol(key: str) -> bool:
    return key.partition(".")[0] == "protocol"
