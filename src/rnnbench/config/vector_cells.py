"""The options of the cells of 2017 to 2025 whose memory is a vector, or a small vector a unit."""

from __future__ import annotations

from dataclasses import dataclass

from rnnbench.config.cell_config import CellConfig
from rnnbench.errors import UserError, check_choice, check_multiple, check_range

MOST = 10**6
"""The largest state size."""


@dataclass(kw_only=True)
class LMUConfig(CellConfig):
    theta: float | None
    order: int

    def __post_init__(self) -> None:
        if self.theta is None:
            raise UserError(
                "cell.theta=null: the task has no fixed length; set cell.theta=N, the steps that the memory spans"
            )
        check_range("cell.order", self.order, at_least=1, at_most=4096)
        check_range("cell.theta", self.theta, at_least=1, at_most=10**7)


@dataclass(kw_only=True)
class S4DConfig(CellConfig):
    state_size: int
    activation: str

    def __post_init__(self) -> None:
        check_range("cell.state_size", self.state_size, at_least=2, at_most=MOST)
        check_multiple("cell.state_size", self.state_size, 2)
        check_choice("cell.activation", self.activation, ["gelu", "identity"])


@dataclass(kw_only=True)
class S5Config(CellConfig):
    state_size: int
    blocks: int
    activation: str

    def __post_init__(self) -> None:
        check_range("cell.blocks", self.blocks, at_least=1, at_most=MOST)
        check_range("cell.state_size", self.state_size, at_least=2, at_most=4096)
        check_multiple("cell.state_size", self.state_size, 2 * self.blocks)
        check_choice("cell.activation", self.activation, ["gelu", "identity"])


@dataclass(kw_only=True)
class S6Config(CellConfig):
    state_size: int
    decay: str

    def __post_init__(self) -> None:
        check_range("cell.state_size", self.state_size, at_least=1, at_most=MOST)
        check_choice("cell.decay", self.decay, ["positive", "signed"])


@dataclass(kw_only=True)
class SignedMinGRUConfig(CellConfig):
    coupled: bool


@dataclass(kw_only=True)
class SRUConfig(CellConfig):
    highway_bias: float

    def __post_init__(self) -> None:
        check_range("cell.highway_bias", self.highway_bias, at_least=-100, at_most=100)
