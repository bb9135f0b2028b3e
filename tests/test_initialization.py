"""Each distribution against its definition, gate by gate."""

import pytest
import torch

from rnnbench.cells import CELLS
from rnnbench.errors import UserError
from rnnbench.initialization import initialize

HIDDEN = 64


def drawn(cell="lstm", **changes):
    cell = CELLS[cell](32, HIDDEN)
    initialize(cell, **({"input": "uniform", "recurrent": "uniform", "bias": "uniform"} | changes))
    return cell


def recurrent_blocks(cell):
    return cell.recurrent_projection.weight.chunk(len(cell.gates))


def test_uniform_is_that_of_torch():
    for parameter in drawn().parameters():
        bound = HIDDEN**-0.5
        assert parameter.abs().max() <= bound
        assert parameter.std().item() == pytest.approx(bound / 3**0.5, rel=0.1)


def test_glorot_counts_each_gate_alone():
    cell = drawn(input="glorot", recurrent="glorot", bias="zero")
    assert cell.input_projection.weight.abs().max().item() == pytest.approx((6 / (32 + HIDDEN)) ** 0.5, rel=0.01)
    assert cell.recurrent_projection.weight.abs().max().item() == pytest.approx((6 / (2 * HIDDEN)) ** 0.5, rel=0.01)
    assert cell.input_projection.bias.abs().max() == 0


@pytest.mark.parametrize("cell", CELLS)
def test_orthogonal_makes_every_gate_orthogonal(cell):
    for block in recurrent_blocks(drawn(cell, recurrent="orthogonal")):
        torch.testing.assert_close(block @ block.T, torch.eye(HIDDEN), atol=1e-5, rtol=0)


def test_identity_and_small():
    cell = drawn("elman", input="small", recurrent="identity")
    assert torch.equal(cell.recurrent_projection.weight, torch.eye(HIDDEN))
    assert cell.input_projection.weight.std().item() == pytest.approx(0.001, rel=0.1)


def test_forget_bias_is_the_pre_activation_at_zero():
    cell = drawn(forget_bias=1.0)
    zero = cell.initial_state(1)
    drive = cell.project(torch.zeros(1, 1, 32))[0]
    torch.testing.assert_close(cell.retention(zero, drive), torch.full((1, HIDDEN), 0.7310586))
    assert drawn(forget_bias=1.0).input_projection.bias[:HIDDEN].unique().numel() > 1  # the other gates keep theirs


def test_errors():
    with pytest.raises(UserError, match="forget_bias=1.0: the cell GRU has no forget gate"):
        drawn("gru", forget_bias=1.0)
    with pytest.raises(UserError, match=r"init.recurrent 'orthogonl': did you mean 'orthogonal'"):
        drawn(recurrent="orthogonl")
    with pytest.raises(UserError, match=r"init.bias 'orthogonal'"):
        drawn(bias="orthogonal")
