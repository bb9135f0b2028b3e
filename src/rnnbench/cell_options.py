"""The options of the cells that have some, their types and ranges; ``conf/cell`` states the defaults."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from rnnbench.errors import UserError, check_choice, check_range


@dataclass(kw_only=True)
class CellConfig:
    """A cell without options. ``name`` is a key of CELLS."""

    name: str

    def options(self) -> dict[str, Any]:
        """The keyword arguments of the cell's constructor."""
        return {key: value for key, value in asdict(self).items() if key != "name"}


@dataclass(kw_only=True)
class AntisymmetricConfig(CellConfig):
    epsilon: float
    gamma: float
    gated: bool

    def __post_init__(self) -> None:
        check_range("cell.epsilon", self.epsilon, above=0)
        check_range("cell.gamma", self.gamma, at_least=0)


@dataclass(kw_only=True)
class CoRNNConfig(CellConfig):
    dt: float
    gamma: float
    epsilon: float

    def __post_init__(self) -> None:
        check_range("cell.dt", self.dt, above=0)
        check_range("cell.gamma", self.gamma, at_least=0)
        check_range("cell.epsilon", self.epsilon, at_least=0)


@dataclass(kw_only=True)
class ElmanConfig(CellConfig):
    nonlinearity: str

    def __post_init__(self) -> None:
        check_choice("cell.nonlinearity", self.nonlinearity, ["tanh", "relu"])


@dataclass(kw_only=True)
class IndRNNConfig(CellConfig):
    length: int | None
    nonlinearity: str
    long_memory: bool

    def __post_init__(self) -> None:
        if self.length is None:
            raise UserError(
                "cell.length=null: the task has no fixed length; set cell.length=N, the steps of a sequence"
            )
        check_range("cell.length", self.length, at_least=1)
        check_choice("cell.nonlinearity", self.nonlinearity, ["relu", "tanh"])


@dataclass(kw_only=True)
class LEMConfig(CellConfig):
    dt: float

    def __post_init__(self) -> None:
        check_range("cell.dt", self.dt, above=0)


@dataclass(kw_only=True)
class OrthogonalConfig(CellConfig):
    map: str
    nonlinearity: str

    def __post_init__(self) -> None:
        check_choice("cell.map", self.map, ["cayley", "matrix_exp"])
        check_choice("cell.nonlinearity", self.nonlinearity, ["linear", "modrelu", "relu", "tanh"])


@dataclass(kw_only=True)
class UnICORNNConfig(CellConfig):
    dt: float
    alpha: float

    def __post_init__(self) -> None:
        check_range("cell.dt", self.dt, above=0)
        check_range("cell.alpha", self.alpha, at_least=0)


CELL_CONFIGS = {
    "antisymmetric": AntisymmetricConfig,
    "cornn": CoRNNConfig,
    "elman": ElmanConfig,
    "indrnn": IndRNNConfig,
    "lem": LEMConfig,
    "orthogonal": OrthogonalConfig,
    "unicornn": UnICORNNConfig,
}
"""The cells that have options; every other cell is configured by CellConfig."""
