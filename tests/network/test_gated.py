"""Gated cells against other people's code, and as special cases of each other."""

import pytest
import torch
import torchrecurrent

from rnnbench.network.cells import CELLS
from rnnbench.network.engines import ENGINES
from rnnbench.network.initialization import initialize

pytestmark = pytest.mark.usefixtures("double")


def loop(cell, inputs):
    return ENGINES["loop"](cell, inputs, cell.initial_state(inputs.shape[1]))[0]


@pytest.mark.parametrize(
    ("name", "theirs", "options"),
    [
        ("mgu", torchrecurrent.MGUCell, {}),
        ("ugrnn", torchrecurrent.UGRNNCell, {}),
        ("janet", torchrecurrent.JANETCell, {}),  # theirs trains beta, which is a constant in the paper
        ("janet", torchrecurrent.JANETCell, {"beta": 0.3}),
    ],
)
def test_against_torchrecurrent(name, theirs, options):
    cell, other = CELLS[name](3, 5, **options), theirs(3, 5, **options)
    for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
        torch.nn.init.normal_(getattr(other, kind))
    torch.nn.init.zeros_(other.bias_hh)  # one bias, as in the papers
    cell.input_projection.weight.data = other.weight_ih.data
    cell.input_projection.bias.data = other.bias_ih.data
    cell.recurrent_projection.weight.data = other.weight_hh.data
    inputs, state, expected = torch.randn(9, 2, 3), None, []
    for x in inputs:
        state = other(x, state)
        expected.append(state[0] if isinstance(state, tuple) else state)
    torch.testing.assert_close(loop(cell, inputs), torch.stack(expected), rtol=1e-12, atol=1e-14)


def test_the_place_of_the_reset_gate_matters_only_between_units():
    """r * (D h) = D (r * h) for a diagonal D without a bias."""
    before, after = CELLS["gru_reset_before"](3, 5), CELLS["gru"](3, 5)
    before.load_state_dict(after.state_dict())
    inputs = torch.randn(9, 2, 3)
    assert not torch.allclose(loop(before, inputs), loop(after, inputs), atol=1e-4)
    for cell in (before, after):
        cell.recurrent_projection.weight.data[10:] = torch.diag(torch.arange(-2.0, 3.0))
        cell.recurrent_projection.bias.data[10:] = 0
    torch.testing.assert_close(loop(before, inputs), loop(after, inputs), rtol=1e-12, atol=1e-14)


def test_the_mgu_is_the_gru_whose_two_gates_are_one():
    mgu, gru = CELLS["mgu"](3, 5), CELLS["gru_reset_before"](3, 5)
    for name in ("input_projection.weight", "input_projection.bias", "recurrent_projection.weight"):
        forget, candidate = mgu.get_parameter(name).data.chunk(2)
        gru.get_parameter(name).data = torch.cat([forget, forget, candidate])
    torch.nn.init.zeros_(gru.recurrent_projection.bias)
    inputs = torch.randn(9, 2, 3)
    torch.testing.assert_close(loop(mgu, inputs), loop(gru, inputs), rtol=1e-12, atol=1e-14)


def test_tied_janet_is_the_ugrnn():
    janet, ugrnn = CELLS["janet"](3, 5, beta=0.0), CELLS["ugrnn"](3, 5)
    for name in ("input_projection.weight", "input_projection.bias", "recurrent_projection.weight"):
        forget, candidate = janet.get_parameter(name).data.chunk(2)
        ugrnn.get_parameter(name).data = torch.cat([candidate, forget])
    inputs = torch.randn(9, 2, 3)
    torch.testing.assert_close(loop(janet, inputs), loop(ugrnn, inputs), rtol=1e-12, atol=1e-14)


class TestLayerNorm:
    """What the normalisation does not see (Ba et al. 2016, section 5.1 and table 1)."""

    def make(self):
        torch.manual_seed(3)
        cell = CELLS["lstm_layernorm"](3, 5)
        for parameter in cell.parameters():
            parameter.data += torch.randn_like(parameter)
        return cell

    @pytest.mark.parametrize("projection", ["input_projection", "recurrent_projection"])
    def test_scale_and_shift_of_a_whole_weight_matrix(self, projection):
        inputs, cell, other = torch.randn(9, 2, 3), self.make(), self.make()
        # 1e-5 is added to a variance: nothing next to one of 1e8.
        weight, changed = (getattr(c, projection).weight for c in (cell, other))
        weight.data *= 1e4
        changed.data *= 7e4
        changed.data += 1e4 * torch.randn(weight.shape[1])  # one row for all
        torch.testing.assert_close(loop(cell, inputs), loop(other, inputs), rtol=1e-4, atol=1e-6)

    def test_the_four_gates_are_normalised_together(self):
        cell, other = self.make(), self.make()
        other.recurrent_projection.weight.data[:5] *= 2  # of one gate alone
        inputs = torch.randn(9, 2, 3)
        assert not torch.allclose(loop(cell, inputs), loop(other, inputs), atol=1e-3)

    def test_gains_begin_at_one_and_shifts_at_zero(self):
        cell = CELLS["lstm_layernorm"](3, 5)
        for norm in (cell.input_norm, cell.recurrent_norm, cell.cell_norm):
            assert torch.equal(norm.weight, torch.ones_like(norm.weight))
            assert not norm.bias.any()

    def test_a_gates_bias_is_the_pre_activation_without_input(self):
        cell = CELLS["lstm_layernorm"](3, 5)
        initialize(cell, gate_bias={"forget": 1.0})
        kept = cell.retention(cell.initial_state(1), cell.project(torch.zeros(1, 1, 3))[0])
        torch.testing.assert_close(kept, torch.full((1, 5), 0.7310585786300049))
