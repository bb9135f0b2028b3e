import numpy as np
import pytest
import torch
from gradient_networks import EVERY, linear, measured, network, orthogonal, randomize, real_batch, single

from rnnbench.gradients import DIAGNOSTICS, Options, step_jacobians, survey, transition_eigenvalues
from rnnbench.network.cells import CELLS


def numbers(measurement):
    return survey(measurement, [DIAGNOSTICS["transition"]], Options(sequences=99)).scalars


def test_those_of_a_linear_network_are_those_of_its_matrix():
    weight = torch.diag(torch.tensor([-0.995, -0.5, 0.2, 0.999])).double()
    turned = orthogonal(4) @ weight @ orthogonal(4).T
    batch = real_batch(40, outputs=1)
    measurement = measured(single(linear(turned), batch), batch)
    values = transition_eigenvalues(measurement)[0][0]
    assert values.shape == (16, 3, 4)
    np.testing.assert_allclose(np.sort(values.real), np.broadcast_to([-0.995, -0.5, 0.2, 0.999], values.shape))
    found = numbers(measurement)
    assert found["spectral_radius"] == pytest.approx(0.999)
    assert (found["share_negative"], found["share_long"]) == (0.5, 0.5)


def test_those_of_an_lru_are_its_lambda_and_their_conjugates():
    cell = CELLS["lru"](2, 3)
    model = network(lambda *_: cell)
    expected = cell.double().decay().detach().numpy()
    values = transition_eigenvalues(measured(model, real_batch(4)))[0][0]
    both = np.sort_complex(np.concatenate([expected, expected.conj()]))
    np.testing.assert_allclose(np.sort_complex(values), np.broadcast_to(both, values.shape), rtol=1e-9)


@pytest.mark.parametrize("cell", EVERY)
def test_they_are_those_of_the_jacobians_at_evenly_spaced_steps_of_each_sequence(cell):
    measurement = measured(network(cell, depth=2, direction="both"), real_batch(6, lengths=[6, 1, 3]))
    for row, jacobians in zip(transition_eigenvalues(measurement), step_jacobians(measurement), strict=True):
        for values, own in zip(row, jacobians, strict=True):
            for b, length in enumerate([6, 1, 3]):
                for sample, place in enumerate(np.linspace(0, 1, 6)):
                    expected = np.linalg.eigvals(own[round(place * (length - 1)), b].numpy())
                    np.testing.assert_allclose(
                        np.sort(np.abs(values[sample, b])), np.sort(np.abs(expected)), rtol=1e-6, atol=1e-9
                    )


def test_a_gated_unit_that_keeps_all_is_long_and_none_is_negative():
    cell = randomize(CELLS["mingru"](2, 4), scale=0.1)
    cell.input_projection.bias.data.split(4)[0].fill_(-8)
    found = numbers(measured(network(lambda *_: cell, scale=0.0), real_batch(5)))
    assert found["spectral_radius"] == pytest.approx(0.5)  # network() has drawn it again, all zero: z is one half
    assert (found["share_negative"], found["share_long"]) == (0, 0)
