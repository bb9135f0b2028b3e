"""The path that a network takes through its states, direction by direction, and its Jacobians along it.

A gradient flows back along the states s_0, s_1, ..., s_T of the forward pass, so every Jacobian J_t = ds_t/ds_{t-1} is
taken at these states and inputs (Pascanu, Mikolov & Bengio 2013, arXiv:1211.5063, section 2).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from rnnbench.network.cells import Cell
from rnnbench.network.layers import valid_steps
from rnnbench.network.states import flatten, map_state, unflatten

Array = np.ndarray[Any, Any]
LayerDirection = tuple[int, int]
"""The places of a layer and a direction, from 0."""
AT_ONCE = 2**17
"""Numbers of the Jacobians that are computed at once: more take more memory and are no faster."""


@dataclass(frozen=True, eq=False)
class Path:
    """The path of one direction of one layer, T = the steps of the longest sequence, in the direction's own order.

    A backward direction starts at each sequence's last valid step. After a sequence's end its state stays as it was,
    and ``valid`` says which steps were taken.
    """

    layer_direction: LayerDirection
    cell: Cell[Any]
    """The cell that ran: in float64, with plain weights in place of parametrised ones."""
    states: Any
    """s_0 .. s_T: a state of the cell whose parts are [T + 1, B, *]."""
    inputs: Tensor
    """What the direction saw at steps 1 .. T: [T, B, I]."""
    lengths: Tensor
    """The steps that each sequence took: [B] int64."""
    arriving: Any
    """dL/ds_1 .. dL/ds_T of each sequence's own last loss, part by part with the others held fixed: [T, B, *]."""

    @cached_property
    def drives(self) -> Tensor:
        """What ``cell.project`` gives for steps 1 .. T: [T, B, ...]; s_{t+1} = step(s_t, drives[t])."""
        with torch.no_grad():
            return self.cell.project(self.inputs)

    @property
    def valid(self) -> Tensor:
        """Whether sequence b took step t + 1: [T, B] bool."""
        return valid_steps(self.inputs, self.lengths)

    def at(self, t: int) -> Any:
        """Return the state s_t, parts [B, *]."""
        return map_state(lambda part: part[t], self.states)

    @property
    def size(self) -> int:
        """S, the numbers of the state as one real vector."""
        return flatten(self.at(0), 1).shape[-1]

    def sequence_mean(self, values: Tensor) -> Array:
        """Return the mean of ``values`` [T, B] over the sequences that took each step: float64 [T]."""
        valid = self.valid
        return (values.double().where(valid, 0).sum(dim=1) / valid.sum(dim=1)).cpu().numpy()

    def first(self, sequences: int) -> Path:
        """Return the path of the first ``sequences`` sequences, as long as the longest of them."""
        chosen = slice(sequences)
        steps = int(self.lengths[chosen].max())
        return replace(
            self,
            states=map_state(lambda part: part[: steps + 1, chosen], self.states),
            inputs=self.inputs[:steps, chosen],
            lengths=self.lengths[chosen],
            arriving=map_state(lambda part: part[:steps, chosen], self.arriving),
        )

    def pieces(self) -> Iterator[slice]:
        """Yield the steps from first to last, as many at once as have Jacobians of AT_ONCE numbers."""
        steps, sequences = self.inputs.shape[:2]
        length = max(1, AT_ONCE // (sequences * self.size**2))
        return (slice(start, min(start + length, steps)) for start in range(0, steps, length))

    def jacobians(self, steps: Tensor) -> Tensor:
        """Return ds_t/ds_{t-1} at steps t - 1, for each sequence its own: [N, B, S, S] for ``steps`` [N, B]."""
        sequences = torch.arange(steps.shape[1], device=steps.device)
        state = map_state(lambda part: part[steps, sequences].flatten(0, 1), self.states)
        with torch.no_grad():
            drives = self.cell.project(self.inputs[steps, sequences]).flatten(0, 1)
        return step_jacobian(self.cell, state, drives).unflatten(0, steps.shape)


def pull_back(cell: Cell[Any], state: Any, drive: Tensor) -> Callable[[Tensor], Tensor]:
    """Return the function g -> g J for g [B, S].

    J is the Jacobian of ``cell.step`` at ``state`` (parts [B, *]) and ``drive``.
    """
    product = torch.func.vjp(lambda flat: flatten(cell.step(unflatten(flat, state), drive), 1), flatten(state, 1))[1]
    return lambda gradient: product(gradient)[0]


@torch.no_grad()
def step_jacobian(cell: Cell[Any], state: Any, drive: Tensor) -> Tensor:
    """Return ds'/ds [B, S, S] of one step s' = step(s, drive), for every sequence, in the state's dtype.

    Rows are outputs: J[i, j] = ds_t[i] / ds_{t-1}[j], so a gradient, a row vector, flows back as g_{t-1} = g_t J_t. By
    reverse-mode differentiation of ``cell.step`` alone, so it holds for any cell.
    """
    product, flat = pull_back(cell, state, drive), flatten(state, 1)
    rows = torch.eye(flat.shape[1], dtype=flat.dtype, device=flat.device)
    return torch.func.vmap(lambda row: product(row.expand_as(flat)))(rows).transpose(0, 1)
