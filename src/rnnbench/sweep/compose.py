"""Plans a sweep from its command line: every combination is composed, checked and deduplicated before any starts."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.types import Override
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from rnnbench.config.factors import factors, short
from rnnbench.config.identity import flatten
from rnnbench.config.schema import Config
from rnnbench.errors import UserError
from rnnbench.outcomes.columns import Row, configuration
from rnnbench.store.protocol import Protocol, choices
from rnnbench.sweep.composed import check_agreement, check_groups, explained, offer_installed
from rnnbench.sweep.composer import Composer
from rnnbench.sweep.mixed import as_choices, check_tuned, targeted
from rnnbench.sweep.run_states import folder_of

NO_RUN = {"cell": ("external",), "task": ("arrays", "external")}
"""Choices that are no complete runs, so ``glob(*)`` leaves them out."""
MANY = 200
"""Runs of which checking takes a second or more, which is then announced."""


class Job(NamedTuple):
    """One run of a sweep: its overrides for Hydra, and the configuration that they compose."""

    overrides: tuple[str, ...]
    config: Config


class Plan(NamedTuple):
    """The runs of a sweep by run_id, each once, though several combinations may be the same run."""

    protocol: Protocol
    tuning: dict[str, Job]
    """The tuning runs; empty where nothing is tuned."""
    candidates: dict[str, Job]
    """The runs to report, for every point of the grid."""

    @property
    def folder(self) -> Path:
        """The folder of all runs of the sweep."""
        return folder_of(next(iter(self.candidates.values())).config).parent

    def reported(self, rows: Iterable[Row]) -> dict[str, Job]:
        """Return the candidates that the ``rows`` of tuning runs chose; all where nothing is tuned."""
        if not self.tuning:
            return self.candidates
        chosen = {setting: choice.best.point for setting, choice in choices(rows, self.protocol).items()}
        return {
            run_id: self.candidates[run_id]
            for run_id, config in self._flat().items()
            if chosen.get(self.protocol.setting(config)) == self.protocol.point(config)
        }

    def undecided(self, rows: Iterable[Row]) -> list[str]:
        """Name the settings for which the ``rows`` of tuning runs chose nothing, so that none of their runs follows."""
        if not self.tuning:
            return []
        chosen, flat = choices(rows, self.protocol), list(self._flat().values())
        names = [key for key in factors(flat) if key not in (self.protocol.tune or {})]
        left = [each for each in flat if self.protocol.setting(each) not in chosen]
        return list(dict.fromkeys(", ".join(f"{key} {each.get(key)}" for key in names) or "all" for each in left))

    def _flat(self) -> dict[str, Row]:
        """Return the configuration of each candidate as in its row."""
        return {run_id: configuration(job.config.to_dict()) for run_id, job in self.candidates.items()}


def expand(loader: Any, base: DictConfig) -> Plan:
    """Return all runs of a sweep from its composed configuration. Raises UserError where one of them is not valid."""
    with explained():
        protocol = OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(Protocol), base.protocol))
    assert isinstance(protocol, Protocol)
    composer = Composer(loader, base)
    composer.begin_with_base()
    dimensions = _dimensions(composer)
    for key in dimensions:
        if protocol.tune is not None and key in ("seed", *protocol.tune):
            raise UserError(f"{key}: the protocol chooses it; leave it out, or add protocol.tune=null")
    mixed = {key for key, texts in dimensions.items() if len(texts) > 1}
    combined = list(itertools.product(*dimensions.values()))
    settings = list(dict.fromkeys(composer.fitting(each, mixed) for each in combined))
    for line in itertools.chain(*dimensions.values()):
        if not any(line in setting for setting in settings):
            given, group = line.replace("\\", ""), targeted(line)
            if group:
                raise UserError(f"{given}: goes with {group}=external, which no run of this sweep has")
            composer.config(combined[0])  # which says what is wrong with an option that no choice has

    distinct: dict[frozenset[tuple[str, Any]], Row] = {}

    def jobs(seeds: Sequence[int], job_type: str | None = None) -> dict[str, Job]:
        found: dict[str, Job] = {}
        outside: dict[str, Any] = {}
        fixed: dict[str, Any] = {} if job_type is None else {"tracking.job_type": job_type}
        drawn = [{"seed": seed} for seed in seeds] if protocol.tune else [{}]
        for setting, point, seed in itertools.product(settings, protocol.grid, drawn):
            chosen = [f"{key}={value}" for key, value in point.items() if composer.is_group(key)]
            values = {key: value for key, value in point.items() if not composer.is_group(key)} | seed | fixed
            config = composer.config([*setting, *chosen], values)
            flat = flatten(config.to_dict())
            protocol.check(point, flat)
            check_agreement(flat, outside)
            own = {key: value for key, value in flat.items() if key not in ("seed", "resume_from")}  # as in a row
            distinct.setdefault(frozenset(own.items()), own)
            used = [key for key in values if key not in point or key in protocol.point(flat)]
            shown = (*setting, *chosen, *(f"{key}={json.dumps(values[key])}" for key in used))
            found.setdefault(config.run_id, Job(shown, config))
        return found

    combinations = len(settings) * len(protocol.grid) * len(protocol.report_seeds if protocol.tune else [0])
    if combinations >= MANY:
        print(f"checking {combinations} runs before the first one starts", flush=True)
    candidates = jobs(protocol.report_seeds)
    tuned = [key for key in protocol.tune or {} if not composer.is_group(key)]
    check_tuned(tuned, (job.config for job in candidates.values()))
    # A dashboard shows what is reported: the tuning runs are jobs of another type.
    tuning = jobs(protocol.tune_seeds, "tune") if protocol.tune else {}
    varied = factors(list(distinct.values()))
    tuning, candidates = (
        {run_id: _named_job(job, varied) for run_id, job in each.items()} for each in (tuning, candidates)
    )
    return Plan(protocol, tuning, candidates)


def configured_jobs(loader: Any, base: DictConfig, jobs: Sequence[Sequence[str]]) -> list[Config]:
    """Return the configurations of the jobs, by their overrides, that a sweeper hands to a launcher."""
    composer = Composer(loader, base)
    configs = [composer.config(overrides) for overrides in jobs]
    fixed = set(base.hydra.overrides.task)
    searched = {word.partition("=")[0].lstrip("+") for words in jobs for word in words if word not in fixed}
    keys = dict.fromkeys(key for config in configs for key in configuration(config.to_dict()))
    varied = [key for key in keys if {key, short(key)} & searched]
    return [_named(config, varied) for config in configs]


def _named(config: Config, varied: list[str]) -> Config:
    """Return a configuration whose run W&B names by what its sweep varies, unless the user says by what."""
    if config.tracking.mode == "disabled" or config.tracking.factors:
        return config
    return replace(config, tracking=replace(config.tracking, factors=varied))


def _named_job(job: Job, varied: list[str]) -> Job:
    """Return the same of a job, also where another launcher composes it from its overrides."""
    config = _named(job.config, varied)
    told = [] if config is job.config or not varied else [f"tracking.factors={json.dumps(varied)}"]
    return Job((*job.overrides, *told), config)


def plan(conf: Path, arguments: Sequence[str], name: str = "train") -> Plan:
    """Return the runs of the multirun that ``arguments`` make of the configuration ``name`` in the folder ``conf``."""
    offer_installed()
    with explained(), initialize_config_dir(str(conf.resolve()), version_base="1.3"):
        loader, given = GlobalHydra.instance().config_loader(), as_choices(arguments)
        return expand(loader, loader.load_configuration(name, given, run_mode=RunMode.MULTIRUN))


def _dimensions(composer: Composer) -> dict[str, list[str]]:
    """Return the values given for each key, as overrides of one choice each.

    The command line replaces the experiment file.
    """
    params = composer.base.hydra.sweeper.get("params")
    if OmegaConf.is_list(params) or any(OmegaConf.is_config(each) or each is None for each in (params or {}).values()):
        raise UserError("hydra.sweeper.params: give the choices of each key as text, such as {seed: '0,1,2'}")
    given = [*(f"{key}={value}" for key, value in (params or {}).items()), *composer.base.hydra.overrides.task]
    with explained():
        parsed = composer.parser.parse_overrides(given)
        check_groups(composer.loader, parsed)
        found = {each.get_key_element(): (each, list(_choices(composer, each))) for each in parsed}
    for key, (override, texts) in found.items():
        if not texts:
            raise UserError(f"{override.input_line}: nothing to sweep over; give at least one choice for {key}")
        if len(texts) > 1 and key.lstrip("+").partition(".")[0] == "protocol":
            raise UserError(f"{override.input_line}: a sweep has one protocol; launch one sweep for each")
    return {key: texts for key, (_, texts) in found.items()}


def _choices(composer: Composer, override: Override) -> Iterator[str]:
    key = override.get_key_element()
    if override.is_delete():
        yield override.input_line or ""
    elif not override.is_sweep_override():
        yield f"{key}={override.get_value_element_as_str()}"
    elif not override.is_discrete_sweep():
        raise UserError(f"{override.input_line}: has no end; list the values, as in {key}=0.1,0.2, or use range(...)")
    else:
        for text in override.sweep_string_iterator():
            if not (text in NO_RUN.get(key, ()) and "glob(" in (override.input_line or "")):
                yield f"{key}={text!s}"
