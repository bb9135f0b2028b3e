"""Discretised differential equations: what their Jacobians promise, and torchrecurrent where it follows the papers."""

import numpy as np
import pytest
import torch
import torchrecurrent

from rnnbench.errors import UserError
from rnnbench.gradients import step_jacobian
from rnnbench.network.cells import CELLS
from rnnbench.network.engines import ENGINES
from rnnbench.network.initialization import initialize
from rnnbench.network.states import flatten

pytestmark = pytest.mark.usefixtures("double")


def randomized(module):
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.normal_()
    return module


def random_state(cell, size=2):
    return type(cell.initial_state(size))(*(torch.randn_like(part) for part in cell.initial_state(size)))


def assert_same(cell, twin_step):
    """The loop engine against ``twin_step(x_t, state) -> state``, seven steps from a random state."""
    inputs, start = torch.randn(7, 2, 3), random_state(cell)
    outputs, final = ENGINES["loop"](cell, inputs, start)
    state = start
    for t in range(7):
        state = type(start)(*twin_step(inputs[t], state))
        torch.testing.assert_close(outputs[t], state.h)
    torch.testing.assert_close(flatten(final), flatten(state))


def set_input(cell, twin, bias):
    cell.input_projection.weight.data = twin.weight_ih.detach()
    cell.input_projection.bias.data = bias.detach()


class TestAntisymmetric:
    @pytest.mark.parametrize("gated", [False, True])
    def test_against_torchrecurrent(self, gated):
        kind = torchrecurrent.GatedAntisymmetricRNNCell if gated else torchrecurrent.AntisymmetricRNNCell
        twin = randomized(kind(3, 5, epsilon=0.3, gamma=0.2, dtype=torch.float64))
        cell = CELLS["antisymmetric"](3, 5, epsilon=0.3, gamma=0.2, gated=gated)
        if gated:
            twin.bias_hh.data.zero_()  # torchrecurrent adds it to the candidate alone, its documentation to both
            set_input(cell, twin, twin.bias_ih)
        else:
            set_input(cell, twin, twin.bias_ih + twin.bias_hh)
        cell.recurrent_projection.weight = twin.weight_hh.detach()
        assert_same(cell, lambda x, state: (twin(x, state.h),))

    def test_all_eigenvalues_have_the_real_part_of_the_diffusion(self):
        weight = CELLS["antisymmetric"](3, 7, gamma=0.3).recurrent_projection.weight
        eigenvalues = torch.linalg.eigvals(weight.detach())
        np.testing.assert_allclose(eigenvalues.real, -0.3, atol=1e-12)
        assert eigenvalues.imag.abs().max() > 0.1

    def test_an_init_draws_w(self):
        cell, free = CELLS["antisymmetric"](3, 6, gamma=0.3), CELLS["modrelu"](3, 6)
        for each in (cell, free):
            torch.manual_seed(1)
            initialize(each, recurrent="gaussian")
        drawn = free.recurrent_projection.weight.detach()
        expected = drawn - drawn.T - 0.3 * torch.eye(6)
        torch.testing.assert_close(cell.recurrent_projection.weight.detach(), expected)
        assert torch.equal(cell.recurrent_projection.weight.diagonal(), torch.full((6,), -0.3))

    @pytest.mark.parametrize("gated", [False, True])
    def test_where_it_begins(self, gated):
        cell = CELLS["antisymmetric"](25, 200, gamma=0.0, gated=gated)
        assert cell.recurrent_projection.weight.std().item() == pytest.approx((2 / 200) ** 0.5, rel=0.05)
        assert cell.input_projection.weight.std().item() == pytest.approx(1 / 5, rel=0.05)
        assert not cell.input_projection.bias.any()
        assert len(cell.input_projection.weight) == (400 if gated else 200)


class TestCoRNN:
    def test_against_torchrecurrent(self):
        twin = randomized(torchrecurrent.coRNNCell(3, 5, dt=0.2, gamma=1.4, epsilon=0.7, dtype=torch.float64))
        cell = CELLS["cornn"](3, 5, dt=0.2, gamma=1.4, epsilon=0.7)
        set_input(cell, twin, twin.bias_ih + twin.bias_hh + twin.bias_ch)
        cell.recurrent_projection.weight.data = torch.cat([twin.weight_hh, twin.weight_ch]).detach()
        assert_same(cell, twin)

    def test_damping_alone_shrinks_volumes(self):
        """Without coupling det dS_t/dS_{t-1} = (1 - dt epsilon)^H: an undamped oscillator loses nothing."""
        for epsilon in (0.0, 0.7):
            cell = CELLS["cornn"](3, 4, dt=0.2, gamma=1.4, epsilon=epsilon)
            cell.recurrent_projection.weight.data.zero_()
            jacobian = step_jacobian(cell, random_state(cell), torch.randn(2, 4))
            np.testing.assert_allclose(torch.linalg.det(jacobian), (1 - 0.2 * epsilon) ** 4)


class TestLEM:
    def test_against_torchrecurrent(self):
        """torchrecurrent reads the old z where the paper, the authors' code and its own documentation read the new."""
        twin = randomized(torchrecurrent.LEMCell(3, 5, dt=0.6, dtype=torch.float64))
        cell = CELLS["lem"](3, 5, dt=0.6)
        order = [1, 0, 2, 3]  # theirs begins with the step of y
        weights = [twin.weight_ih.chunk(4)[block].detach() for block in order]
        bias = twin.bias_ih + torch.cat([twin.bias_hh, twin.bias_ch])
        cell.input_projection.weight.data = torch.cat(weights)
        cell.input_projection.bias.data = torch.cat([bias.chunk(4)[block].detach() for block in order])
        recurrent = [*twin.weight_hh.chunk(3), twin.weight_ch]
        cell.recurrent_projection.weight.data = torch.cat([recurrent[block].detach() for block in order])

        def step(x, state):
            _, z = twin(x, (state.h, state.z))
            y, _ = twin(x, (state.h, z))
            return y, z

        assert_same(cell, step)

    def test_retention_is_the_share_of_z_that_a_step_keeps(self):
        cell = randomized(CELLS["lem"](3, 5, dt=0.6))
        state, drive = random_state(cell), torch.randn(2, 20)
        z = state.z.clone().requires_grad_()
        (kept,) = torch.autograd.grad(cell.step(state._replace(z=z), drive).z.sum(), z)
        torch.testing.assert_close(cell.retention(state, drive), kept)

    def test_states_stay_between_minus_one_and_one(self):
        cell = randomized(CELLS["lem"](3, 5, dt=1.0))
        outputs, final = ENGINES["loop"](cell, 10 * torch.randn(50, 2, 3), cell.initial_state(2))
        assert outputs.abs().max() <= 1
        assert final.z.abs().max() <= 1


class TestUnICORNN:
    def test_against_torchrecurrent(self):
        twin = randomized(torchrecurrent.UnICORNNCell(3, 5, recurrent_bias=True, dt=0.3, alpha=0.9,
                                                      dtype=torch.float64))  # fmt: skip
        cell = CELLS["unicornn"](3, 5, dt=0.3, alpha=0.9)
        set_input(cell, twin, twin.bias_ih + twin.bias_hh)
        cell.recurrent_weight.data, cell.step_weight.data = twin.weight_hh.detach(), twin.weight_ch.detach()
        assert_same(cell, twin)

    def test_it_keeps_volumes(self):
        """det dS_t/dS_{t-1} = 1 at any state, input and parameters: the step is symplectic."""
        cell = randomized(CELLS["unicornn"](3, 4, dt=0.8, alpha=2.0))
        jacobian = step_jacobian(cell, random_state(cell, 5), torch.randn(5, 4))
        assert (torch.linalg.matrix_norm(jacobian, 2) > 1.05).all()  # no isometry
        np.testing.assert_allclose(torch.linalg.det(jacobian), 1, rtol=1e-12)

    def test_where_it_begins(self):
        cell = CELLS["unicornn"](4, 500)
        for name, least, most in (("recurrent_weight", 0, 1), ("step_weight", -0.1, 0.1)):
            drawn = getattr(cell, name).detach()
            assert least <= drawn.min() < least + 0.05 * (most - least)
            assert most - 0.05 * (most - least) < drawn.max() <= most
        assert cell.input_projection.weight.abs().max().item() == pytest.approx((6 / (65 * 4)) ** 0.5, rel=0.01)
        assert not cell.input_projection.bias.any()


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("antisymmetric", {"epsilon": 0.0}, "cell.epsilon=0.0: must be greater than 0"),
        ("antisymmetric", {"gamma": -1.0}, "cell.gamma=-1.0: must be at least 0"),
        ("cornn", {"dt": 0.0}, "cell.dt=0.0: must be greater than 0"),
        ("cornn", {"gamma": -1.0}, "cell.gamma=-1.0: must be at least 0"),
        ("cornn", {"epsilon": -1.0}, "cell.epsilon=-1.0: must be at least 0"),
        ("lem", {"dt": -1.0}, "cell.dt=-1.0: must be greater than 0"),
        ("unicornn", {"dt": 0.0}, "cell.dt=0.0: must be greater than 0"),
        ("unicornn", {"alpha": -1.0}, "cell.alpha=-1.0: must be at least 0"),
    ],
)
def test_ranges(configure, name, options, message):
    with pytest.raises(UserError, match=message):
        CELLS[name](3, 5, **options)
    ((key, value),) = options.items()
    with pytest.raises(UserError, match=message):
        configure(f"cell={name}", f"cell.{key}={value}")
