"""The configuration keys of the learning rate schedules. Their formulas are in ``rnnbench.training.schedules``."""

from __future__ import annotations

from dataclasses import dataclass

from rnnbench.errors import UserError, check_choice, check_range

MOST_STEPS = 10**9


@dataclass(kw_only=True)
class ScheduleConfig:
    name: str = "constant"

    def check(self, max_steps: int, validate_every: int) -> None:
        """Raise UserError where the schedule does not fit into a training of ``max_steps``."""


@dataclass(kw_only=True)
class WarmupConfig(ScheduleConfig):
    warmup_steps: int

    def __post_init__(self) -> None:
        check_range("schedule.warmup_steps", self.warmup_steps, at_least=0, at_most=MOST_STEPS)

    def check(self, max_steps: int, validate_every: int) -> None:
        if self.warmup_steps >= max_steps:
            raise UserError(
                f"schedule.warmup_steps={self.warmup_steps}: must be less than trainer.max_steps={max_steps}"
            )


@dataclass(kw_only=True)
class InverseSqrtConfig(WarmupConfig):
    def __post_init__(self) -> None:
        super().__post_init__()
        check_range("schedule.warmup_steps", self.warmup_steps, at_least=1)


@dataclass(kw_only=True)
class DecayConfig(WarmupConfig):
    min_lr: float

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range("schedule.min_lr", self.min_lr, at_least=0, at_most=1)


@dataclass(kw_only=True)
class WSDConfig(DecayConfig):
    decay_share: float
    shape: str

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range("schedule.decay_share", self.decay_share, above=0, at_most=1)
        check_choice("schedule.shape", self.shape, ["linear", "sqrt"])

    def check(self, max_steps: int, validate_every: int) -> None:
        super().check(max_steps, validate_every)
        decay = self.decay_steps(max_steps)
        if self.warmup_steps + decay > max_steps:
            raise UserError(
                f"schedule.decay_share={self.decay_share}: its {decay} steps and schedule.warmup_steps="
                f"{self.warmup_steps} are more than trainer.max_steps={max_steps}"
            )

    def decay_steps(self, max_steps: int) -> int:
        """Return how many of ``max_steps`` the decay takes, at least one."""
        return max(1, round(self.decay_share * max_steps))


@dataclass(kw_only=True)
class PlateauConfig(ScheduleConfig):
    factor: float
    patience: int
    threshold: float
    min_lr: float

    def __post_init__(self) -> None:
        check_range("schedule.factor", self.factor, above=0, below=1)
        check_range("schedule.patience", self.patience, at_least=0, at_most=MOST_STEPS)
        check_range("schedule.threshold", self.threshold, at_least=0, below=1)
        check_range("schedule.min_lr", self.min_lr, at_least=0, at_most=1)

    def check(self, max_steps: int, validate_every: int) -> None:
        if validate_every >= max_steps:
            raise UserError(
                f"schedule=plateau: watches the validation loss, and trainer.validate_every={validate_every} is not "
                f"less than trainer.max_steps={max_steps}; validate more often"
            )


SCHEDULE_CONFIGS: dict[str, type[ScheduleConfig]] = {
    "constant": ScheduleConfig,
    "cosine": DecayConfig,
    "inverse_sqrt": InverseSqrtConfig,
    "linear": DecayConfig,
    "plateau": PlateauConfig,
    "warmup": WarmupConfig,
    "wsd": WSDConfig,
}
