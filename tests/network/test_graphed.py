"""The graphed engine: what it refuses anywhere, and on a machine with a CUDA GPU that it is the loop."""

import copy
import gc

import pytest
import torch

from catalogue import CELL_ROWS, reached
from rnnbench.errors import UserError
from rnnbench.network.cells import CELLS
from rnnbench.network.cells.zoneout import Zoneout
from rnnbench.network.engines import ENGINES, Auto, choose, graphed, loop, supporting
from rnnbench.network.engines.graphed import _recordings, supports
from rnnbench.network.layers import Recurrent
from rnnbench.network.states import map_state

MISSING = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
RECORDED = {key: row for key, row in CELL_ROWS.items() if supports(row.make(3, 5))}


def test_without_a_gpu_it_is_no_choice():
    cell = CELLS["mgu"](3, 5)
    assert "graphed" not in supporting(cell)
    with pytest.raises(UserError, match=r"needs a CUDA GPU, the inputs are on cpu; use trainer.accelerator=cuda"):
        ENGINES["graphed"](cell, torch.randn(4, 2, 3), cell.initial_state(2))


@pytest.mark.parametrize("cell", [CELLS["orthogonal"](3, 5), Zoneout(CELLS["lstm"](3, 5), 0.1, 0.1)])
def test_a_cell_that_cannot_be_recorded_is_refused(cell):
    with pytest.raises(UserError, match=r"network.engine=graphed cannot run the cell .*: it draws random numbers or"):
        choose("graphed", cell)


def everything(engine, cell, inputs, state):
    """Outputs, final state and all gradients of a fixed function of them, in copies."""
    inputs = inputs.clone().requires_grad_()
    state = map_state(lambda part: part.clone().requires_grad_(), state)
    outputs, final = engine(cell, inputs, state)
    parts = [outputs, *final]
    loss = sum(
        (part * torch.linspace(-1, 1, part.numel(), device="cuda").reshape(part.shape)).sum().real for part in parts
    )
    gradients = torch.autograd.grad(
        loss, [inputs, *state, *cell.parameters()], allow_unused=True, materialize_grads=True
    )
    return [part.detach().clone() for part in (*parts, *gradients)]


def setting(cell):
    """``cell`` on the GPU, inputs, and a state that it reached there."""
    state = map_state(torch.Tensor.cuda, reached(cell, 2))
    return cell.cuda(), torch.randn(7, 2, 3, device="cuda"), state


@pytest.mark.cuda
@MISSING
@pytest.mark.usefixtures("double")
@pytest.mark.parametrize("row", RECORDED.values(), ids=RECORDED)
def test_it_is_the_loop(row):
    """The first call records, the next replay it: with other inputs, and after the parameters have moved."""
    cell, inputs, state = setting(row.make(3, 5))
    for _ in range(3):
        for found, expected in zip(
            everything(graphed, cell, inputs, state), everything(loop, cell, inputs, state), strict=True
        ):
            torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-12)
        inputs = inputs + 1
        with torch.no_grad():
            for parameter in cell.parameters():
                parameter.mul_(0.9)


@pytest.mark.cuda
@MISSING
def test_a_recording_is_not_written_over_while_its_gradient_is_due():
    cell, inputs, state = setting(CELLS["mgu"](3, 5))
    outputs, _ = graphed(cell, inputs, state)
    with pytest.raises(UserError, match="a second call would write over what the gradient of the first needs"):
        graphed(cell, inputs, state)
    outputs.sum().backward()
    outputs, _ = graphed(cell, inputs, state)
    del outputs, _
    with torch.no_grad():
        graphed(cell, inputs, state)
        graphed(cell, inputs, state)


@pytest.mark.cuda
@MISSING
@pytest.mark.usefixtures("double")
def test_auto_records_what_comes_often_and_lengths_stay_right():
    cell = CELLS["mgu"](3, 5).cuda()
    layer, unrecorded = Recurrent(cell), Recurrent(copy.deepcopy(cell), engine="loop")
    for _ in range(8):
        inputs, lengths = torch.randn(6, 3, 3, device="cuda"), torch.tensor([2, 4, 6], device="cuda")
        for engine_layer in (layer, unrecorded):
            engine_layer.zero_grad()
            engine_layer(inputs, lengths)[0].square().sum().backward()
        for one, other in zip(layer.parameters(), unrecorded.parameters(), strict=True):
            torch.testing.assert_close(one.grad, other.grad, rtol=1e-10, atol=1e-12)
    assert len(_recordings[cell].made) == 2  # from a state that wants no gradient, and from one that does
    assert unrecorded.cell not in _recordings


@pytest.mark.cuda
@MISSING
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_in_half_precision(dtype):
    cell, inputs, state = setting(CELLS["janet"](3, 5))
    with torch.autocast("cuda", dtype=dtype):
        found = [everything(graphed, cell, inputs, state) for _ in range(2)]
        expected = everything(loop, cell, inputs, state)
    for run in found:
        for one, other in zip(run, expected, strict=True):
            torch.testing.assert_close(one, other, rtol=2e-2, atol=2e-2)


@pytest.mark.cuda
@MISSING
def test_recordings_die_with_their_cell():
    cell, inputs, state = setting(CELLS["mgu"](3, 5))
    for _ in range(6):
        Auto()(cell, inputs, state)[0].sum().backward()
    before = len(_recordings)
    del cell, state
    gc.collect()
    assert len(_recordings) == before - 1
