"""The configuration keys of early stopping."""

from __future__ import annotations

from dataclasses import dataclass

from rnnbench.errors import UserError, check_range

NONE, SOLVED, PATIENCE = "none", "solved", "patience"


@dataclass(kw_only=True)
class EarlyStopConfig:
    """``none`` adds nothing to ``trainer.stop_when_solved``; ``solved`` has the same effect as setting it to true."""

    name: str = NONE

    def check(self, max_steps: int, validate_every: int) -> None:
        """Raise UserError where it could never stop a training of ``max_steps``."""


@dataclass(kw_only=True)
class PatienceConfig(EarlyStopConfig):
    patience: int
    min_delta: float

    def __post_init__(self) -> None:
        check_range("early_stop.patience", self.patience, at_least=1, at_most=10**9)
        check_range("early_stop.min_delta", self.min_delta, at_least=0, at_most=10**9)

    def check(self, max_steps: int, validate_every: int) -> None:
        if self.patience * validate_every >= max_steps:
            raise UserError(
                f"early_stop.patience={self.patience}: with trainer.validate_every={validate_every} no training of "
                f"trainer.max_steps={max_steps} has so many validations before its end; lower one of the first two"
            )


EARLY_STOP_CONFIGS: dict[str, type[EarlyStopConfig]] = {
    NONE: EarlyStopConfig,
    SOLVED: EarlyStopConfig,
    PATIENCE: PatienceConfig,
}
