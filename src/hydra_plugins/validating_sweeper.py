"""The sweeper of every multirun: it checks every run before the first one starts or anything is written.

Hydra executes plugin files outside sys.modules, where a dataclass cannot resolve postponed annotations.
"""

from dataclasses import dataclass, field
from typing import Any

from hydra.core.config_store import ConfigStore
from hydra.core.plugins import Plugins
from hydra.core.utils import JobStatus
from hydra.plugins.sweeper import Sweeper

from rnnbench.errors import RunsFailedError
from rnnbench.outcomes import reuse
from rnnbench.store import protocol
from rnnbench.sweep.compose import expand
from rnnbench.sweep.launcher import SuiteLauncher
from rnnbench.sweep.run_states import add_to_plan, rows_of
from rnnbench.tracking import check_sweep

COMPLETED = JobStatus.COMPLETED


class ValidatingSweeper(Sweeper):
    """The cartesian product of all choices, less those that are the same run (clip=none has no threshold).

    With a ``protocol`` that tunes, the tuning runs come first, and then the reported runs that they choose. Raises
    UserError where any of the runs is not valid, RunsFailedError where any requested run has no result.
    """

    def __init__(self, params: Any = None) -> None:
        """Take ``params`` as Hydra passes them; the experiment file in the configuration states them."""

    def setup(self, *, hydra_context: Any, task_function: Any, config: Any) -> None:
        self.hydra_context, self.config = hydra_context, config
        self.launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config
        )

    def sweep(self, arguments: list[str]) -> Any:
        plan = expand(self.hydra_context.config_loader, self.config)
        configs = [job.config for job in (plan.tuning | plan.candidates).values()]
        if self.config.hydra.runtime.choices["hydra/launcher"] == "local":  # on a cluster other machines run them
            asked = {(config.trainer.accelerator, config.trainer.precision) for config in configs}
            _check_devices({(kind, precision) for kind, precision in asked if (kind, precision[:2]) not in PLAIN})
        check_sweep(configs)
        published = reuse.published(configs)
        folder, self.published = plan.folder, reuse.folder(configs[0]) if configs[0].reuse else None
        protocol.write(folder, plan.protocol)
        returns, chosen, undecided = [], plan.candidates, []
        if plan.tuning:
            print(f"{len(plan.tuning)} tuning runs to {folder}, then those that they choose", flush=True)
            returns = self._launch(folder, plan.tuning)
            jobs = zip(plan.tuning.values(), returns, strict=True)
            done = rows_of([job.config for job, each in jobs if each.status == COMPLETED], published)
            chosen, undecided = plan.reported(done), plan.undecided(done)
        if chosen:
            runs = "1 run" if len(chosen) == 1 else f"{len(chosen)} runs"
            print(f"{runs} to {folder}; each says here how it ended", flush=True)
            returns += self._launch(folder, chosen)
        from rnnbench.report.ending import show_sweep  # loads pandas

        ended = rows_of([job.config for job in chosen.values()], published)
        show_sweep(ended, list(plan.protocol.tune or {}), folder, configs[0].tracking.mode)
        for setting in undecided:
            print(f"not reported, because a tuning run has no result: {setting}", flush=True)
        for each in returns:
            _ = each.return_value  # raises what stopped it
        if undecided:
            raise RunsFailedError(f"{', '.join(undecided)}: not reported")
        return [returns]

    def _launch(self, folder: Any, jobs: Any) -> Any:
        add_to_plan(folder, jobs, self.published)
        if isinstance(self.launcher, SuiteLauncher):
            return self.launcher.launch_planned(list(jobs.values()))
        return list(self.launcher.launch([list(job.overrides) for job in jobs.values()], initial_job_idx=0))


PLAIN = {(kind, precision) for kind in ("auto", "cpu") for precision in ("32", "64", "bf")}
"""The devices and precisions of every machine."""


def _check_devices(wanted: set[tuple[str, str]]) -> None:
    """Raise UserError where this machine lacks a device that runs ask for, or the device lacks their precision."""
    if wanted:
        from rnnbench.training import device  # loads torch

        for kind, precision in sorted(wanted):
            device.check(kind, precision)


@dataclass
class ValidatingSweeperConf:
    _target_: str = "hydra_plugins.validating_sweeper.ValidatingSweeper"
    params: dict[str, Any] | None = field(default_factory=dict)


ConfigStore.instance().store(group="hydra/sweeper", name="validating", node=ValidatingSweeperConf, provider="rnnbench")
