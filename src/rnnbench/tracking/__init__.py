"""Weights & Biases: one run each, one folder a sweep, curves over lag that overlay."""

from rnnbench.tracking.cache_folders import set_cache_folders
from rnnbench.tracking.login import check, check_sweep
from rnnbench.tracking.wandb_run import finish, log_gradients, open_logger

__all__ = ["check", "check_sweep", "finish", "log_gradients", "open_logger", "set_cache_folders"]
