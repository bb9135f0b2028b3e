"""The launcher of every multirun: all cores of this machine, a process a run, safe from what happens in any of them.

Hydra executes plugin files outside sys.modules, where a dataclass cannot resolve postponed annotations.
"""

from dataclasses import dataclass
from typing import Any, List, Optional  # noqa: UP035  # what OmegaConf reads

from hydra.core.config_store import ConfigStore
from hydra.core.utils import JobReturn, JobStatus
from hydra.plugins.launcher import Launcher

from rnnbench.entry import job


class LocalLauncher(Launcher):
    """Runs the jobs of a sweep. See ``rnnbench.sweep.scheduler.Options`` for its options."""

    def __init__(self, **options: Any) -> None:
        self.options = options

    def setup(self, *, hydra_context: Any, task_function: Any, config: Any) -> None:
        self.loader, self.config = hydra_context.config_loader, config

    def launch(self, job_overrides: Any, initial_job_idx: int) -> list[JobReturn]:
        from rnnbench.sweep.scheduler import Options, run_all  # --help needs none of it

        devices = self.options["devices"]
        options = Options(**self.options | {"devices": None if devices is None else tuple(devices)})
        entries = run_all([job(self.loader, self.config, overrides) for overrides in job_overrides], options)
        return [ended(overrides, entry) for overrides, entry in zip(job_overrides, entries, strict=True)]


class ToldFailure(JobReturn):
    """A job that failed and whose failure has been told: Hydra, which tells the first one, need not."""

    @property
    def return_value(self) -> Any:
        raise SystemExit(1)


def ended(overrides: Any, entry: Any) -> JobReturn:
    if not entry.complete:
        return ToldFailure(overrides=list(overrides), status=JobStatus.FAILED)
    return JobReturn(overrides=list(overrides), status=JobStatus.COMPLETED, _return_value=entry.score)


@dataclass
class LocalLauncherConf:
    _target_: str = "hydra_plugins.local_launcher.LocalLauncher"
    jobs: Optional[int] = None  # noqa: UP045
    max_memory: Optional[float] = None  # noqa: UP045
    timeout: Optional[float] = None  # noqa: UP045
    devices: Optional[List[int]] = None  # noqa: UP006, UP045


ConfigStore.instance().store(group="hydra/launcher", name="local", node=LocalLauncherConf, provider="rnnbench")
