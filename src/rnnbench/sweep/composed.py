"""From composed YAML to a checked configuration, and from an error of Hydra or OmegaConf to one line.

With ``compose`` beside it and ``rnnbench.cli`` all that knows Hydra and OmegaConf.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from hydra.core.config_store import ConfigStore
from hydra.core.object_type import ObjectType
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import MissingMandatoryValue, OmegaConfBaseException

from rnnbench.config import CONF
from rnnbench.config.cell_options import cell_config
from rnnbench.config.early_stop import EARLY_STOP_CONFIGS
from rnnbench.config.factors import NOT_FACTORS
from rnnbench.config.identity import below
from rnnbench.config.optimizer import OPTIMIZER_CONFIGS
from rnnbench.config.schedule import SCHEDULE_CONFIGS
from rnnbench.config.schema import Config
from rnnbench.errors import UserError, unknown
from rnnbench.extensions import CHOICES, EXTERNAL, dotted, label, offered
from rnnbench.sweep.mixed import TARGETED
from rnnbench.tasks import TASKS
from rnnbench.tasks.external import ExternalTask

SWEPT = {
    r"Ambiguous value for argument '(.*)'": "{}: has several values; to sweep over them add -m, to give one with a "
    "comma quote it, as in 'key=\"a,b\"'",
    r"Sweep parameters '(.*)' requires --multirun": "{}: is a sweep; add -m",
    "Config group override must be": "a group takes the name of one of its files in conf/, as in cell=lstm",
}
"""Hydra's messages for the most common mistakes, and what to do."""
MIXED = ("callbacks", "loggers")
"""The groups of which a run may take several files."""
NOT_A_RUN = ("hydra", "protocol", "claim")
"""Keys of the composed YAML that are no part of a run's configuration."""
EXAMPLES = {"task": "adding", "cell": "lstm", "optimizer": "adam", "schedule": "constant", "early_stop": "none"}


def parse(composed: DictConfig) -> Config:
    """Return the composed YAML as a checked, plain Config.

    Raises UserError for a wrong key, type, value or combination.
    """
    with explained():
        return checked(typed(composed))


def typed(composed: DictConfig) -> DictConfig:
    """Return the composed YAML with the types of a Config, which every later change of a value must have too."""
    own = run_alone(composed)
    for group in TARGETED:
        _settle(group, _group(group, own))
    made = OmegaConf.structured(Config)
    for group, find in SCHEMAS.items():
        if group in own or group not in ADDED:
            made[group] = OmegaConf.structured(find(own))
    merged = OmegaConf.unsafe_merge(made, own)  # both were made here: nobody else has them
    assert isinstance(merged, DictConfig)
    return merged


def run_alone(composed: DictConfig) -> DictConfig:
    """Return the composed YAML less what is no part of a run's configuration."""
    return OmegaConf.masked_copy(composed, [str(key) for key in composed if key not in NOT_A_RUN])


def chosen(group: str, composed: DictConfig) -> Any:
    """Return the choice for a group, with its types; its values are not checked."""
    types = OmegaConf.create({group: OmegaConf.structured(SCHEMAS[group](composed))})
    return OmegaConf.to_object(OmegaConf.select(OmegaConf.merge(types, composed), group))


def _settle(group: str, chosen: DictConfig) -> None:
    """Take ``_target_`` and ``arguments``, which conf/train.yaml states for all, from a choice that has no class."""
    target = chosen.get("_target_")
    if target is not None:
        label(group, chosen.name, dotted(str(target)))
        return
    if chosen.name == EXTERNAL:
        chosen["_target_"] = "???"  # as its file says; to OmegaConf that is no reason to replace null
        return
    with open_dict(chosen):  # and closed again: a key that the choice does not have stays an error
        arguments = chosen.pop("arguments", None)
        chosen.pop("_target_", None)
    if arguments:
        key = f"{group}.arguments.{next(iter(arguments))}"
        raise UserError(f"{key}: goes with {group}={EXTERNAL}, not with {group}={chosen.name}")


def check_agreement(flat: Mapping[str, Any], seen: dict[str, Any]) -> None:
    """Raise UserError where jobs differ in what is not part of a run: two of them would then be one run.

    ``flat`` is a job's configuration by key, ``seen`` what the jobs before it had.
    """
    for key, value in flat.items():
        if key != "seed" and below(key, NOT_FACTORS) and seen.setdefault(key, value) != value:
            raise UserError(
                f"{key}={seen[key]},{value}: cannot be swept, because runs that differ in nothing else are one run; "
                "launch each choice by itself"
            )


def offer_installed() -> None:
    """Make what installed packages offer a choice of its group, less what has a name of the suite's own files."""
    store, found = ConfigStore.instance(), offered()
    for group in CHOICES:
        for name, target in found[group].items():
            if not (CONF / group / f"{name}.yaml").exists():
                base = EXTERNAL if group in TARGETED else "default"
                node = {"defaults": [base, "_self_"], "name": name, "_target_": target}
                store.store(name, node, group=group, provider="rnnbench")


def checked(made: DictConfig) -> Config:
    """Return a ``typed`` configuration as a Config, whose values and combinations are checked."""
    config = OmegaConf.to_object(made)
    assert isinstance(config, Config)
    config.task.check()
    return config


def is_group(loader: Any, key: str) -> bool:
    """Return whether ``key`` chooses a file of ``conf/``, and is no value."""
    return any(each.is_group(key) and each.list(key, ObjectType.CONFIG) for each in loader.get_sources())


def check_groups(loader: Any, overrides: Iterable[Override]) -> None:
    """Raise UserError where a list is given for a group: Hydra would silently merge its choices.

    A mixture is what is meant of callbacks and of loggers.
    """
    for override in overrides:
        value = None if override.is_sweep_override() or override.is_delete() else override.value()
        if override.key_or_group in MIXED and isinstance(value, list):
            continue
        if isinstance(value, list | dict) and is_group(loader, override.key_or_group):
            wanted = ",".join(map(str, value))
            raise UserError(
                f"{override.input_line}: a run has one {override.key_or_group}; to sweep over several: "
                f"-m {override.key_or_group}={wanted}"
            )


@contextmanager
def explained() -> Iterator[None]:
    """Turn an error of Hydra or OmegaConf about a user's input into a UserError of one line."""
    try:
        yield
    except (HydraException, OmegaConfBaseException) as error:
        raise UserError(explain(error)) from error
    except (UserError, OSError):
        raise
    except Exception as error:
        if _comes_from_composition(error):
            raise UserError(explain(error)) from error
        raise


def _comes_from_composition(error: BaseException) -> bool:
    """Return whether a composing library raised the error: such libraries meet odd values with errors of any kind."""
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    module = "" if frame is None else str(frame.tb_frame.f_globals.get("__name__"))
    return module.partition(".")[0] in ("hydra", "omegaconf", "yaml", "antlr4")


def explain(error: Exception) -> str:
    """Return an error of Hydra or OmegaConf in one line for a person."""
    if isinstance(error, MissingConfigException) and error.options is not None:
        group, _, choice = (error.missing_cfg_file or "").rpartition("/")
        return str(unknown(group or "configuration", choice, error.options))
    if isinstance(error, OverrideParseException):
        return f"cannot read the override '{error.override}'{quoted(error.override)}"
    for pattern, advice in SWEPT.items():
        if (found := re.match(pattern, str(error))) is not None:
            return advice.format(*found.groups())
    cause = error if isinstance(error, OmegaConfBaseException) else error.__cause__
    if isinstance(cause, MissingMandatoryValue):
        return f"{cause.full_key}: has no default; give it, as in {cause.full_key}=..."
    if isinstance(cause, OmegaConfBaseException):
        if (cause.parent_node is not None and "is not in struct" in str(cause)) or "not in '" in str(cause):
            prefix = str(cause.full_key or cause.key).rpartition(".")[0]
            known = [f"{prefix}.{key}" if prefix else str(key) for key in cause.parent_node or ()]
            return str(unknown("key", cause.full_key or cause.key, known))
        return f"{cause.full_key}: {str(cause).splitlines()[0]}"
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return re.sub(r"\s+", " ", lines[0] if lines else type(error).__name__)


def quoted(override: str) -> str:
    """Return the advice to quote a value that cannot be parsed as it is; empty where that would not help."""
    key, equals, value = override.partition("=")
    text = value.replace("\\", "\\\\").replace('"', '\\"')
    try:
        OverridesParser.create().parse_override(f'{key}="{text}"')
    except HydraException:
        return "; give key=value"
    return f"; quote the value: '{key}=\"{text}\"'" if equals else "; give key=value"


def _group(group: str, composed: DictConfig) -> DictConfig:
    """Return the choice for a group."""
    chosen = composed.get(group)
    if not isinstance(chosen, DictConfig) or not isinstance(chosen.get("name"), str):
        raise UserError(f"{group}: nothing is chosen; give one, as in {group}={EXAMPLES[group]}")
    return chosen


def _task(composed: DictConfig) -> Any:
    return ExternalTask if "_target_" in composed.task else _choose("task", composed, TASKS | {EXTERNAL: ExternalTask})


def _choose(group: str, composed: DictConfig, known: dict[str, Any]) -> Any:
    name = _group(group, composed).name
    if name not in known:
        raise unknown(group, name, known)
    return known[name]


SCHEMAS: dict[str, Callable[[DictConfig], Any]] = {
    "task": _task,
    "cell": lambda composed: cell_config(composed.cell),
    "optimizer": lambda composed: _choose("optimizer", composed, OPTIMIZER_CONFIGS),
    "schedule": lambda composed: _choose("schedule", composed, SCHEDULE_CONFIGS),
    "early_stop": lambda composed: _choose("early_stop", composed, EARLY_STOP_CONFIGS),
}
"""The dataclass of the choice for a group, where each choice has its own."""
ADDED = ("schedule", "early_stop")
"""The groups that configurations of older runs do not have."""
