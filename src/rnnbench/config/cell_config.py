"""What the options of every cell share."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(kw_only=True)
class CellConfig:
    """A cell without options. ``name`` is a key of CELLS."""

    name: str

    @property
    def width_multiple(self) -> int:
        """What the width must be a multiple of."""
        return 1

    def options(self) -> dict[str, Any]:
        """Return the keyword arguments of the cell's constructor."""
        return {key: value for key, value in asdict(self).items() if key != "name"}
