"""What the suite's launchers share: they run configurations, which a sweep has planned or Hydra's overrides make."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

from hydra.core.utils import JobReturn, JobStatus
from hydra.plugins.launcher import Launcher

from rnnbench.config.schema import Config
from rnnbench.errors import RunsFailedError
from rnnbench.sweep.compose import Job, configured_jobs
from rnnbench.sweep.run_states import RunState


class SuiteLauncher(Launcher):
    """A launcher that runs configurations; the suite's own sweeper gives it those, and composes none twice."""

    loader: Any
    config: Any
    """Set by ``setup``: Hydra's loader and the configuration that all jobs share."""

    @abstractmethod
    def run(self, configs: list[Config]) -> list[RunState]:
        """Run what has not ended yet and return the state of each run, in order."""

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> list[JobReturn]:
        """Run the jobs that another sweeper describes by their overrides."""
        return self._returned(job_overrides, self.run(configured_jobs(self.loader, self.config, job_overrides)))

    def launch_planned(self, jobs: Sequence[Job]) -> list[JobReturn]:
        """Run the jobs of a plan."""
        return self._returned([job.overrides for job in jobs], self.run([job.config for job in jobs]))

    @staticmethod
    def _returned(overrides: Sequence[Sequence[str]], states: list[RunState]) -> list[JobReturn]:
        return [_job_return(given, state) for given, state in zip(overrides, states, strict=True)]


class ReportedFailure(JobReturn):
    """A job that failed and whose failure has been printed. A sweeper that searches counts it as a failed trial."""

    @property
    def return_value(self) -> Any:
        raise RunsFailedError(f"{self.task_name}: no result")


def _job_return(overrides: Sequence[str], state: RunState) -> JobReturn:
    """Return what a sweeper needs of a run: its validation score, which a search maximises; the worst if diverged."""
    if not state.complete:
        return ReportedFailure(overrides=list(overrides), status=JobStatus.FAILED, task_name=state.run_id)
    return JobReturn(overrides=list(overrides), status=JobStatus.COMPLETED, _return_value=state.objective)
