import numpy as np
import pytest
import torch
from gradient_networks import (
    DIRECTIONS,
    MAKERS,
    alone,
    by_hand,
    linear,
    measured,
    network,
    of_path,
    orthogonal,
    real_batch,
    single,
)

from rnnbench.gradients import omega, step_jacobians
from rnnbench.network.cells import Elman
from rnnbench.network.states import flatten


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("cell", MAKERS)
def test_omega_of_the_top_layer_from_retained_gradients(cell, direction):
    """With the loss on the last step alone, dL/ds_{k+1} ds_{k+1}/ds_k is dL/ds_k for every k < T."""
    model, batch = network(cell, depth=2, direction=direction), real_batch(5)
    result = omega(measured(model, batch, "mse"))
    assert result.shape == (2, 1 + (direction == "both"))
    top = zip(model.stack.layer_directions()[1], by_hand(model, batch, "mse")[1], strict=True)
    for index, (one, nodes) in enumerate(top):
        norms = torch.stack([flatten(state) for state in nodes]).norm(dim=-1)
        norms = norms.flip(0) if one.reverse else norms
        expected = (norms[:-1] / norms[1:] - 1).square().sum(dim=0).mean()
        assert result[1, index] == pytest.approx(expected.item(), rel=1e-10)


def test_omega_of_a_lower_layer_leaves_out_what_enters_from_above():
    model, batch = network("lstm", depth=2, direction="both"), real_batch(5)
    result = omega(measured(model, batch, "mse"))
    nodes, paths = by_hand(model, batch, "mse")[0], measured(model, batch).paths[0]
    for index, path in enumerate(paths):
        g = torch.stack([flatten(state) for state in nodes[index]])
        g = g.flip(0) if index else g
        terms = [((g[t, :, None] @ of_path(step_jacobians, path)[t])[:, 0].norm(dim=-1) / g[t].norm(dim=-1) - 1) ** 2
                 for t in range(1, 5)]  # fmt: skip
        assert result[0, index] == pytest.approx(sum(terms).mean().item(), rel=1e-10)


@pytest.mark.parametrize("rho", [0.5, 1.0, 1.5])
def test_omega_of_a_scaled_orthogonal_matrix(rho):
    batch = real_batch(9, outputs=1)
    result = omega(measured(single(linear(rho * orthogonal(4)), batch), batch, "mse"))
    np.testing.assert_allclose(result, [[8 * (rho - 1) ** 2]], rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("cell", ["gru", "spiral"])
def test_lengths_give_the_mean_over_the_sequences_alone(cell):
    model, batch = network(cell, depth=2, direction="both"), real_batch(7, lengths=[2, 6, 4])
    singles = [omega(measured(model, alone(batch, b), "mse")) for b in range(3)]
    np.testing.assert_allclose(omega(measured(model, batch, "mse")), np.mean(singles, axis=0), rtol=1e-10)


@pytest.mark.parametrize("cell", MAKERS)
def test_one_step_has_no_transition(cell):
    np.testing.assert_array_equal(omega(measured(network(cell), real_batch(1), "mse")), [[0]])


def test_a_step_that_loses_the_gradient_adds_1_and_the_steps_before_it_nothing():
    batch = real_batch(6, outputs=1)
    cell = Elman(2, 3, nonlinearity="relu").double()
    cell.input_projection.bias.data.fill_(-100)  # every unit is silent
    assert omega(measured(single(cell, batch), batch, "mse")) == 1


def test_a_tiny_gradient_does_not_underflow():
    batch = real_batch(100, outputs=1)
    result = omega(measured(single(linear(1e-3 * orthogonal(4)), batch), batch, "mse"))
    np.testing.assert_allclose(result, 99 * (1e-3 - 1) ** 2, rtol=1e-10)
