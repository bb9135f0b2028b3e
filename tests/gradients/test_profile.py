import math

import numpy as np
import pytest
import torch
from gradient_networks import (
    DIRECTIONS,
    EVERY,
    MAKERS,
    alone,
    by_hand,
    linear,
    measured,
    network,
    orthogonal,
    real_batch,
    single,
    token_batch,
)

from catalogue import CELL_ROWS
from rnnbench.gradients import fit_decay, gradient_profile
from rnnbench.network.cells import Elman
from rnnbench.network.states import flatten

EXACT = {"rtol": 1e-12, "atol": 1e-15}


def assert_same(ours, theirs):
    for mine, layer in zip(ours, theirs, strict=True):
        for state, nodes in zip(mine, layer, strict=True):
            for name, part in zip(state._fields, state, strict=True):
                expected = torch.stack([getattr(node, name) for node in nodes])
                torch.testing.assert_close(part, expected, **EXACT)


@pytest.mark.parametrize("steps", [1, 5])
@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("cell", EVERY)
def test_the_perturbation_gives_what_retain_grad_gives(cell, direction, steps):
    model = network(cell, depth=2, direction=direction)
    batch = real_batch(steps)
    assert_same(measured(model, batch, "mse").gradients, by_hand(model, batch, "mse"))


@pytest.mark.parametrize("row", CELL_ROWS.values(), ids=CELL_ROWS)
def test_it_does_so_for_every_cell_of_the_suite(row):
    model = network(row.make, hidden=5, depth=2, direction="both")
    batch = real_batch(4)
    assert_same(measured(model, batch, "mse").gradients, by_hand(model, batch, "mse"))


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_with_a_target_at_every_step_only_the_last_counts(direction):
    model = network("lstm", inputs=4, outputs=4, depth=2, direction=direction, tokens=True, every_step=True)
    batch = token_batch()
    assert_same(measured(model, batch, "cross_entropy").gradients, by_hand(model, batch, "cross_entropy"))


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("cell", EVERY)
def test_a_padded_batch_is_its_sequences_alone(cell, direction):
    model = network(cell, depth=2, direction=direction)
    batch = real_batch(7, lengths=[3, 6, 1])  # the padding reaches beyond the longest
    together = measured(model, batch, "mse").gradients
    for b, length in enumerate([3, 6, 1]):
        for mine, theirs in zip(together, measured(model, alone(batch, b), "mse").gradients, strict=True):
            for state, expected in zip(mine, theirs, strict=True):
                torch.testing.assert_close(flatten(state, 2)[:length, b : b + 1], flatten(expected, 2), **EXACT)
                assert not flatten(state, 2)[length:, b].any()


@pytest.mark.parametrize("cell", ["lstm", "spiral", "matrix"])
def test_the_profile_is_the_mean_of_each_sequences_norm_by_lag(cell):
    model = network(cell, depth=2, direction="both")
    batch = real_batch(6, lengths=[3, 5, 1])
    profiles = gradient_profile(measured(model, batch, "mse"))
    singles = [gradient_profile(measured(model, alone(batch, b), "mse")) for b in range(3)]
    for part, profile in profiles.items():
        assert profile.shape == (2, 2, 6)
        for lag in range(5):
            expected = np.mean([one[part][..., lag] for one in singles if one[part].shape[-1] > lag], axis=0)
            np.testing.assert_allclose(profile[..., lag], expected, rtol=1e-12)
        np.testing.assert_array_equal(profile[..., 5], 0)
    by_step = by_hand(model, alone(batch, 1), "mse")
    ahead = [flatten(state, 1).norm().item() for state in reversed(by_step[0][0])]
    back = [flatten(state, 1).norm().item() for state in by_step[0][1]]
    np.testing.assert_allclose(singles[1]["state"][0], [ahead, back], rtol=1e-12)


def test_full_lengths_are_no_lengths():
    model, batch = network("gru", direction="both"), real_batch(4)
    full = gradient_profile(measured(model, batch._replace(lengths=torch.tensor([4, 4, 4])), "mse"))
    for part, profile in gradient_profile(measured(model, batch, "mse")).items():
        np.testing.assert_allclose(profile, full[part], rtol=1e-12)


def test_law_1_an_orthogonal_linear_network_keeps_the_gradient():
    batch = real_batch(50, outputs=1)
    profile = gradient_profile(measured(single(linear(orthogonal(6)), batch), batch, "mse"))["h"][0, 0]
    np.testing.assert_allclose(profile, profile[0], rtol=1e-12)
    assert fit_decay(profile).half_life is None


@pytest.mark.parametrize("rho", [0.8, 1.1])
def test_law_2_a_scaled_orthogonal_matrix_sets_the_slope(rho):
    batch = real_batch(40, outputs=1)
    profile = gradient_profile(measured(single(linear(rho * orthogonal(6)), batch), batch, "mse"))["h"][0, 0]
    decay = fit_decay(profile)
    assert decay.slope == pytest.approx(math.log(rho), rel=1e-10)
    assert decay.half_life == (pytest.approx(math.log(2) / abs(math.log(rho))) if rho < 1 else None)


def test_law_6_the_identity_relu_network_keeps_the_gradient_of_active_units():
    batch = real_batch(30, outputs=1)
    batch = batch._replace(inputs=batch.inputs.abs())
    cell = Elman(2, 5, nonlinearity="relu").double()
    cell.recurrent_projection.weight.data = torch.eye(5, dtype=torch.float64)
    cell.recurrent_projection.bias.data.zero_()
    cell.input_projection.bias.data.zero_()
    cell.input_projection.weight.data.abs_()
    cell.input_projection.weight.data[0] *= -1  # one unit is never active
    model = single(cell, batch)
    gradient = measured(model, batch).gradients[0][0].h
    assert (measured(model, batch).paths[0][0].states.h[1:, :, 1:] > 0).all()
    torch.testing.assert_close(gradient[:-1, :, 1:], gradient[-1:, :, 1:].expand(29, -1, -1), **EXACT)
    assert gradient[-1].all()
    assert not gradient[:-1, :, 0].any()


@pytest.mark.parametrize("lengths", [None, [5, 2, 4]])
@pytest.mark.parametrize("cell", MAKERS)
def test_law_10_the_backward_direction_is_the_mirror_image(cell, lengths):
    ahead, back = network(cell, direction="forward"), network(cell, direction="backward")
    batch = real_batch(5, lengths=lengths)
    mirrored = batch.inputs.clone()
    for b, length in enumerate(lengths or [5, 5, 5]):
        mirrored[:length, b] = batch.inputs[:length, b].flip(0)
    reverse = batch._replace(inputs=mirrored)
    one, other = measured(ahead, batch, "mse").gradients[0][0], measured(back, reverse, "mse").gradients[0][0]
    for b, length in enumerate(lengths or [5, 5, 5]):
        torch.testing.assert_close(flatten(one)[:length, b], flatten(other)[:length, b].flip(0), **EXACT)
    for part, profile in gradient_profile(measured(ahead, batch, "mse")).items():
        np.testing.assert_allclose(gradient_profile(measured(back, reverse, "mse"))[part], profile, rtol=1e-12)


def test_law_8_moments_of_the_scalar_linear_network():
    """E h^2 = 1/(1-a^2) and E (dh/da)^2 = (1+a^2)/(1-a^2)^3, with dh_T/da = sum over t of dh_T/dh_t h_{t-1}."""
    a, size = 0.6, 40_000
    cell = linear([[a]], inputs=1)
    cell.input_projection.weight.data.fill_(1)
    cell.input_projection.bias.data.zero_()
    cell.recurrent_projection.bias.data.zero_()
    batch = real_batch(60, size, inputs=1, outputs=1)
    model = single(cell, batch)
    states = measured(model, batch).paths[0][0].states.h
    # With this target dL/dh_T = 1, so that dL/dh_t = dh_T/dh_t.
    gradients = measured(model, batch._replace(targets=states[-1] - 0.5), "mse").gradients[0][0].h
    derivative = (gradients * states[:-1]).sum(dim=0)
    error = 4 / math.sqrt(size)  # in units of the moments, a few standard errors
    assert states[-1].square().mean().item() == pytest.approx(1 / (1 - a**2), rel=error)
    assert derivative.square().mean().item() == pytest.approx((1 + a**2) / (1 - a**2) ** 3, rel=3 * error)


def test_the_mode_of_every_module_is_left_as_it_was():
    model = network("gru", depth=2, dropout=0.5)
    model.train()
    model.head.eval()
    batch = real_batch()
    first, second = (flatten(measured(model, batch, "mse").gradients[0][0]) for _ in range(2))
    torch.testing.assert_close(first, second, rtol=0, atol=0)
    assert model.training
    assert model.stack.training
    assert not model.head.training
    assert all(parameter.grad is None for parameter in model.parameters())
