"""Hydra's basic sweeper, which checks every run of a sweep before the first one starts or anything is written.

Hydra executes plugin files outside sys.modules, where a dataclass cannot resolve postponed annotations.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper, BasicSweeperConf
from hydra.core.config_store import ConfigStore

from rnnbench import protocol, records
from rnnbench.entry import expand
from rnnbench.sweep.ledger import expect
from rnnbench.tracking import check_sweep


class ValidatingSweeper(BasicSweeper):
    """The cartesian product of all choices, less those that are the same run (clip=none has no threshold).

    With a ``protocol`` that tunes, the tuning runs come first, and then the reported runs that they choose. Raises
    UserError where any of the runs is not valid.
    """

    def sweep(self, arguments: list[str]) -> Any:
        plan = expand(self.hydra_context.config_loader, self.config)
        runs = plan.tuning | plan.candidates
        check_sweep(job.config for job in runs.values())
        folder = Path(self.config.runs_dir) / self.config.name
        protocol.write(folder, plan.protocol)
        if plan.tuning:
            print(f"{len(plan.tuning)} tuning runs to {folder}, then those that they choose", flush=True)
            returns = self._launch(folder, plan.tuning)
            done = [record for run_id in plan.tuning if (record := records.read(folder / run_id)) is not None]
            chosen = plan.reported(done)
        else:
            returns, chosen = [], plan.candidates
        print(f"{len(chosen)} runs to {folder}; each says here how it ended", flush=True)
        returns += self._launch(folder, chosen)
        for each in returns:
            _ = each.return_value  # raises what stopped it
        return [returns]

    def _launch(self, folder: Path, jobs: Any) -> Any:
        expect(folder, jobs)
        return list(self.launcher.launch([list(job.overrides) for job in jobs.values()], initial_job_idx=0))


@dataclass
class ValidatingSweeperConf(BasicSweeperConf):
    _target_: str = "hydra_plugins.validating_sweeper.ValidatingSweeper"


ConfigStore.instance().store(group="hydra/sweeper", name="validating", node=ValidatingSweeperConf, provider="rnnbench")
