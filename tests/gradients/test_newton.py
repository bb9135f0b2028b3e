import numpy as np
import pytest
import torch
from gradient_networks import EVERY, linear, measured, network, orthogonal, real_batch, single

from rnnbench.gradients import newton_iterations, newton_solution
from rnnbench.gradients.newton import TOLERANCE
from rnnbench.network.states import flatten


def test_a_linear_network_is_solved_in_one_iteration():
    batch = real_batch(20, outputs=1)
    found = newton_iterations(measured(single(linear(0.9 * orthogonal(4)), batch), batch))[0][0]
    np.testing.assert_array_equal(found, 1)


@pytest.mark.parametrize("cell", EVERY)
def test_it_arrives_within_as_many_iterations_as_there_are_steps(cell):
    measurement = measured(network(cell, depth=2, direction="both"), real_batch(6, lengths=[6, 2, 4]))
    for layer in newton_iterations(measurement):
        for needed in layer:
            assert (needed <= [6, 2, 4]).all()
            assert (needed >= 0).all()  # none where all states are zero


def by_hand(path):
    """With every Jacobian of torch.func.jacrev, and the linear recurrence solved as one dense system."""
    cell, steps, start = path.cell, len(path.drives), path.at(0)
    size = flatten(start, 1).shape[1]

    def step(flat, t):
        return flatten(cell.step(type(start)(flat[None]), path.drives[t]), 1)[0]

    states = torch.zeros(steps, size, dtype=torch.float64)
    for iteration in range(steps + 1):
        before = torch.cat([flatten(start, 1), states[:-1]])
        residual = states - torch.stack([step(before[t], t) for t in range(steps)])
        if residual.square().sum() / (2 * steps) <= TOLERANCE:
            return iteration, states
        system = torch.eye(steps * size, dtype=torch.float64)
        for t in range(1, steps):
            jacobian = torch.func.jacrev(lambda flat, t=t: step(flat, t))(before[t])
            system[t * size : (t + 1) * size, (t - 1) * size : t * size] = -jacobian
        states = states - torch.linalg.solve(system, residual.flatten()).view_as(states)
    raise AssertionError("it did not arrive")


@pytest.mark.parametrize("scale", [0.4, 1.5, 3.0])
def test_against_dense_linear_systems(scale):
    """Also that it arrives at the path itself: a small residual alone does not say so."""
    measurement = measured(network("elman", hidden=5, scale=scale), real_batch(12, size=1))
    path = measurement.paths[0][0]
    expected, states = by_hand(path)
    assert newton_iterations(measurement)[0][0] == [expected]
    torch.testing.assert_close(states, path.states.h[1:, 0].detach(), rtol=0, atol=1e-4)
    np.testing.assert_allclose(newton_solution(measurement)[0][0].states[:, 0], states.detach(), rtol=0, atol=1e-9)


def test_contracting_networks_need_as_few_for_long_sequences_and_chaotic_ones_need_more_and_more():
    """The jump where the largest Lyapunov exponent passes 0, which the sources report."""

    def needed(gain, steps):
        torch.manual_seed(0)
        weight = gain * torch.randn(32, 32, dtype=torch.float64) / 32**0.5
        model = network("elman", hidden=32, scale=0.3)
        model.stack.layers[0].cell.recurrent_projection.weight.data = weight
        return newton_iterations(measured(model, real_batch(steps, size=1)))[0][0][0]

    assert needed(0.5, 40) == needed(0.5, 160) <= 5
    assert needed(2.5, 160) > 1.5 * needed(2.5, 40) > 15
