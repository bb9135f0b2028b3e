"""Each cell against a transcription of its paper's equations."""

import numpy as np
import pytest
import torch

from catalogue import CELL_ROWS
from equations.blocks import Blocks
from rnnbench.cells import CELLS
from rnnbench.engines import ENGINES
from rnnbench.errors import UserError

pytestmark = pytest.mark.usefixtures("double")


def make(row, input_size=3, hidden_size=5):
    """A cell with random parameters: its own may begin at zero or one, which would hide mistakes."""
    cell = CELLS[row.name](input_size=input_size, hidden_size=hidden_size, **row.options)
    with torch.no_grad():
        for parameter in cell.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    return cell


@pytest.mark.parametrize("row", CELL_ROWS.values(), ids=CELL_ROWS)
def test_equations(row):
    cell = make(row)
    inputs = torch.randn(7, 2, 3)
    state = type(cell.initial_state(2))(*(torch.randn(2, 5) for _ in cell.initial_state(2)))
    outputs, final = ENGINES["loop"](cell, inputs, state, perturbation=None)
    blocks = Blocks(cell)
    for b in range(2):
        parts = [part[b].numpy() for part in state]
        for t in range(7):
            parts = row.equations(blocks, inputs[t, b].numpy(), *parts)
            np.testing.assert_allclose(outputs[t, b].detach(), parts[0], rtol=1e-12, atol=1e-14)
        for expected, part in zip(parts, final, strict=True):
            np.testing.assert_allclose(part[b].detach(), expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("row", CELL_ROWS.values(), ids=CELL_ROWS)
def test_initial_state_follows_the_parameters(row):
    cell = make(row).to(torch.float32).to("meta")
    for part in cell.initial_state(4):
        assert part.shape == (4, 5)
        assert part.dtype == torch.float32
        assert part.device.type == "meta"


def test_retention_is_the_share_of_memory_that_a_step_keeps():
    state, drive = torch.randn(2, 5), torch.randn(2, 20)
    lstm = CELLS["lstm"](3, 5)
    cell_state = torch.randn(2, 5, requires_grad=True)
    old = type(lstm.initial_state(2))(h=state, c=cell_state)
    (kept,) = torch.autograd.grad(lstm.step(old, drive).c.sum(), cell_state)
    torch.testing.assert_close(lstm.retention(old, drive), kept)

    # The GRU keeps all of h where 1 - z is one: h_t - h~ = (1 - z) (h_{t-1} - h~), with h~ recovered at z = 1.
    gru, before = CELLS["gru"](3, 5), CELLS["gru"](3, 5).initial_state(2)._replace(h=state)
    drive = torch.randn(2, 15)
    open_drive = drive.clone()
    open_drive[:, 5:10] = 1e3
    candidate = gru.step(before, open_drive).h
    torch.testing.assert_close(
        gru.step(before, drive).h - candidate, gru.retention(before, drive) * (state - candidate)
    )

    elman = CELLS["elman"](3, 5)
    assert elman.retention(elman.initial_state(2), torch.randn(2, 5)) is None


def test_unknown_nonlinearity():
    with pytest.raises(UserError, match=r"cell.nonlinearity 'cos': choose from relu, tanh"):
        CELLS["elman"](3, 5, nonlinearity="cos")
