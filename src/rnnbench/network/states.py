"""Recurrent states: NamedTuples of tensors [B, *shape], whose parts only their cell interprets.

All other code handles a state part by part, so that a part may be a vector, a matrix of associations, complex. A
Jacobian needs the whole as one real vector s_t: [h] for most cells, [h; c] for an LSTM; a part that is a matrix counts
row by row, a complex part z of H units as the 2H reals (Re z_1, Im z_1, Re z_2, ...), as torch.view_as_real orders
them. The gradient that torch gives a complex part of a real loss L is dL/dRe z + i dL/dIm z, so the same flattening
serves gradients.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple, Protocol, TypeVar

import torch
from torch import Tensor


class State(Protocol):
    """A NamedTuple of tensors [B, *] of any shape."""

    @property
    def _fields(self) -> tuple[str, ...]: ...

    def __iter__(self) -> Iterator[Tensor]: ...


class HState(NamedTuple):
    """The state of a cell that carries one vector. ``h``: [B, H]."""

    h: Tensor


class LSTMState(NamedTuple):
    """The state of an LSTM. ``h``: hidden state [B, H]; ``c``: cell state [B, H]."""

    h: Tensor
    c: Tensor


class HZState(NamedTuple):
    """The state of two coupled differential equations. ``h``: the paper's y [B, H]; ``z``: its companion [B, H]."""

    h: Tensor
    z: Tensor


class MatrixState(NamedTuple):
    """The state of N heads that each associate keys with values. ``S``: [B, N, K, V]; S^T k is the value of key k."""

    S: Tensor


S = TypeVar("S", bound=State)


def map_state(function: Callable[..., Tensor], first: S, *others: S) -> S:
    """Return the state whose parts are ``function`` of the corresponding parts of the given states."""
    return type(first)(*map(function, first, *others))


def select_state(chosen: Tensor, new: S, old: S) -> S:
    """Return the state of ``new`` for the sequences that ``chosen`` [B] marks, and of ``old`` for the others."""

    def part(one: Tensor, other: Tensor) -> Tensor:
        return torch.where(over_batch(chosen, one), one, other)

    return map_state(part, new, old)


def over_batch(values: Tensor, part: Tensor) -> Tensor:
    """Return ``values`` [B] with axes of one, so that they go with a part [B, *] of a state."""
    return values.reshape(-1, *[1] * (part.dim() - 1))


def leaves(state: Any) -> list[Tensor]:
    """Return the tensors of a nested state, one of several layers, in order."""
    return [state] if isinstance(state, Tensor) else [tensor for part in state for tensor in leaves(part)]


def rebuild(like: Any, parts: Iterable[Tensor]) -> Any:
    """Return the nested state of the structure of ``like`` whose ``leaves`` are ``parts``."""
    following = iter(parts)

    def build(part: Any) -> Any:
        if isinstance(part, Tensor):
            return next(following)
        made = [build(each) for each in part]
        return type(part)(made) if type(part) in (list, tuple) else type(part)(*made)

    return build(like)


def detach(state: Any) -> Any:
    """Return a nested state without its history: the gradient stops here, the values go on."""
    return rebuild(state, [part.detach() for part in leaves(state)])


def as_real(part: Tensor, axes: int | None = None) -> Tensor:
    """Return a part of a state as real vectors [..., N], two numbers a unit where it is complex.

    The first ``axes`` axes stay: 1 for [B, *], 2 for [T, B, *]; all but the last without it, as a vector needs.
    """
    axes = part.dim() - 1 if axes is None else axes
    real = torch.view_as_real(part) if part.is_complex() else part
    return real.flatten(axes) if real.dim() > axes else real[..., None]


def flatten(state: Any, axes: int | None = None) -> Tensor:
    """Return the parts of a state side by side, as reals: [..., S]; ``axes`` is that of ``as_real``."""
    return torch.cat([as_real(part, axes) for part in state], dim=-1)


def unflatten(flat: Tensor, like: Any) -> Any:
    """Return the state with the parts of ``like``, [..., *], whose ``flatten`` is ``flat`` [..., S]."""
    axes = flat.dim() - 1
    pieces = iter(flat.split([as_real(part, axes).shape[-1] for part in like], dim=-1))

    def part(part: Tensor) -> Tensor:
        piece, shape = next(pieces), part.shape[axes:]
        if not part.is_complex():
            return piece.reshape(*flat.shape[:-1], *shape)
        pairs = piece.reshape(*flat.shape[:-1], *shape, 2)
        return torch.complex(pairs[..., 0], pairs[..., 1])

    return map_state(part, like)
