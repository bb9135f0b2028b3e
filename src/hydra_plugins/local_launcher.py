"""The launcher of every multirun: all cores of this machine, one process a run, unaffected by the failure of others.

Hydra executes plugin files outside sys.modules, where a dataclass cannot resolve postponed annotations.
"""

from dataclasses import dataclass
from typing import Any

from hydra.core.config_store import ConfigStore
from hydra.core.utils import JobReturn, JobStatus
from hydra.plugins.launcher import Launcher

from rnnbench.errors import RunsFailedError
from rnnbench.sweep.compose import configured_jobs


class LocalLauncher(Launcher):
    """Runs the jobs of a sweep. See ``rnnbench.sweep.scheduler.Options`` for its options."""

    def __init__(
        self, jobs: int | None, max_memory: float | None, timeout: float | None, devices: list[int] | None
    ) -> None:
        self.jobs, self.max_memory, self.timeout, self.devices = jobs, max_memory, timeout, devices

    def setup(self, *, hydra_context: Any, task_function: Any, config: Any) -> None:
        from rnnbench.sweep.scheduler import Options, check_sockets, run_all  # --help needs none of it

        check_sockets()  # it comes before the sweep: before anything is written
        self.loader, self.config, self.run_all = hydra_context.config_loader, config, run_all
        devices = None if self.devices is None else tuple(self.devices)
        self.options = Options(self.jobs, self.max_memory, self.timeout, devices)

    def launch(self, job_overrides: Any, initial_job_idx: int) -> list[JobReturn]:
        states = self.run_all(configured_jobs(self.loader, self.config, job_overrides), self.options)
        return [job_return(overrides, state) for overrides, state in zip(job_overrides, states, strict=True)]


class ReportedFailure(JobReturn):
    """A job that failed and whose failure has been printed. A sweeper that searches counts it as a failed trial."""

    @property
    def return_value(self) -> Any:
        raise RunsFailedError(f"{self.task_name}: no result")


def job_return(overrides: Any, state: Any) -> JobReturn:
    """Return what a sweeper needs of a run: its validation score, which a search maximises; the worst if diverged."""
    if not state.complete:
        return ReportedFailure(overrides=list(overrides), status=JobStatus.FAILED, task_name=state.run_id)
    return JobReturn(overrides=list(overrides), status=JobStatus.COMPLETED, _return_value=state.objective)


@dataclass
class LocalLauncherConf:
    _target_: str = "hydra_plugins.local_launcher.LocalLauncher"
    jobs: int | None = None
    max_memory: float | None = None
    timeout: float | None = None
    devices: list[int] | None = None


ConfigStore.instance().store(group="hydra/launcher", name="local", node=LocalLauncherConf, provider="rnnbench")
