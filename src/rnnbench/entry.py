"""From the command line to a run: the only module besides the plugins that knows Hydra and OmegaConf.

Imports nothing heavy, so that ``--help`` and a typo answer at once.
"""

from __future__ import annotations

import itertools
import json
import os
import re
import shlex
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from hydra import compose, initialize_config_dir
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from rnnbench.cell_options import cell_config
from rnnbench.config import OPTIMIZER_CONFIGS, Config
from rnnbench.errors import UserError, exit_on_user_error, unknown
from rnnbench.protocol import Protocol, choices
from rnnbench.provenance import COMMAND
from rnnbench.records import Record
from rnnbench.tasks import TASKS
from rnnbench.tracking import lend_folders


def parse(composed: DictConfig) -> Config:
    """The composed YAML as a checked, plain Config. Raises UserError for a wrong key, type, value or combination."""
    for group in ("task", "cell", "optimizer"):
        if not isinstance(composed.get(group), DictConfig):
            raise UserError(f"{group}={composed.get(group)}: must name one of the files in conf/{group}")
    schema = {
        "task": _choose("task", composed.task.name, TASKS),
        "cell": cell_config(composed.cell),
        "optimizer": _choose("optimizer", composed.optimizer.name, OPTIMIZER_CONFIGS),
    }
    own = OmegaConf.masked_copy(composed, [str(key) for key in composed if key not in ("hydra", "protocol")])
    with explained():
        typed = OmegaConf.structured(Config)
        for group, config_class in schema.items():
            typed[group] = OmegaConf.structured(config_class)
        config = OmegaConf.to_object(OmegaConf.merge(typed, own))
    assert isinstance(config, Config)
    config.task.check()
    return config


_jobs: dict[tuple[int, tuple[str, ...]], tuple[DictConfig, Config]] = {}


def job(loader: Any, base: DictConfig, overrides: Sequence[str]) -> Config:
    """The configuration of one job of a sweep; composed once, though the sweeper and the launcher both ask for it."""
    key = (id(base), tuple(overrides))
    if key not in _jobs:
        _jobs[key] = base, parse(loader.load_sweep_config(base, list(overrides)))  # with base, so that its id stays
    return _jobs[key][1]


class Job(NamedTuple):
    """One run of a sweep: what Hydra must be told for it, and what comes of that."""

    overrides: tuple[str, ...]
    config: Config


class Plan(NamedTuple):
    """The runs of a sweep by run_id, each once, though several combinations may be the same run."""

    protocol: Protocol
    tuning: dict[str, Job]
    """The tuning runs; empty where nothing is tuned."""
    candidates: dict[str, Job]
    """The runs to report, for every point of the grid."""

    def reported(self, records: Iterable[Record]) -> dict[str, Job]:
        """The candidates that the tuning runs ``records`` chose; all where nothing is tuned."""
        if not self.tuning:
            return self.candidates
        chosen = {setting: choice.best.point for setting, choice in choices(records, self.protocol).items()}
        plain = {run_id: json.loads(json.dumps(job.config.to_dict())) for run_id, job in self.candidates.items()}
        return {
            run_id: self.candidates[run_id]
            for run_id, config in plain.items()
            if chosen.get(self.protocol.setting(config)) == self.protocol.point(config)
        }


def expand(loader: Any, base: DictConfig) -> Plan:
    """All runs of a sweep from its composed configuration. Raises UserError where one of them is not valid."""
    params = base.hydra.sweeper.get("params") or {}
    given = [*(f"{key}={value}" for key, value in params.items()), *base.hydra.overrides.task]
    overrides = OverridesParser.create(config_loader=loader).parse_overrides(given)
    with explained():
        protocol = OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(Protocol), base.protocol))
    assert isinstance(protocol, Protocol)
    for override in overrides:
        if protocol.tune is not None and override.get_key_element() in ("seed", *protocol.tune):
            key = override.get_key_element()
            raise UserError(f"{key}: the protocol chooses it; leave it out, or add protocol.tune=null")
    (settings,) = BasicSweeper.split_arguments(overrides, None)
    points = [[f"{key}={value}" for key, value in point.items()] for point in protocol.grid]

    def jobs(seeds: Sequence[int], *more: str) -> dict[str, Job]:
        drawn = [[f"seed={seed}", *more] for seed in seeds] if protocol.tune else [[]]
        combined = [tuple(a + b + c) for a, b, c in itertools.product(settings, points, drawn)]
        found: dict[str, Job] = {}
        for each in combined:
            config = job(loader, base, each)
            found.setdefault(config.run_id, Job(each, config))
        return found

    apart = f"tracking.group='{base.name}-tuning'"  # a dashboard shows what is reported
    return Plan(protocol, jobs(protocol.tune_seeds, apart) if protocol.tune else {}, jobs(protocol.report_seeds))


def plan(conf: Path, arguments: Sequence[str]) -> Plan:
    """The runs of the multirun that ``arguments`` make of the defaults in the folder ``conf``."""
    with explained(), initialize_config_dir(str(conf.resolve()), version_base="1.3"):
        loader = GlobalHydra.instance().config_loader()
        return expand(loader, loader.load_configuration("train", list(arguments), run_mode=RunMode.MULTIRUN))


def execute(composed: DictConfig) -> float | None:
    """One job of Hydra: runs a composed configuration and returns its score, None where there is none.

    A single run ends here on a user's mistake. In a sweep the others go on, and ``launch`` reports it at the end.
    """
    single = HydraConfig.get().mode != RunMode.MULTIRUN
    with exit_on_user_error() if single else nullcontext():
        config = parse(composed)
        lend_folders(Path(config.runs_dir) / config.name)
        from rnnbench.run import run  # heavy: torch and Lightning, only once the configuration is valid

        return run(config, retry=single or config.retry_failed).score


def launch(main: Callable[[], Any]) -> None:
    """Runs a script's Hydra main; a user's mistake becomes one line and exit code 2."""
    os.environ[COMMAND] = shlex.join(["python", f"scripts/{Path(sys.argv[0]).name}", *sys.argv[1:]])
    if os.environ.get("HYDRA_FULL_ERROR") == "1":  # the user asks for tracebacks
        return main()
    os.environ["HYDRA_FULL_ERROR"] = "1"  # else Hydra prints several lines and exits with 1 by itself
    with exit_on_user_error(), explained():
        main()


def configure(conf: Path, *overrides: str) -> Config:
    """The Config that ``overrides`` of the defaults in the folder ``conf`` make, without running anything.

    Raises UserError where they are not valid.
    """
    with explained(), initialize_config_dir(str(conf.resolve()), version_base="1.3"):
        return parse(compose("train", list(overrides)))


def read(path: Path) -> Config:
    """The Config of the run that left ``path``, its config.yaml. Raises UserError where it is not one."""
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise UserError(f"{path}: cannot be read ({' '.join(str(error).split())})") from error
    if not isinstance(found, dict):
        raise UserError(f"{path}: is no configuration")
    with explained():
        return parse(OmegaConf.create(_literal(found)))


def _literal(value: Any) -> Any:
    """``value`` for OmegaConf, which takes ``${`` for an interpolation, and a backslash before it for an escape."""
    if isinstance(value, dict):
        return {key: _literal(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_literal(each) for each in value]
    return re.sub(r"(\\*)\$\{", r"\1\1\\${", value) if isinstance(value, str) else value


@contextmanager
def explained() -> Iterator[None]:
    """Turns an error of Hydra or OmegaConf into a UserError of one line."""
    try:
        yield
    except (HydraException, OmegaConfBaseException) as error:
        raise UserError(explain(error)) from error
    except ValueError as error:
        if not str(error).startswith("Config group override must be"):  # Hydra's own: a group is null or a number
            raise
        raise UserError(
            "a group such as cell or task must be the name of one of its files, not null or a number"
        ) from error


def explain(error: Exception) -> str:
    """One line for a person from an error of Hydra or OmegaConf."""
    if isinstance(error, MissingConfigException) and error.options is not None:
        group, _, choice = (error.missing_cfg_file or "").rpartition("/")
        return str(unknown(group or "configuration", choice, error.options))
    if isinstance(error, OverrideParseException):
        return f"cannot read the override '{error.override}'"
    cause = error if isinstance(error, OmegaConfBaseException) else error.__cause__
    if isinstance(cause, OmegaConfBaseException):
        if (cause.parent_node is not None and "is not in struct" in str(cause)) or "not in '" in str(cause):
            prefix = str(cause.full_key or cause.key).rpartition(".")[0]
            known = [f"{prefix}.{key}" if prefix else str(key) for key in cause.parent_node or ()]
            return str(unknown("key", cause.full_key or cause.key, known))
        return f"{cause.full_key}: {str(cause).splitlines()[0]}"
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return re.sub(r"\s+", " ", lines[0] if lines else type(error).__name__)


def _choose(group: str, name: str, known: dict[str, Any]) -> Any:
    if name not in known:
        raise unknown(group, name, known)
    return known[name]
