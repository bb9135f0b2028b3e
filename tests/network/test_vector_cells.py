"""Recent cells with a nonlinear step, or a highway: what their equations promise, and where they begin."""

import numpy as np
import pytest
import torch
from scipy import signal, stats
from scipy.special import eval_legendre

from equations import recent
from equations.blocks import Blocks
from rnnbench.errors import UserError
from rnnbench.network.cells import CELLS
from rnnbench.network.cells.lmu import legendre_delay
from rnnbench.network.engines import ENGINES, supporting
from rnnbench.network.initialization import initialize


def follows(values, least, most):
    uniform = stats.uniform(least, most - least)
    return stats.kstest(values.detach().flatten().double().numpy(), uniform.cdf).pvalue > 1e-4


def normal(values, variance):
    return stats.kstest(values.detach().flatten().double().numpy(), stats.norm(scale=variance**0.5).cdf).pvalue > 1e-4


def paper(name, *sizes, **options):
    cell = CELLS[name](*sizes, **options)
    initialize(cell, paper=True)
    return cell


class TestSRU:
    @pytest.mark.usefixtures("double")
    @pytest.mark.parametrize("name", ["sru", "sru_linear"])
    def test_the_input_passes_by_itself_where_it_is_as_wide_as_the_memory(self, name):
        cell = CELLS[name](4, 4, highway_bias=-1.5)
        for parameter in cell.parameters():
            parameter.data += torch.randn_like(parameter)
        assert "highway" not in cell.gates
        inputs = torch.randn(6, 1, 4)
        outputs, _ = ENGINES["loop"](cell, inputs, cell.initial_state(1))
        h = c = np.zeros(4)
        for x, output in zip(inputs[:, 0].numpy(), outputs[:, 0].detach().numpy(), strict=True):
            h, c = recent.sru(Blocks(cell), x, h, c)
            np.testing.assert_allclose(output, h, rtol=1e-12)

    @pytest.mark.usefixtures("double")
    def test_both_gates_look_at_the_old_memory(self):
        """With an open forget gate the new c is the old one, and r is the sigmoid of it; from c = 0 it is 1/2."""
        cell = CELLS["sru"](2, 1)
        cell.peephole["reset"].data.fill_(2.0)
        cell.peephole["forget"].data.fill_(0.0)
        drive = torch.tensor([[5.0, -100.0, 0.0, 1.0]])  # c becomes 5 whatever it was
        for old in (0.0, 3.0):
            found = cell.step(cell.initial_state(1)._replace(c=torch.tensor([[old]])), drive)
            r = 1 / (1 + np.exp(-2 * old))
            assert found.c.item() == pytest.approx(5)
            assert found.h.item() == pytest.approx(5 * r + 1 - r)

    def test_engines(self):
        assert "associative" in supporting(CELLS["sru_linear"](3, 5))
        assert "associative" not in supporting(CELLS["sru"](3, 5))
        assert "compiled" in supporting(CELLS["sru"](3, 5))

    def test_where_it_begins(self):
        cell, bound, alpha = paper("sru", 50, 300, highway_bias=-1.0), (3 / 50) ** 0.5, (1 + 2 / np.e) ** 0.5
        scales = {"candidate": 1, "forget": 0.5**0.5, "reset": 0.5**0.5, "highway": alpha}
        for gate, block in zip(cell.gates, cell.input_projection.weight.split(300), strict=True):
            assert follows(block, -bound * scales[gate], bound * scales[gate])
        biases = dict(zip(cell.gates, cell.input_projection.bias.split(300), strict=True))
        assert (biases.pop("reset") == -1).all()
        assert not any(bias.any() for bias in biases.values())
        for each in cell.peephole.values():
            assert follows(each, -(1.5**0.5), 1.5**0.5)
        plain = CELLS["sru"](50, 400)
        assert all(follows(each, -1 / 20, 1 / 20) for each in (plain.input_projection.weight, plain.peephole["reset"]))


class TestSignedMinGRU:
    @pytest.mark.parametrize("coupled", [False, True])
    def test_a_sign_that_flips_is_parity(self, coupled):
        """s = -1 at a 1 and 1 at a 0: h is (-1)^(number of ones), which no decay above 0 can be."""
        cell = CELLS["mingru_signed"](1, 1, coupled=coupled)
        cell.input_projection.weight.data = torch.tensor([[0.0], [-40.0], [0.0]])
        cell.input_projection.bias.data = torch.tensor([-40.0, 20.0, 0.0])
        bits = torch.randint(2, (200, 1, 1)).float()
        state = cell.initial_state(1)._replace(h=torch.ones(1, 1))
        outputs, _ = ENGINES["associative"](cell, bits, state)
        torch.testing.assert_close(outputs, (-1) ** bits.cumsum(0))

    def test_only_the_coupled_form_bounds_its_decay_by_the_gate(self):
        drive = torch.tensor([[3.0, 9.0, 1.0]])
        free, coupled = (CELLS["mingru_signed"](1, 1, coupled=each).coefficients(drive)[0] for each in (False, True))
        assert free.item() > 0.99
        assert coupled.item() == pytest.approx(free.item() * (1 - torch.sigmoid(drive[0, 0])).item())


class TestLMU:
    def test_its_matrices_are_those_of_scipy(self):
        order, theta = 12, 30.5
        i, j = np.arange(order)[:, None], np.arange(order)[None, :]
        a = (2 * i + 1) * np.where(i < j, -1, (-1.0) ** (i - j + 1)) / theta
        b = (2 * i + 1) * (-1.0) ** i / theta
        exact = signal.cont2discrete((a, b, np.zeros((1, order)), [[0]]), 1, method="zoh")
        held, entering = legendre_delay(order, theta)
        np.testing.assert_allclose(held, exact[0], rtol=1e-11, atol=1e-13)
        np.testing.assert_allclose(entering, exact[1], rtol=1e-11, atol=1e-13)

    @pytest.mark.usefixtures("double")
    @pytest.mark.parametrize("delay", [0.0, 0.25, 0.5, 1.0])
    def test_its_memory_is_the_past_of_its_signal(self, delay):
        """u(t - delay theta) is the sum of P_i(2 delay - 1) m_i, for a signal that the order can follow."""
        order, theta = 16, 200
        cell = CELLS["lmu"](1, 2, theta=theta, order=order)
        for parameter in cell.parameters():
            parameter.data.zero_()
        cell.input_projection.weight.data[2] = 1  # e_x alone
        time = np.arange(600)
        u = np.sin(2 * np.pi * time / 150) + 0.5 * np.cos(2 * np.pi * time / 90)
        state, found = cell.initial_state(1), []
        for drive in cell.project(torch.tensor(u)[:, None, None]):
            state = cell.step(state, drive)
            found.append(state.m[0].detach().numpy() @ eval_legendre(np.arange(order), 2 * delay - 1))
        then = time[400:] - delay * theta + 0.5  # u is held over a step: its middle is half a step before its end
        expected = np.sin(2 * np.pi * then / 150) + 0.5 * np.cos(2 * np.pi * then / 90)
        np.testing.assert_allclose(found[400:], expected, atol=0.05)

    def test_where_it_begins(self):
        cell = paper("lmu", 40, 300, theta=100, order=50)
        kernel, encoder = cell.input_projection.weight.split([300, 1])
        assert normal(kernel, 2 / 340)
        assert normal(cell.recurrent_projection.weight, 2 / 600)
        assert normal(cell.memory_projection.weight, 2 / 350)
        assert follows(encoder, -((3 / 40) ** 0.5), (3 / 40) ** 0.5)
        assert follows(cell.hidden_encoder.weight, -0.1, 0.1)
        assert not cell.memory_encoder.weight.any()
        assert not CELLS["lmu"](3, 5, theta=9).memory_encoder.weight.any()


@pytest.mark.parametrize("name", ["gru_diagonal", "lstm_diagonal"])
class TestDiagonal:
    @pytest.mark.usefixtures("double")
    def test_no_unit_sees_the_past_of_another(self, name):
        """The Jacobian of a step is diagonal, or has a block of 2 x 2 a unit, and every number in it counts."""
        cell = CELLS[name](3, 4)
        for parameter in cell.parameters():
            parameter.data += torch.randn_like(parameter)
        drive, kind = cell.project(torch.randn(1, 1, 3))[0], type(cell.initial_state(1))
        parts = tuple(torch.randn(1, 4) for _ in kind._fields)
        rows = torch.autograd.functional.jacobian(lambda *given: tuple(cell.step(kind(*given), drive)), parts)
        for block in (each for row in rows for each in row):
            jacobian = block[0, :, 0]
            assert jacobian.diagonal().all()
            torch.testing.assert_close(jacobian, torch.diag(jacobian.diagonal()))

    def test_where_it_begins(self, name):
        cell = paper(name, 50, 400)
        assert normal(cell.diagonal, 4 / 2000)
        assert all(normal(each, 4 / 2000) for key, each in cell.named_parameters() if key == "peephole")
        assert follows(cell.input_projection.weight, -((6 / 450) ** 0.5), (6 / 450) ** 0.5)
        first, *others = cell.input_projection.bias.split(400)
        torch.testing.assert_close(first, -torch.linspace(0, 1, 400))
        assert cell.gates[0] in ("update", "forget")
        assert not any(each.any() for each in others)
        plain = CELLS[name](50, 400)
        assert all(follows(each, -1 / 20, 1 / 20) for each in plain.parameters())


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ("cell=lmu cell.theta=null", "cell.theta=null: the task has no fixed length; set cell.theta=N"),
        ("cell=lmu cell.order=0", "cell.order=0: must be at least 1"),
        ("cell=s4d cell.state_size=7", "cell.state_size=7: must be a multiple of 2"),
        ("cell=s5 cell.blocks=3", "cell.state_size=64: must be a multiple of 6"),
        ("cell=s6 cell.decay=negative", "unknown value for cell.decay 'negative': choose from positive, signed"),
        ("cell=sru cell.highway_bias=101", "cell.highway_bias=101.0: must be at most 100"),
    ],
)
def test_mistakes_in_their_options(configure, overrides, message):
    with pytest.raises(UserError, match=message):
        configure(*overrides.split())
