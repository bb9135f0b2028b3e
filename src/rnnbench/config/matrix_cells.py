"""The options of the cells whose memory is a matrix."""

from __future__ import annotations

from dataclasses import dataclass

from rnnbench.config.cell_config import CellConfig
from rnnbench.errors import check_choice, check_range


@dataclass(kw_only=True)
class MatrixConfig(CellConfig):
    """N ``heads``, whose memory is a matrix ``key_size`` x ``value_size``; None follows from the width."""

    heads: int
    key_size: int | None
    value_size: int | None

    def __post_init__(self) -> None:
        for key in ("heads", "key_size", "value_size"):
            if getattr(self, key) is not None:
                check_range(f"cell.{key}", getattr(self, key), at_least=1, at_most=10**6)

    @property
    def width_multiple(self) -> int:
        return 1 if self.key_size is not None and self.value_size is not None else self.heads


@dataclass(kw_only=True)
class DeltaConfig(MatrixConfig):
    eigenvalues: str

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice("cell.eigenvalues", self.eigenvalues, ["positive", "signed"])


@dataclass(kw_only=True)
class DeltaProductConfig(DeltaConfig):
    micro_steps: int
    gated: bool

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range("cell.micro_steps", self.micro_steps, at_least=1, at_most=1000)


@dataclass(kw_only=True)
class HGRN2Config(MatrixConfig):
    lower_bound: float

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range("cell.lower_bound", self.lower_bound, at_least=0, below=1)
