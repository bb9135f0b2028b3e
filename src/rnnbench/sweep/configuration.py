"""The configuration of one run, from overrides or from the file of a run, without running anything."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import OmegaConf

from rnnbench.config import CONF
from rnnbench.config.schema import Config
from rnnbench.errors import UserError
from rnnbench.sweep.composed import check_groups, chosen, explained, offer_installed, parse


def configure(*overrides: str, conf: Path = CONF) -> Config:
    """Return the Config that ``overrides``, as in ``rnnbench train cell=gru``, make of the defaults in ``conf``.

    Raises UserError where they are not valid.
    """
    offer_installed()
    with explained(), initialize_config_dir(str(conf.resolve()), version_base="1.3"):
        loader = GlobalHydra.instance().config_loader()
        check_groups(loader, OverridesParser.create(config_loader=loader).parse_overrides(list(overrides)))
        return parse(compose("train", list(overrides)))


def default(group: str, name: str, **options: str) -> Any:
    """Return a choice of this package for a group by itself, which is a hundred times faster than ``configure``.

    It has the options of its file ``conf/<group>/<name>.yaml``, and others in place of these.
    """
    files = {"task": "adding"} | {group: name}  # to whose length a cell may refer
    made = OmegaConf.create({each: OmegaConf.load(CONF / each / f"{choice}.yaml") for each, choice in files.items()})
    made[group].update(options)
    return chosen(group, made)


def read(path: Path) -> Config:
    """Return the Config of the run that left ``path``, its config.yaml. Raises UserError where it is not one."""
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise UserError(f"{path}: cannot be read ({' '.join(str(error).split())})") from error
    if not isinstance(found, dict):
        raise UserError(f"{path}: is no configuration")
    with explained():
        return parse(OmegaConf.create(_literal(found)))


def _literal(value: Any) -> Any:
    """Return ``value`` escaped for OmegaConf.

    It takes ``${`` for an interpolation, and a backslash before it for an escape.
    """
    if isinstance(value, dict):
        return {key: _literal(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_literal(each) for each in value]
    return re.sub(r"(\\*)\$\{", r"\1\1\\${", value) if isinstance(value, str) else value
