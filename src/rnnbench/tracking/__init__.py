"""Weights & Biases: one run each, one folder a sweep, curves over lag that overlay."""

from rnnbench.tracking.login import check_online, check_sweep
from rnnbench.tracking.wandb_run import finish, log_gradients, open_logger

__all__ = ["check_online", "check_sweep", "finish", "log_gradients", "open_logger"]
