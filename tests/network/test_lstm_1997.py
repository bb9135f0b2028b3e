"""The LSTM of 1997: blocks that share their gates, a memory that never fades."""

import numpy as np
import pytest
import torch

from equations.blocks import sigmoid
from rnnbench.errors import UserError
from rnnbench.gradients import parameter_group
from rnnbench.network.cells import CELLS
from rnnbench.network.engines import ENGINES
from rnnbench.network.initialization import initialize

pytestmark = pytest.mark.usefixtures("double")

INPUTS, HIDDEN, SIZE, BLOCKS = 3, 6, 2, 3


def make():
    return CELLS["lstm_1997"](INPUTS, HIDDEN, block_size=SIZE)


def test_the_cells_of_a_block_share_one_input_and_one_output_gate():
    """Block by block and cell by cell, from the parameters that are trained: in gates, cells, out gates."""
    cell = make()
    W, b, R = (dict(cell.named_parameters())[f"{name}.original"].detach().numpy() for name in (
        "input_projection.parametrizations.weight",
        "input_projection.parametrizations.bias",
        "recurrent_projection.parametrizations.weight",
    ))  # fmt: skip
    assert W.shape == (BLOCKS + HIDDEN + BLOCKS, INPUTS)
    inputs = torch.randn(7, 1, INPUTS)
    outputs, _ = ENGINES["loop"](cell, inputs, cell.initial_state(1))
    h, s = np.zeros(HIDDEN), np.zeros(HIDDEN)
    for t, x in enumerate(inputs[:, 0].numpy()):
        net, h = W @ x + b + R @ h, np.zeros(HIDDEN)
        for j in range(BLOCKS):
            y_in, y_out = sigmoid(net[j]), sigmoid(net[BLOCKS + HIDDEN + j])
            for v in range(SIZE):
                unit = j * SIZE + v
                s[unit] += y_in * (4 * sigmoid(net[BLOCKS + unit]) - 2)
                h[unit] = y_out * (2 * sigmoid(s[unit]) - 1)
        np.testing.assert_allclose(outputs[t, 0].detach(), h, rtol=1e-12, atol=1e-14)


def test_parameters():
    """Long lag 2a of the paper, p = 100: one block of one cell has three units with 102 + 1 weights and a bias each."""
    cell = CELLS["lstm_1997"](102, 1)
    assert sum(p.numel() for p in cell.parameters()) == 3 * (102 + 1 + 1)
    assert sum(p.numel() for p in make().parameters()) == (BLOCKS + HIDDEN + BLOCKS) * (INPUTS + HIDDEN + 1)


def test_shared_gates_are_initialised_by_name():
    cell = make()
    initialize(cell, gate_bias={"output": -1.0, "input": 0.5})
    assert torch.equal(cell.input_projection.bias[-HIDDEN:], torch.full((HIDDEN,), -1.0))
    assert torch.equal(cell.input_projection.bias[:HIDDEN], torch.full((HIDDEN,), 0.5))
    assert cell.input_projection.bias[HIDDEN:-HIDDEN].unique().numel() == HIDDEN
    initialize(cell, input="flat", recurrent="orthogonal", bias="zero", input_scale=0.1)
    assert cell.input_projection.weight.abs().max() <= 0.1
    assert not cell.input_projection.bias.any()
    candidate = cell.recurrent_projection.weight.split(HIDDEN)[1]
    torch.testing.assert_close(candidate @ candidate.T, torch.eye(HIDDEN), rtol=0, atol=1e-12)


def test_the_shared_bias_is_a_bias():
    groups = {name: parameter_group(f"cell.{name}") for name, _ in make().named_parameters()}
    assert sorted(groups.values()) == ["bias", "input", "recurrent"]


def test_the_error_carousel_keeps_the_gradient():
    """With the gates' and cells' own view of h cut, as in the paper's truncation, ds_T/ds_0 is 1 at any distance."""
    cell = make()
    initialize(cell, recurrent="zero")
    start = cell.initial_state(1)._replace(c=torch.zeros(1, HIDDEN, requires_grad=True))
    _, final = ENGINES["loop"](cell, torch.randn(500, 1, INPUTS), start)
    (gradient,) = torch.autograd.grad(final.c.sum(), start.c)
    assert torch.equal(gradient, torch.ones(1, HIDDEN))


def test_errors():
    with pytest.raises(UserError, match="cell.block_size=4: must divide network.hidden_size=6"):
        CELLS["lstm_1997"](3, 6, block_size=4)
    with pytest.raises(UserError, match="cell.block_size=0: must be at least 1"):
        CELLS["lstm_1997"](3, 6, block_size=0)
    with pytest.raises(UserError, match="the cell LSTM1997 has no gate that keeps its memory"):
        initialize(make(), memory="chrono", t_max=50)
