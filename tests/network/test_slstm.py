"""The sLSTM: the stabiliser changes nothing but the range."""

import pytest
import torch

from rnnbench.errors import UserError
from rnnbench.network.cells import CELLS
from rnnbench.network.engines import ENGINES
from rnnbench.network.initialization import initialize

pytestmark = pytest.mark.usefixtures("double")

FORGET = {"exp": torch.exp, "sigmoid": torch.sigmoid}


def unstabilised(cell, inputs):
    """Eqs. 8-14 from c_0 = n_0 = 0."""
    h = c = n = torch.zeros(inputs.shape[1], cell.hidden_size)
    outputs = []
    for drive in cell.project(inputs):
        i, f, z, o = (drive + cell.recurrent_projection(h)).chunk(4, dim=-1)
        i, f = torch.exp(i), FORGET[cell.forget](f)
        c, n = f * c + i * torch.tanh(z), f * n + i
        h = torch.sigmoid(o) * c / n
        outputs.append(h)
    return torch.stack(outputs)


def stabilised(cell, inputs):
    return ENGINES["loop"](cell, inputs, cell.initial_state(inputs.shape[1]))[0]


@pytest.mark.parametrize("forget", FORGET)
def test_outputs_and_gradients_are_those_without_the_stabiliser(forget):
    cell = CELLS["slstm"](3, 5, forget=forget)
    for parameter in cell.parameters():
        torch.nn.init.normal_(parameter)
    inputs, weights = torch.randn(40, 2, 3, requires_grad=True), torch.randn(40, 2, 5)
    ours, theirs = stabilised(cell, inputs), unstabilised(cell, inputs)
    torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-12)
    leaves = [inputs, *cell.parameters()]
    gradients = [torch.autograd.grad((h * weights).sum(), leaves) for h in (ours, theirs)]
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("sign", [-1, 1])
@pytest.mark.parametrize("forget", FORGET)
def test_it_stays_finite_where_the_equations_overflow(forget, sign):
    cell = CELLS["slstm"](3, 5, forget=forget)
    initialize(cell, gate_bias={"input": sign * 2000.0})
    inputs = torch.randn(100, 2, 3)
    assert unstabilised(cell, inputs).isnan().all()
    outputs = stabilised(cell, inputs)
    assert (outputs.abs() < 1).all()
    gradients = torch.autograd.grad(outputs.sum(), cell.parameters())
    assert all(gradient.isfinite().all() for gradient in gradients)
    # What is let in always counts the same as before, so the size of i~ alone cannot matter.
    initialize(cell, gate_bias={"input": 0.0})
    if forget == "sigmoid":
        torch.testing.assert_close(stabilised(cell, inputs), outputs, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("forget", FORGET)
def test_the_normaliser_is_at_least_one_and_h_below_one(forget):
    """The largest weight in n is 1, and c / n is a mean of z in (-1, 1)."""
    cell, state = CELLS["slstm"](3, 5, forget=forget), None
    for parameter in cell.parameters():
        torch.nn.init.normal_(parameter, std=3)
    state = cell.initial_state(2)
    for drive in cell.project(torch.randn(50, 2, 3)):
        state = cell.step(state, drive)
        assert (state.n >= 1).all()
        assert (state.h.abs() < 1).all()


def test_an_open_exponential_forget_gate_never_forgets():
    """With i = f = 1 the memory is the mean of all z: step t keeps (t - 1) / t of it, the first loses nothing."""
    cell = CELLS["slstm"](3, 5, forget="exp")
    initialize(cell, input="zero", recurrent="zero", bias="zero")
    state = cell.initial_state(1)
    for t, drive in enumerate(cell.project(torch.randn(6, 1, 3)), start=1):
        share = (t - 1) / t if t > 1 else 1.0
        torch.testing.assert_close(cell.retention(state, drive), torch.full((1, 5), share))
        state = cell.step(state, drive)


def test_errors():
    with pytest.raises(UserError, match="cell.forget 'sigmoyd': did you mean 'sigmoid'"):
        CELLS["slstm"](3, 5, forget="sigmoyd")
    with pytest.raises(UserError, match="init.memory=chrono: the cell SLSTM has no gate that keeps its memory"):
        initialize(CELLS["slstm"](3, 5, forget="exp"), memory="chrono", t_max=50)
