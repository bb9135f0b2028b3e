"""The configuration keys of the optimizers."""

from __future__ import annotations

from dataclasses import dataclass

from rnnbench.errors import check_choice, check_range


@dataclass(kw_only=True)
class OptimizerConfig:
    name: str
    lr: float
    weight_decay: float
    decay: str = "all"
    """Which parameters ``weight_decay`` is for: that of configurations from before this key."""

    def __post_init__(self) -> None:
        check_choice("optimizer.decay", self.decay, ["all", "matrices"])
        if self.weight_decay == 0:
            self.decay = "all"  # there is none
        check_range("optimizer.lr", self.lr, above=0, at_most=1000)
        check_range("optimizer.weight_decay", self.weight_decay, at_least=0, at_most=1000)


@dataclass(kw_only=True)
class AdamConfig(OptimizerConfig):
    beta1: float
    beta2: float

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range("optimizer.beta1", self.beta1, at_least=0, below=1)
        check_range("optimizer.beta2", self.beta2, at_least=0, below=1)


@dataclass(kw_only=True)
class RMSpropConfig(OptimizerConfig):
    alpha: float

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range("optimizer.alpha", self.alpha, at_least=0, below=1)


@dataclass(kw_only=True)
class SGDConfig(OptimizerConfig):
    momentum: float

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range("optimizer.momentum", self.momentum, at_least=0, at_most=1)


@dataclass(kw_only=True)
class NAdamConfig(AdamConfig):
    momentum_decay: float

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range("optimizer.momentum_decay", self.momentum_decay, at_least=0, below=1)


OPTIMIZER_CONFIGS: dict[str, type[OptimizerConfig]] = {
    "adam": AdamConfig,
    "adamw": AdamConfig,
    "nadam": NAdamConfig,
    "radam": AdamConfig,
    "rmsprop": RMSpropConfig,
    "sgd": SGDConfig,
}
