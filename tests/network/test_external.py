"""Cells of other packages run as they are: the loop engine, the probe, and training."""

import pytest
import torch
from torch import nn

from rnnbench.errors import UserError
from rnnbench.network.cells import GRU
from rnnbench.network.cells.external import External, from_target
from rnnbench.network.engines import ENGINES
from rnnbench.runner import run

OTHERS = [
    "ATRCell", "BRCell", "CFNCell", "FastGRNNCell", "LiGRUCell", "MinimalRNNCell", "MUT1Cell", "NASCell", "RANCell",
    "SCRNCell", "STARCell", "TGRUCell",
]  # fmt: skip


@pytest.mark.usefixtures("double")
@pytest.mark.parametrize("name", OTHERS)
def test_the_loop_is_the_modules_own_recursion(name):
    cell = from_target(f"torchrecurrent.{name}", 3, 5, {})
    inputs, state = torch.randn(6, 2, 3), None
    outputs, final = ENGINES["loop"](cell, inputs, cell.initial_state(2))
    for drive, output in zip(inputs, outputs, strict=True):
        state = cell.module(drive, state)
        torch.testing.assert_close(output, state[0] if isinstance(state, tuple) else state, rtol=0, atol=0)
    torch.testing.assert_close(tuple(final), state if isinstance(state, tuple) else (state,), rtol=0, atol=0)


@pytest.mark.filterwarnings("ignore:SCRNCell runs step by step")  # which is right, and told
@pytest.mark.whole
@pytest.mark.parametrize("name", OTHERS)
def test_it_is_probed_and_trained(name, configure):
    overrides = [f"cell._target_=torchrecurrent.{name}", "network.depth=2", "network.bidirectional=true"]
    record = run(configure("cell=external", *overrides, "probe=full", "trainer.max_steps=2", "probe.sequences=1",
                           "task.length=5"))  # fmt: skip
    assert record.status == "done"
    assert record.run_id.startswith(f"adding-{name}-seed0-")
    assert record.gradients["initial"]["headline"].startswith("layer ")


@pytest.mark.usefixtures("double")
def test_a_cell_of_torch_is_itself():
    cell = from_target("torch.nn.LSTMCell", 3, 5, {"bias": False})
    assert isinstance(cell, External)
    twin = nn.LSTM(3, 5, bias=False)
    for ours, theirs in zip(cell.parameters(), twin.parameters(), strict=True):
        theirs.data = ours.data
    inputs = torch.randn(6, 2, 3)
    torch.testing.assert_close(ENGINES["loop"](cell, inputs, cell.initial_state(2))[0], twin(inputs)[0])


def test_a_cell_of_ones_own_is_taken_as_it_is():
    assert type(from_target("rnnbench.network.cells.GRU", 3, 5, {})) is GRU


@pytest.mark.parametrize(
    ("target", "options", "message"),
    [
        ("torch.nn.Nope", {}, "module 'torch.nn' has no attribute 'Nope'; give package.module.Class"),
        ("nope.Cell", {}, "No module named 'nope'"),
        ("json.dumps", {}, "not a torch.nn.Module"),
        ("torch.nn.GRUCell", {"biass": True}, "unexpected keyword argument 'biass'"),
        ("torch.nn.Linear", {}, "Linear is no recurrent cell, it takes no .input, state."),
        ("torch.nn.LSTM", {}, "LSTM is no recurrent cell"),
        ("torchrecurrent.IntersectionRNNCell", {}, "requires input_size == hidden_size"),
    ],
)
def test_what_is_no_cell_is_a_clear_error(target, options, message):
    with pytest.raises(UserError, match=message) as caught:
        from_target(target, 3, 5, options)
    assert "\n" not in str(caught.value)


def test_an_init_needs_a_cell_that_says_what_it_has(configure):
    with pytest.raises(UserError, match="init.input=glorot: the cell External says nothing of its parameters"):
        run(configure("cell=external", "cell._target_=torch.nn.GRUCell", "init=orthogonal"))
