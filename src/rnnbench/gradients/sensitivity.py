"""The sensitivity of the state to the recurrent parameters: the other side of a long memory.

Zucchet & Orvieto 2024, "Recurrent neural networks: vanishing and exploding gradients are not the end of the story"
(arXiv:2405.21064), the curse of memory: as eigenvalues approach 1, ever smaller changes of a parameter move the state,
even where no gradient explodes. For h_t = lambda h_{t-1} + x_t and white x, E (dh/dlambda)^2 = (1 + lambda^2) /
(1 - lambda^2)^3, against E h^2 = 1 / (1 - lambda^2).

The sum of squares of ds_T/dtheta is found without that matrix: for random signs v, E ||v ds_T/dtheta||^2 =
||ds_T/dtheta||_F^2 (Hutchinson 1990).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from rnnbench.gradients.diagnostic import Diagnostic, Found, Number, Options
from rnnbench.gradients.measurement import Measurement
from rnnbench.gradients.parameters import parameter_group
from rnnbench.gradients.path import Path
from rnnbench.network.states import flatten, select_state

DRAWS = 2


def parameter_sensitivity(measurement: Measurement) -> list[list[float | None]]:
    """Return the mean over sequences of ||ds_T/dtheta||_F^2 of each direction, theta its recurrent parameters.

    s_T is each sequence's last state; DRAWS random vectors a sequence, the same in every call, estimate it. The inputs
    of the direction are held fixed. None for a cell without recurrent parameters.
    """
    return measurement.each(_sensitivity)


def _sensitivity(path: Path) -> float | None:
    named = path.cell.named_parameters()
    parameters = [each for name, each in named if parameter_group(f"cell.{name}") == "recurrent" and each.requires_grad]
    if not parameters:
        return None
    with torch.enable_grad():
        last = flatten(_last(path), 1)
        if not last.requires_grad:
            return None
        generator = torch.Generator().manual_seed(0)
        each = torch.eye(len(last)).to(last)
        total = 0.0
        for _ in range(DRAWS):
            signs = (torch.randint(2, last.shape, generator=generator) * 2 - 1).to(last)
            found = torch.autograd.grad(
                (signs * last).sum(dim=1), parameters, each, retain_graph=True, materialize_grads=True,
                is_grads_batched=True,
            )  # fmt: skip
            total += float(sum(part.abs().square().sum() for part in found))
    return total / (DRAWS * len(last))


def _last(path: Path) -> Any:
    """Return the last state of each sequence, as a function of the parameters."""
    state = path.cell.initial_state(len(path.lengths))
    drives: Tensor = path.cell.project(path.inputs)
    for t, drive in enumerate(drives):
        state = select_state(t < path.lengths, path.cell.step(state, drive), state)
    return state


def _of_network(measurement: Measurement, options: Options) -> Found:
    by_direction: dict[tuple[int, int], dict[str, Number]] = {
        path.layer_direction: {"sensitivity": _sensitivity(path)} for layer in measurement.paths for path in layer
    }
    return Found(by_direction=by_direction)


DIAGNOSTIC = Diagnostic(
    name="sensitivity",
    title="how strongly the last state depends on the recurrent parameters",
    formula="E ||ds_T/dtheta||_F^2, theta the recurrent parameters",
    source="Zucchet & Orvieto 2024",
    needs=("paths",),
    cost="one pass of the loop engine forward, and two back for each sequence",
    law="h_t = lambda h_{t-1} + x_t, white x: (1 + lambda^2) / (1 - lambda^2)^3",
    of_network=_of_network,
)
