"""Every cell in half precision, as Lightning's bf16-true (parameters too) and bf16-mixed (autocast) run it.

Outputs and gradients are near those in single precision, or one line says what cannot be had.
"""

import copy

import pytest
import torch

from catalogue import CELL_ROWS, TWINS
from rnnbench.errors import UserError
from rnnbench.network.cells import CELLS
from rnnbench.network.engines import ENGINES, choose, fastest
from rnnbench.network.layers import Recurrent, Stack
from rnnbench.network.model import Model

HALVES = [torch.bfloat16, torch.float16]


def make(row, engine="auto"):
    below = Recurrent(row.make(3), engine)
    return Model(Stack([below, Recurrent(row.make(below.output_size), engine)]), 3, 2, tokens=False, every_step=True)


def looped(row, model):
    """The same network, run by the loop."""
    twin = make(row, "loop")
    twin.load_state_dict(model.state_dict())
    return twin


def passes(model, inputs, targets):
    """The prediction and the gradient of its squared error, as vectors in single precision."""
    prediction = model(inputs).prediction
    (prediction.float() - targets).square().sum().backward()
    gradients = [parameter.grad.flatten().float() for parameter in model.parameters()]
    return prediction.detach().float().flatten(), torch.cat(gradients)


def assert_near(found, expected):
    for mine, theirs in zip(found, expected, strict=True):
        assert mine.isfinite().all()
        assert (mine - theirs).norm() < 0.25 * theirs.norm()  # some activations jump


@pytest.mark.parametrize("dtype", HALVES)
@pytest.mark.parametrize("row", CELL_ROWS.values(), ids=CELL_ROWS)
def test_parameters_in_half_precision(row, dtype):
    model, inputs, targets = make(row), torch.randn(7, 4, 3), torch.randn(7, 4, 2)
    expected = passes(looped(row, model), inputs, targets)
    if row.name == "orthogonal":
        with pytest.raises(UserError, match=f"cell=orthogonal cannot run in {dtype}.*precision=bf16-mixed"):
            passes(model.to(dtype), inputs, targets)
        return
    assert_near(passes(model.to(dtype), inputs, targets), expected)


@pytest.mark.parametrize("dtype", HALVES)
@pytest.mark.parametrize("row", CELL_ROWS.values(), ids=CELL_ROWS)
def test_autocast(row, dtype):
    model, inputs, targets = make(row), torch.randn(7, 4, 3), torch.randn(7, 4, 2)
    expected = passes(looped(row, model), inputs, targets)
    with torch.autocast("cpu", dtype=dtype):
        found = passes(model, inputs, targets)
    assert_near(found, expected)
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}


@pytest.mark.parametrize("dtype", HALVES)
@pytest.mark.parametrize("row", TWINS.values(), ids=TWINS)
def test_on_a_cpu_no_kernel_of_half_precision_is_relied_on(row, dtype):
    cell, inputs = row.make(), torch.randn(7, 4, 3)
    assert fastest(cell, inputs) in (ENGINES["compiled"], ENGINES["fused"])
    half, narrow = copy.deepcopy(cell).to(dtype), inputs.to(dtype)
    assert fastest(half, narrow) is ENGINES["loop"]
    with pytest.raises(UserError, match=f"network.engine=fused cannot run the cell {type(cell).__name__} in {dtype}"):
        choose("fused", half)(half, narrow, half.initial_state(4))
    with torch.autocast("cpu", dtype=dtype):
        assert fastest(cell, inputs) is ENGINES["loop"]
        with pytest.raises(UserError, match=f"in {dtype} on a CPU.*network.engine=loop"):
            choose("fused", cell)(cell, inputs, cell.initial_state(4))
        wide = copy.deepcopy(cell).double()  # which autocast leaves alone
        assert fastest(wide, inputs.double()) in (ENGINES["compiled"], ENGINES["fused"])


@pytest.mark.parametrize("dtype", HALVES)
def test_a_complex_state_stays_in_single_precision(dtype):
    cell = CELLS["lru"](3, 5).to(dtype)
    outputs, final = choose("auto", cell)(cell, torch.randn(7, 4, 3, dtype=dtype), cell.initial_state(4))
    assert outputs.dtype == dtype
    assert final.h.dtype == torch.complex64
