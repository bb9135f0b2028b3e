"""The launcher for a cluster: hydra/launcher=slurm. Its options and their defaults: conf/hydra/launcher/slurm.yaml."""

from typing import Any

from omegaconf import OmegaConf

from rnnbench.sweep.launcher import SuiteLauncher


class SlurmLauncher(SuiteLauncher):
    """Runs the jobs of a sweep as jobs of Slurm. See ``rnnbench.sweep.slurm``."""

    def __init__(self, **options: Any) -> None:
        self.given = options

    def setup(self, *, hydra_context: Any, task_function: Any, config: Any) -> None:
        """Check the options and that Slurm is there. Hydra calls it before anything is written."""
        from rnnbench.sweep.cluster import Options, check_installed  # --help needs none of it

        self.loader, self.config = hydra_context.config_loader, config
        self.options: Any = OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(Options), self.given))
        check_installed()

    def run(self, configs: Any) -> Any:
        from rnnbench.sweep.slurm import run_all

        return run_all(configs, self.options)
