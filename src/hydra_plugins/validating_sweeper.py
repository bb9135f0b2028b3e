"""Hydra's basic sweeper, which checks every run of a sweep before the first one starts or anything is written.

Hydra executes plugin files outside sys.modules, where a dataclass cannot resolve postponed annotations.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper, BasicSweeperConf
from hydra.core.config_store import ConfigStore
from hydra.core.override_parser.overrides_parser import OverridesParser

from rnnbench.entry import job
from rnnbench.sweep.ledger import expect
from rnnbench.tracking import check_sweep


class ValidatingSweeper(BasicSweeper):
    """The cartesian product of all choices, less those that are the same run (clip=none has no threshold).

    Raises UserError where one of its runs is not valid.
    """

    def sweep(self, arguments: list[str]) -> Any:
        loader = self.hydra_context.config_loader
        overrides = OverridesParser.create(config_loader=loader).parse_overrides([*self._parse_config(), *arguments])
        jobs = [each for batch in self.split_arguments(overrides, self.max_batch_size) for each in batch]
        first: dict[str, tuple[str, ...]] = {}
        modes = set()
        for overrides in jobs:
            config = job(loader, self.config, overrides)
            first.setdefault(config.run_id, tuple(overrides))
            modes.add(config.tracking.mode)
        if "online" in modes:
            check_sweep()
        self.distinct = set(first.values())
        folder = Path(self.config.runs_dir) / self.config.name
        expect(folder, first)
        print(f"{len(first)} runs to {folder}; each says here how it ended", flush=True)
        return super().sweep(arguments)

    def get_job_batch(self) -> Any:
        return [each for each in super().get_job_batch() if tuple(each) in self.distinct]

    def validate_batch_is_legal(self, batch: Any) -> None:
        """Nothing left to do: all batches were checked together."""


@dataclass
class ValidatingSweeperConf(BasicSweeperConf):
    _target_: str = "hydra_plugins.validating_sweeper.ValidatingSweeper"


ConfigStore.instance().store(group="hydra/sweeper", name="validating", node=ValidatingSweeperConf, provider="rnnbench")
