"""A recurrent state as one real vector, and back.

A Jacobian needs the whole state of a cell as one vector s_t: [h] for most cells, [h; c] for an LSTM; a part that is a
matrix counts row by row. A complex part z of H units counts as the 2H reals (Re z_1, Im z_1, Re z_2, ...), as
torch.view_as_real orders them. The gradient that torch gives a complex part of a real loss L is dL/dRe z + i dL/dIm z,
so the same flattening serves gradients.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from rnnbench.network.cells.base import map_state


def as_real(part: Tensor, axes: int | None = None) -> Tensor:
    """A part of a state as real vectors [..., N], two numbers a unit where it is complex.

    The first ``axes`` axes stay: 1 for [B, *], 2 for [T, B, *]; all but the last without it, as a vector needs.
    """
    axes = part.dim() - 1 if axes is None else axes
    real = torch.view_as_real(part) if part.is_complex() else part
    return real.flatten(axes) if real.dim() > axes else real[..., None]


def flatten(state: Any, axes: int | None = None) -> Tensor:
    """The parts of a state side by side, as reals: [..., S]; ``axes`` is that of ``as_real``."""
    return torch.cat([as_real(part, axes) for part in state], dim=-1)


def unflatten(flat: Tensor, like: Any) -> Any:
    """The state with the parts of ``like``, [..., *], whose ``flatten`` is ``flat`` [..., S]."""
    axes = flat.dim() - 1
    pieces = iter(flat.split([as_real(part, axes).shape[-1] for part in like], dim=-1))

    def rebuild(part: Tensor) -> Tensor:
        piece, shape = next(pieces), part.shape[axes:]
        if not part.is_complex():
            return piece.reshape(*flat.shape[:-1], *shape)
        pairs = piece.reshape(*flat.shape[:-1], *shape, 2)
        return torch.complex(pairs[..., 0], pairs[..., 1])

    return map_state(rebuild, like)
