"""The groups of a sweep whose choices can be exchanged one by one: their files fill their own group and nothing else.

What Hydra composes of such choices is what the files say of each group, in the order of the defaults list.
"""

from __future__ import annotations

from typing import Any

from hydra.plugins.config_source import ConfigResult
from hydra.types import RunMode
from omegaconf import OmegaConf


class Separable:
    """Finds out for the groups of the configuration ``name`` with ``overrides``, from what its files say."""

    def __init__(self, loader: Any, name: str, overrides: list[str]) -> None:
        self.loader = loader
        self._leaves: dict[str, bool] = {}
        listed = loader.compute_defaults_list(name, overrides, RunMode.RUN).defaults
        self.parts = [(str(each.config_path), str(each.package)) for each in listed]
        self.fixed = all(_names_its_defaults(_read(loader, path)) for path, _ in self.parts)

    def __call__(self, group: str, choice: str | None) -> bool:
        """Return whether ``choice`` of a group can be exchanged for the one that is chosen; None stands for that."""
        within = [(path, package) for path, package in self.parts if package.partition(".")[0] == group]
        if not self.fixed or len(within) != 1 or within[0][1] != group or not within[0][0].startswith(f"{group}/"):
            return False
        return self._is_leaf(within[0][0]) and (choice is None or self._is_leaf(f"{group}/{choice}"))

    def filled(self, group: str, choice: str | None) -> Any:
        """Return the group with ``choice``, from all files that fill it. Both are such that they can be exchanged."""
        found = []
        for path, package in self.parts:
            if package == group:
                found.append(_file(self.loader, path if choice is None else f"{group}/{choice}").config)
            elif package == "" and group in (whole := _file(self.loader, path).config):
                found.append(whole[group])
        return OmegaConf.merge(*found)

    def _is_leaf(self, path: str) -> bool:
        """Return whether a file fills its own group alone, and takes no other file."""
        if path not in self._leaves:
            found = _read(self.loader, path)
            header = {} if found is None else found.header
            self._leaves[path] = found is not None and not header.get("package") and "defaults" not in found.config
        return self._leaves[path]


def _file(loader: Any, path: str) -> ConfigResult:
    found = _read(loader, path)
    assert found is not None
    return found


def _read(loader: Any, path: str) -> ConfigResult | None:
    """Return a file of the configuration; None where the search path does not have it."""
    return next((source.load_config(path) for source in loader.get_sources() if source.is_config(path)), None)


def _names_its_defaults(found: ConfigResult | None) -> bool:
    """Return whether the files that a file takes are the same whatever is chosen."""
    return found is not None and "${" not in OmegaConf.to_yaml(OmegaConf.masked_copy(found.config, ["defaults"]))
