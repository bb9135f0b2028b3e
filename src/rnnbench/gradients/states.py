"""A recurrent state as one real vector, and back.

A Jacobian needs the whole state of a cell as one vector s_t: [h] for most cells, [h; c] for an LSTM. A complex part z
of H units counts as the 2H reals (Re z_1, Im z_1, Re z_2, ...), as torch.view_as_real orders them. The gradient that
torch gives a complex part of a real loss L is dL/dRe z + i dL/dIm z, so the same flattening serves gradients.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from rnnbench.cells.base import map_state


def as_real(part: Tensor) -> Tensor:
    """A part [..., H] of a state as reals: itself, or [..., 2H] where it is complex."""
    return torch.view_as_real(part).flatten(-2) if part.is_complex() else part


def flatten(state: Any) -> Tensor:
    """The parts [..., H] of a state side by side, as reals: [..., S]."""
    return torch.cat([as_real(part) for part in state], dim=-1)


def unflatten(flat: Tensor, like: Any) -> Any:
    """The state with the parts of ``like`` whose ``flatten`` is ``flat`` [..., S]."""
    pieces = iter(flat.split([as_real(part).shape[-1] for part in like], dim=-1))

    def rebuild(part: Tensor) -> Tensor:
        piece = next(pieces)
        return torch.complex(piece[..., ::2], piece[..., 1::2]) if part.is_complex() else piece

    return map_state(rebuild, like)
