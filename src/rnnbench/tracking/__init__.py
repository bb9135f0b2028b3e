"""Weights & Biases: one run each, one folder a sweep, curves over lag that overlay."""

from rnnbench.tracking.charts import profile_picture
from rnnbench.tracking.wandb_run import finish, log_gradients, open_logger, remove_offline

__all__ = ["finish", "log_gradients", "open_logger", "profile_picture", "remove_offline"]
