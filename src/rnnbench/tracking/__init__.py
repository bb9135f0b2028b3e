"""Weights & Biases: one run each, one folder a sweep, curves over lag that overlay."""

from rnnbench.tracking.wandb_run import finish, log_gradients, open_logger

__all__ = ["finish", "log_gradients", "open_logger"]
