"""The launcher of every multirun: all cores of this machine, one process a run, unaffected by the failure of others.

Hydra executes plugin files outside sys.modules, where a dataclass cannot resolve postponed annotations.
"""

from dataclasses import dataclass
from typing import Any

from hydra.core.config_store import ConfigStore

from rnnbench.sweep.launcher import SuiteLauncher


class LocalLauncher(SuiteLauncher):
    """Runs the jobs of a sweep. See ``rnnbench.sweep.scheduler.Options`` for its options."""

    def __init__(
        self, jobs: int | None, max_memory: float | None, timeout: float | None, devices: list[int] | None
    ) -> None:
        self.jobs, self.max_memory, self.timeout, self.devices = jobs, max_memory, timeout, devices

    def setup(self, *, hydra_context: Any, task_function: Any, config: Any) -> None:
        from rnnbench.sweep.scheduler import Options, check_sockets  # --help needs none of it

        check_sockets()  # it comes before the sweep: before anything is written
        self.loader, self.config = hydra_context.config_loader, config
        devices = None if self.devices is None else tuple(self.devices)
        self.options = Options(self.jobs, self.max_memory, self.timeout, devices)

    def run(self, configs: Any) -> Any:
        from rnnbench.sweep.scheduler import run_all

        return run_all(configs, self.options)


@dataclass
class LocalLauncherConf:
    _target_: str = "hydra_plugins.local_launcher.LocalLauncher"
    jobs: int | None = None
    max_memory: float | None = None
    timeout: float | None = None
    devices: list[int] | None = None


ConfigStore.instance().store(group="hydra/launcher", name="local", node=LocalLauncherConf, provider="rnnbench")
