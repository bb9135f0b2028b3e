"""The options of the cells that have some, their types and ranges; ``conf/cell`` states the defaults."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rnnbench.config.cell_config import CellConfig
from rnnbench.config.matrix_cells import DeltaConfig, DeltaProductConfig, HGRN2Config, MatrixConfig
from rnnbench.config.vector_cells import LMUConfig, S4DConfig, S5Config, S6Config, SignedMinGRUConfig, SRUConfig
from rnnbench.errors import UserError, check_choice, check_plain, check_range
from rnnbench.extensions import EXTERNAL, dotted, label


@dataclass(kw_only=True)
class AntisymmetricConfig(CellConfig):
    epsilon: float
    gamma: float
    gated: bool

    def __post_init__(self) -> None:
        check_range("cell.epsilon", self.epsilon, above=0, at_most=100)
        check_range("cell.gamma", self.gamma, at_least=0, at_most=100)


@dataclass(kw_only=True)
class CoRNNConfig(CellConfig):
    dt: float
    gamma: float
    epsilon: float

    def __post_init__(self) -> None:
        check_range("cell.dt", self.dt, above=0, at_most=100)
        check_range("cell.gamma", self.gamma, at_least=0, at_most=10**6)
        check_range("cell.epsilon", self.epsilon, at_least=0, at_most=10**6)


@dataclass(kw_only=True)
class ElmanConfig(CellConfig):
    nonlinearity: str

    def __post_init__(self) -> None:
        check_choice("cell.nonlinearity", self.nonlinearity, ["tanh", "relu"])


@dataclass(kw_only=True)
class MinimalConfig(CellConfig):
    candidate: str

    def __post_init__(self) -> None:
        check_choice("cell.candidate", self.candidate, ["linear", "positive"])


@dataclass(kw_only=True)
class QRNNConfig(CellConfig):
    pooling: str

    def __post_init__(self) -> None:
        check_choice("cell.pooling", self.pooling, ["fo", "ifo"])


@dataclass(kw_only=True)
class LRUConfig(CellConfig):
    r_min: float
    r_max: float
    max_phase: float
    normalise: bool
    activation: str
    skip: bool

    def __post_init__(self) -> None:
        check_choice("cell.activation", self.activation, ["gelu", "identity"])
        check_range("cell.r_max", self.r_max, at_least=1e-6, below=1)  # their logarithms are parameters
        check_range("cell.r_min", self.r_min, at_least=0, below=self.r_max)
        check_range("cell.max_phase", self.max_phase, at_least=1e-6, at_most=100)


@dataclass(kw_only=True)
class ExternalConfig(CellConfig):
    """A class of another package, ``_target_``, and the ``arguments`` that it takes besides the two sizes."""

    _target_: str
    arguments: dict[str, Any]

    def __post_init__(self) -> None:
        self._target_ = dotted(self._target_)
        self.name = label("cell", self.name, self._target_)
        check_plain("cell.arguments", self.arguments)


@dataclass(kw_only=True)
class JANETConfig(CellConfig):
    beta: float

    def __post_init__(self) -> None:
        check_range("cell.beta", self.beta, at_least=-1000, at_most=1000)


@dataclass(kw_only=True)
class LSTM1997Config(CellConfig):
    block_size: int

    def __post_init__(self) -> None:
        check_range("cell.block_size", self.block_size, at_least=1, at_most=10**6)

    @property
    def width_multiple(self) -> int:
        return self.block_size


@dataclass(kw_only=True)
class PeepholeLSTMConfig(CellConfig):
    ablation: str

    def __post_init__(self) -> None:
        check_choice(
            "cell.ablation",
            self.ablation,
            ["none", "no_peepholes", "no_input_gate", "no_forget_gate", "no_output_gate", "no_input_activation",
             "no_output_activation", "coupled"],
        )  # fmt: skip


@dataclass(kw_only=True)
class SLSTMConfig(CellConfig):
    forget: str

    def __post_init__(self) -> None:
        check_choice("cell.forget", self.forget, ["exp", "sigmoid"])


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
        check_range("cell.length", self.length, at_least=1, at_most=10**7)
        check_choice("cell.nonlinearity", self.nonlinearity, ["relu", "tanh"])


@dataclass(kw_only=True)
class LEMConfig(CellConfig):
    dt: float

    def __post_init__(self) -> None:
        check_range("cell.dt", self.dt, above=0, at_most=100)


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
        check_range("cell.dt", self.dt, above=0, at_most=100)
        check_range("cell.alpha", self.alpha, at_least=0, at_most=10**6)


CELL_CONFIGS: dict[str, type[CellConfig]] = {
    "antisymmetric": AntisymmetricConfig,
    "cornn": CoRNNConfig,
    "deltanet": DeltaConfig,
    "deltaproduct": DeltaProductConfig,
    "elman": ElmanConfig,
    EXTERNAL: ExternalConfig,
    "gated_deltanet": DeltaConfig,
    "gla": MatrixConfig,
    "hgrn2": HGRN2Config,
    "indrnn": IndRNNConfig,
    "janet": JANETConfig,
    "lem": LEMConfig,
    "linear_attention": MatrixConfig,
    "lmu": LMUConfig,
    "lru": LRUConfig,
    "lstm_1997": LSTM1997Config,
    "lstm_peephole": PeepholeLSTMConfig,
    "m2rnn": MatrixConfig,
    "mamba2": MatrixConfig,
    "mingru": MinimalConfig,
    "mingru_signed": SignedMinGRUConfig,
    "minlstm": MinimalConfig,
    "mlstm": MatrixConfig,
    "orthogonal": OrthogonalConfig,
    "qrnn": QRNNConfig,
    "retnet": MatrixConfig,
    "rwkv7": MatrixConfig,
    "s4d": S4DConfig,
    "s5": S5Config,
    "s6": S6Config,
    "slstm": SLSTMConfig,
    "sru": SRUConfig,
    "sru_linear": SRUConfig,
    "unicornn": UnICORNNConfig,
}
"""The cells that have options; every other cell is configured by CellConfig."""


def cell_config(keys: Mapping[Any, Any]) -> type[CellConfig]:
    """Return the class of the options whose keys and values are ``keys``.

    A cell of another package is known by its keys: once configured it bears the name of its class.
    """
    return ExternalConfig if "_target_" in keys else CELL_CONFIGS.get(keys["name"], CellConfig)
