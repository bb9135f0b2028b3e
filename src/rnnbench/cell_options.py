"""The options of the cells that have some, their types and ranges; ``conf/cell`` states the defaults."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from rnnbench.errors import check_choice


@dataclass(kw_only=True)
class CellConfig:
    """A cell without options. ``name`` is a key of CELLS."""

    name: str

    def options(self) -> dict[str, Any]:
        """The keyword arguments of the cell's constructor."""
        return {key: value for key, value in asdict(self).items() if key != "name"}


@dataclass(kw_only=True)
class ElmanConfig(CellConfig):
    nonlinearity: str

    def __post_init__(self) -> None:
        check_choice("cell.nonlinearity", self.nonlinearity, ["tanh", "relu"])


CELL_CONFIGS = {"elman": ElmanConfig}
"""The cells that have options; every other cell is configured by CellConfig."""
