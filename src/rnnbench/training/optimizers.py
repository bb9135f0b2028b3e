"""Optimizers of torch by name, and which parameters their weight decay is for.

``adamw`` (Loshchilov & Hutter 2019, arXiv:1711.05101), ``radam`` (Liu et al. 2020, arXiv:1908.03265) and ``nadam``
(Dozat 2016) decay the weights themselves, theta <- theta - lr * weight_decay * theta, apart from the gradient.
``adam``, ``rmsprop`` and ``sgd`` add weight_decay * theta to the gradient: a penalty on the squared norm.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import torch
from torch import nn

from rnnbench.config.optimizer import OptimizerConfig
from rnnbench.network.model import Embedding

OPTIMIZERS: dict[str, type[torch.optim.Optimizer]] = {
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "nadam": torch.optim.NAdam,
    "radam": torch.optim.RAdam,
    "rmsprop": torch.optim.RMSprop,
    "sgd": torch.optim.SGD,
}
DECOUPLED = ("nadam", "radam")
"""Those that decay weights in either way, and here apart from the gradient."""

FUSED = ("adam", "adamw", "sgd")
"""Those of which torch has one kernel for a whole step."""


def optimizer(config: OptimizerConfig) -> Callable[..., torch.optim.Optimizer]:
    """Return a function from a network to the configured optimizer of its parameters.

    With ``fused=True`` it is one that takes a step in one kernel, on a CPU where torch has one.
    """
    options = {key: value for key, value in asdict(config).items() if key not in ("name", "decay")}
    if "beta1" in options:
        options["betas"] = (options.pop("beta1"), options.pop("beta2"))
    if config.name in DECOUPLED:
        options["decoupled_weight_decay"] = True

    def make(model: nn.Module, *, fused: bool = False) -> torch.optim.Optimizer:
        parameters = list(model.parameters()) if config.decay == "all" else groups(model)
        kernel = fused and config.name in FUSED and all(map(_real_on_cpu, model.parameters()))
        return OPTIMIZERS[config.name](parameters, **(options | {"fused": True} if kernel else options))

    return make


def _real_on_cpu(parameter: nn.Parameter) -> bool:
    return parameter.device.type == "cpu" and parameter.is_floating_point()


def groups(model: nn.Module) -> list[dict[str, Any]]:
    """Return torch's parameter groups for ``decay=matrices``: those that decay, and the others without a decay.

    Matrices of weights decay, the head's and those of a convolution too. What has one axis does not: biases, gains of
    norms, peepholes, diagonal recurrent weights. Nor do embeddings of symbols, whose rows would shrink while their
    symbols do not occur, a head that is tied to one, and parametrised matrices, whose coordinates are not their size.
    """
    embeddings = {id(each.weight) for each in model.modules() if isinstance(each, Embedding)}
    matrices: list[nn.Parameter] = []
    others: list[nn.Parameter] = []
    for name, parameter in model.named_parameters():
        plain = "parametrizations." not in name and id(parameter) not in embeddings
        decays = plain and parameter.ndim >= 2 and not name.endswith("bias")
        (matrices if decays else others).append(parameter)
    return [{"params": matrices}, {"params": others, "weight_decay": 0.0}]
