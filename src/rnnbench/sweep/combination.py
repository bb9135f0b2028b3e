"""A combination of choices that Hydra composed, and what it becomes with other choices in their place.

That is known without Hydra where the files of the choices fill their own group and nothing else: what Hydra composes of
such choices is what the files say of each group, in the order of the defaults list.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from hydra.core.override_parser.types import Override
from hydra.plugins.config_source import ConfigResult
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from rnnbench.sweep.composed import SCHEMAS, is_group, typed

Choices = dict[str, str]
"""What is chosen, by group."""


class Combination:
    """What Hydra made of the overrides ``lines``, by their key, of the configuration ``base``."""

    def __init__(self, loader: Any, base: DictConfig, lines: Mapping[str, Override], composed: DictConfig) -> None:
        self.loader, self.base, self.lines, self.composed = loader, base, dict(lines), composed
        self._files: dict[str, ConfigResult | None] = {}
        self._known: dict[tuple[str, str], bool] = {}
        self._filled: dict[tuple[str, str], Any] = {}
        self._typed: dict[tuple[str, str], Any] = {}

    @cached_property
    def whole(self) -> DictConfig:
        """The combination as it is, with types."""
        return typed(self.composed)

    @cached_property
    def parts(self) -> list[tuple[str, str]]:
        """The files of the defaults list and the groups that they fill, ``""`` for any, but for Hydra's own."""
        given = [*self.base.hydra.overrides.hydra, *(str(each.input_line) for each in self.lines.values())]
        listed = self.loader.compute_defaults_list(self.base.hydra.job.config_name, given, RunMode.RUN).defaults
        found = [(str(each.config_path), str(each.package)) for each in listed]
        return [(path, package) for path, package in found if package.partition(".")[0] != "hydra"]

    @cached_property
    def fixed(self) -> bool:
        """Whether the files that these take are the same whatever is chosen."""
        return all(_names_its_defaults(self._read(path)) for path, _ in self.parts)

    def others(self, lines: Mapping[str, Override]) -> Choices | None:
        """Return what ``lines`` choose otherwise; None where it cannot be put in place by itself."""
        if self.lines.keys() - lines.keys():
            return None  # a group has its default again, which Hydra knows
        said: dict[str, Any] = {
            key: each.value() for key, each in lines.items() if _text(self.lines.get(key)) != _text(each)
        }
        common = {each.key_or_group.partition(".")[0] for key, each in lines.items() if key not in said}
        if common & said.keys() or not all(isinstance(each, str) for each in said.values()):
            return None
        return said if all(self._exchangeable(*each) for each in said.items()) else None

    def typed(self, choices: Choices) -> DictConfig:
        """Return the combination with ``choices`` in place, with types."""
        made = copy.deepcopy(self.whole)
        for group, choice in choices.items():
            if (group, choice) not in self._typed:
                part = OmegaConf.masked_copy(self.composed, [*SCHEMAS, group])  # as little as has types
                part[group] = self.filled(group, choice)
                self._typed[group, choice] = typed(part)[group]
            made[group] = self._typed[group, choice]
        return made

    def chosen(self, choices: Choices) -> Mapping[Any, Any]:
        """Return the combination with ``choices`` in place, without types."""
        return {**self.composed, **{group: self.filled(group, choice) for group, choice in choices.items()}}

    def filled(self, group: str, choice: str) -> Any:
        """Return the group with ``choice``, without types, from all files that fill it."""
        if (group, choice) not in self._filled:
            found = []
            for path, package in self.parts:
                if package == group:
                    found.append(self._file(f"{group}/{choice}").config)
                elif package == "" and group in (whole := self._file(path).config):
                    found.append(whole[group])
            self._filled[group, choice] = OmegaConf.merge(*found)
        return self._filled[group, choice]

    def _exchangeable(self, group: str, choice: str) -> bool:
        """Return whether ``choice`` of a group can be put in the place of the one that is chosen."""
        if (group, choice) not in self._known:
            self._known[group, choice] = self._is_alone(group, choice)
        return self._known[group, choice]

    def _is_alone(self, group: str, choice: str) -> bool:
        """Return whether one file fills the group, and it and that of ``choice`` nothing else."""
        within = [(path, package) for path, package in self.parts if package.partition(".")[0] == group]
        if not self.fixed or len(within) != 1 or within[0][1] != group or not is_group(self.loader, group):
            return False
        return self._is_leaf(within[0][0]) and self._is_leaf(f"{group}/{choice}")

    def _is_leaf(self, path: str) -> bool:
        """Return whether a file fills its own group alone, and takes no other file."""
        found = self._read(path)
        return found is not None and not found.header.get("package") and "defaults" not in found.config

    def _file(self, path: str) -> ConfigResult:
        found = self._read(path)
        assert found is not None
        return found

    def _read(self, path: str) -> ConfigResult | None:
        """Return a file of the configuration, read once; None where the search path does not have it."""
        if path not in self._files:
            having = (each for each in self.loader.get_sources() if each.is_config(path))
            self._files[path] = next((each.load_config(path) for each in having), None)
        return self._files[path]


def _text(override: Override | None) -> str | None:
    return None if override is None else override.input_line


def _names_its_defaults(found: ConfigResult | None) -> bool:
    """Return whether the files that a file takes are the same whatever is chosen."""
    return found is not None and "${" not in OmegaConf.to_yaml(OmegaConf.masked_copy(found.config, ["defaults"]))
