"""The configurations of a sweep, one by one, from the overrides of each.

Hydra composes the first one. A choice that fills nothing but its group is put in the place of the first one's, and
plain values are merged into the result, which is the same and a hundred times faster. All else Hydra composes once.
"""

from __future__ import annotations

import copy
from collections.abc import Collection, Sequence
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from omegaconf import DictConfig, OmegaConf

from rnnbench.config.schema import Config
from rnnbench.errors import UserError
from rnnbench.sweep.composed import checked, explained, is_group, run_alone, typed
from rnnbench.sweep.mixed import applies, fitting, optional, targeted
from rnnbench.sweep.separable import Separable

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
        self._first: tuple[str, ...] | None = None
        self._separable: Separable | None = None
        self._choices: dict[tuple[str, str | None], Any] = {}

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
        return not (prefixed or key.startswith("protocol") or self.is_group(key) or targeted(key))

    def fitting(self, overrides: tuple[str, ...], mixed: Collection[str] = ()) -> tuple[str, ...]:
        """Return ``overrides`` less what another choice of a group takes.

        That is a class of one's own, and its arguments, where another cell or task is chosen, and options of the groups
        ``mixed``, of which a sweep has several choices, that this choice does not have.
        """
        if not any(optional(line, mixed) for line in overrides):
            return overrides
        with explained():
            chosen = self._compose(tuple(line for line in overrides if self.is_group(line.partition("=")[0])))
        return tuple(line for line in overrides if fitting(line, chosen, mixed))

    def typed(self, overrides: tuple[str, ...]) -> DictConfig:
        """Return what Hydra makes of ``overrides``, with types; composed once."""
        if overrides not in self._typed:
            self._typed[overrides] = self._joined(overrides) or self._alone(overrides)
        return self._typed[overrides]

    def _alone(self, overrides: tuple[str, ...]) -> DictConfig:
        found = self._compose(overrides)
        for key in NOT_SWEPT:
            if OmegaConf.select(found, key) != OmegaConf.select(self.base, key):
                names = ", ".join(line for line in overrides if line not in self.base.hydra.overrides.task)
                raise UserError(f"{names}: changes {key}, so a sweep cannot choose it; launch each by itself")
        return typed(found)

    def _joined(self, overrides: tuple[str, ...]) -> DictConfig | None:
        """Return the first combination with each other choice of ``overrides`` in the place of its own.

        None where there is no first one, or where they differ in what cannot be exchanged by itself.
        """
        if self._first is None:
            self._first = overrides
            return None
        first, own = (
            {self._parsed(line).get_key_element(): line for line in each} for each in (self._first, overrides)
        )
        others = [key for key in first | own if first.get(key) != own.get(key)]
        common = {self._parsed(line).key_or_group.partition(".")[0] for key, line in own.items() if key not in others}
        if len(own) < len(overrides) or common & {*others} or not all(self._exchangeable(key, own) for key in others):
            return None
        made = copy.deepcopy(self.typed(self._first))
        for key in others:
            made[key] = self._exchanged(key, self._parsed(own[key]).value() if key in own else None)
        return made

    def _exchangeable(self, group: str, lines: dict[str, str]) -> bool:
        """Return whether ``lines`` by key leave a group's default, or make a choice that fills this group alone."""
        choice = self._parsed(lines[group]).value() if group in lines else None
        if group not in self.base or not self.is_group(group) or not (group not in lines or isinstance(choice, str)):
            return False
        if self._separable is None:
            given = [*self.base.hydra.overrides.hydra, *(self._first or ())]
            self._separable = Separable(self.loader, self.base.hydra.job.config_name, given)
        return self._separable(group, choice)

    def _exchanged(self, group: str, choice: str | None) -> Any:
        """Return a group with ``choice`` in the first combination, with types; made once."""
        if (group, choice) not in self._choices:
            assert self._first is not None
            assert self._separable is not None
            whole = copy.deepcopy(run_alone(self._compose(self._first)))
            whole[group] = self._separable.filled(group, choice)
            self._choices[group, choice] = typed(whole)[group]
        return self._choices[group, choice]

    def _compose(self, overrides: tuple[str, ...]) -> DictConfig:
        """Return what Hydra makes of ``overrides``; composed once."""
        if overrides not in self._composed:
            self._composed[overrides] = self.loader.load_sweep_config(self.base, list(overrides))
        return self._composed[overrides]
