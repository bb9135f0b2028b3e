"""Schedules of the learning rate, as torch's LambdaLR and ReduceLROnPlateau.

Step s = 0, 1, ... of M = ``trainer.max_steps`` has the learning rate ``optimizer.lr`` * f(s). W is ``warmup_steps``,
m is ``min_lr``, and p = (s - W) / (M - W) says how far the steps after the warm-up have come.

    warmup        f = min((s + 1) / W, 1)                    Goyal et al. 2017, arXiv:1706.02677
    cosine        f = m + (1 - m) (1 + cos(pi p)) / 2        Loshchilov & Hutter 2017, arXiv:1608.03983, no restarts
    linear        f = m + (1 - m) (1 - p)
    inverse_sqrt  f = sqrt(W / (s + 1))                      Vaswani et al. 2017, arXiv:1706.03762
    wsd           f = m + (1 - m) g(q), q = (s - M + D) / D  Hu et al. 2024, arXiv:2404.06395
                  in the last D = ``decay_share`` * M steps, 1 before them; g is 1 - q, or 1 - sqrt(q) (Haegele et al.
                  2024, arXiv:2405.18392)

All but ``warmup`` itself begin with one where W > 0. ``plateau`` multiplies the rate by ``factor`` after more than
``patience`` validations in a row whose loss is not below (1 - ``threshold``) times the lowest.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler, ReduceLROnPlateau

from rnnbench.config.schedule import DecayConfig, PlateauConfig, ScheduleConfig, WarmupConfig, WSDConfig


def schedule(config: ScheduleConfig, lr: float, max_steps: int) -> Callable[[Optimizer], LRScheduler] | None:
    """Return a function from an optimizer to the configured schedule of its rate ``lr``; None for a constant one."""
    if isinstance(config, PlateauConfig):
        return lambda optimizer: ReduceLROnPlateau(
            optimizer, "min", config.factor, config.patience, config.threshold, min_lr=config.min_lr * lr, eps=0
        )
    if isinstance(config, WarmupConfig):
        return lambda optimizer: LambdaLR(optimizer, lambda step: multiplier(config, step, max_steps))
    return None


def multiplier(config: WarmupConfig, step: int, max_steps: int) -> float:
    """Return f(s) of the module's table for a ``step`` counted from 0."""
    warmup = config.warmup_steps
    if step < warmup:
        return (step + 1) / warmup
    if isinstance(config, WSDConfig):
        decay = config.decay_steps(max_steps)
        share = min(max(0.0, (step - max_steps + decay) / decay), 1.0)
        falling = 1 - (math.sqrt(share) if config.shape == "sqrt" else share)
    elif isinstance(config, DecayConfig):
        share = min((step - warmup) / (max_steps - warmup), 1.0)
        falling = (1 + math.cos(math.pi * share)) / 2 if config.name == "cosine" else 1 - share
    else:
        return math.sqrt(warmup / (step + 1)) if config.name == "inverse_sqrt" else 1.0
    return config.min_lr + (1 - config.min_lr) * falling
