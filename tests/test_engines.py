"""Every engine returns what the loop returns: outputs, final state and all gradients."""

import pytest
import torch

from catalogue import CELL_ROWS, TWINS, reached
from rnnbench.cells import CELLS, Elman
from rnnbench.engines import ENGINES, choose
from rnnbench.errors import UserError

pytestmark = pytest.mark.usefixtures("double")


def everything(engine, cell, inputs, state):
    """Outputs, final state, and the gradients of a random function of them with respect to all inputs."""
    torch.manual_seed(1)
    inputs, state = inputs.clone().requires_grad_(), type(state)(*(part.clone().requires_grad_() for part in state))
    outputs, final = ENGINES[engine](cell, inputs, state)
    parts = [outputs, *final]
    loss = sum((part * torch.randn_like(part)).sum() for part in parts)
    return [*parts, *torch.autograd.grad(loss, [inputs, *state, *cell.parameters()])]


@pytest.mark.parametrize("steps", [1, 2, 7, 63])
@pytest.mark.parametrize("row", TWINS.values(), ids=TWINS)
def test_fused_equals_loop(row, steps):
    cell = row.make()
    state = reached(cell)
    inputs = torch.randn(steps, 2, 3)
    for fused, loop in zip(*(everything(e, cell, inputs, state) for e in ("fused", "loop")), strict=True):
        torch.testing.assert_close(fused, loop, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("row", CELL_ROWS.values(), ids=CELL_ROWS)
def test_the_gradient_of_a_perturbation_is_that_of_the_state(row):
    cell = row.make()
    inputs, weights = torch.randn(9, 2, 3), torch.randn(9, 2, 5)
    state, states = cell.initial_state(2), []
    for drive in cell.project(inputs):
        state = cell.step(state, drive)
        state.h.retain_grad()
        states.append(state.h)
    (torch.stack(states) * weights).sum().backward()

    perturbation = torch.zeros(9, 2, 5, requires_grad=True)
    outputs, _ = ENGINES["loop"](cell, inputs, cell.initial_state(2), perturbation)
    assert torch.equal(outputs, torch.stack(states))
    (gradient,) = torch.autograd.grad((outputs * weights).sum(), perturbation)
    torch.testing.assert_close(gradient, torch.stack([h.grad for h in states]), rtol=0, atol=0)


def test_a_perturbation_of_the_whole_state_is_added_to_each_part():
    cell = CELLS["lstm"](3, 5)
    inputs, start = torch.randn(4, 2, 3), cell.initial_state(2)
    extra = type(start)(h=torch.randn(4, 2, 5), c=torch.randn(4, 2, 5))
    state = start
    for t, drive in enumerate(cell.project(inputs)):
        state = cell.step(state, drive)
        state = type(state)(h=state.h + extra.h[t], c=state.c + extra.c[t])
    _, final = ENGINES["loop"](cell, inputs, start, extra)
    assert torch.equal(final.h, state.h)
    assert torch.equal(final.c, state.c)


class Shifted(Elman):
    """A user's cell: no kernel knows its equations, although it is an Elman cell by inheritance."""

    def step(self, state, drive):
        return super().step(state, drive + 1)


def test_auto_is_exact():
    assert choose("auto", CELLS["gru"](3, 5)) is ENGINES["fused"]
    assert choose("auto", Shifted(3, 5)) is ENGINES["loop"]


def test_impossible_pairs_are_errors():
    cell = Shifted(3, 5)
    with pytest.raises(UserError, match="network.engine=fused cannot run the cell Shifted"):
        choose("fused", cell)
    with pytest.raises(UserError, match="cannot run the cell Shifted"):
        ENGINES["fused"](cell, torch.randn(2, 1, 3), cell.initial_state(1))
    cell = CELLS["elman"](3, 5)
    with pytest.raises(UserError, match="cannot take a perturbation"):
        ENGINES["fused"](cell, torch.randn(2, 1, 3), cell.initial_state(1), torch.zeros(2, 1, 5))
    with pytest.raises(UserError, match="'lop': did you mean 'loop'"):
        choose("lop", cell)
