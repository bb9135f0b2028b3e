"""The launcher for a cluster: hydra/launcher=slurm. Its options and their defaults: conf/hydra/launcher/slurm.yaml."""

from typing import Any

from hydra.core.utils import JobReturn
from hydra.plugins.launcher import Launcher
from omegaconf import OmegaConf

from rnnbench.sweep.compose import configured_jobs


class SlurmLauncher(Launcher):
    """Runs the jobs of a sweep as jobs of Slurm. See ``rnnbench.sweep.slurm``."""

    def __init__(self, **options: Any) -> None:
        self.given = options

    def setup(self, *, hydra_context: Any, task_function: Any, config: Any) -> None:
        """Check the options and that Slurm is there. Hydra calls it before anything is written."""
        from rnnbench.sweep.cluster import Options, check_installed  # --help needs none of it

        self.loader, self.config = hydra_context.config_loader, config
        self.options: Any = OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(Options), self.given))
        check_installed()

    def launch(self, job_overrides: Any, initial_job_idx: int) -> list[JobReturn]:
        from hydra_plugins.local_launcher import job_return
        from rnnbench.sweep.slurm import run_all

        states = run_all(configured_jobs(self.loader, self.config, job_overrides), self.options)
        return [job_return(overrides, state) for overrides, state in zip(job_overrides, states, strict=True)]
