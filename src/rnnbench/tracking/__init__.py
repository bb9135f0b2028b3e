"""Weights & Biases: a run for each run, one folder a sweep, curves over lag that overlay."""

from rnnbench.tracking.cache_folders import set_cache_folders
from rnnbench.tracking.login import check, check_sweep
from rnnbench.tracking.wandb_run import finish, open_logger

__all__ = ["check", "check_sweep", "finish", "open_logger", "set_cache_folders"]
