import math

import numpy as np
import pytest
import torch
from gradient_networks import (
    MAKERS,
    alone,
    linear,
    measured,
    network,
    of_path,
    orthogonal,
    real_batch,
    single,
    token_batch,
)

from rnnbench.errors import UserError
from rnnbench.gradients import float64_copy, lyapunov_spectrum, step_jacobians


def spectrum(weight, steps, **options):
    batch = real_batch(steps, outputs=1)
    return lyapunov_spectrum(measured(single(linear(weight), batch), batch), **options)[0][0]


def test_a_diagonal_matrix_has_the_logarithms_of_its_entries():
    factors = np.array([0.3, 1.1, 0.7])
    result = spectrum(torch.diag(torch.tensor(factors)), 200, warmup=120)
    np.testing.assert_allclose(result, np.log([1.1, 0.7, 0.3]), rtol=1e-12)


@pytest.mark.parametrize("rho", [1.0, 0.9])
def test_a_scaled_rotation_has_equal_exponents(rho):
    np.testing.assert_allclose(spectrum(rho * orthogonal(5), 10), math.log(rho), rtol=1e-12, atol=1e-14)


def test_law_3_any_matrix():
    frame = torch.randn(4, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    weight = frame @ torch.diag(torch.tensor([1.05, -0.8, 0.5, 0.2], dtype=torch.float64)) @ torch.linalg.inv(frame)
    result = spectrum(weight, 300, warmup=150)
    np.testing.assert_allclose(result, np.log([1.05, 0.8, 0.5, 0.2]), rtol=1e-10)
    early = spectrum(weight, 7)
    assert early.sum() == pytest.approx(np.linalg.slogdet(weight.numpy()).logabsdet, rel=1e-12)
    assert spectrum(weight, 3000)[0] == pytest.approx(math.log(1.05), rel=0.05)


def test_a_complex_unit_has_its_modulus_twice():
    model = network("spiral", hidden=2)
    model.stack.layers[0].cell.decay.data = torch.tensor([0.3 + 0.4j, 0.8j], dtype=torch.complex128)
    result = lyapunov_spectrum(measured(model, real_batch(300)), warmup=200)[0][0]
    np.testing.assert_allclose(result, np.log([0.8, 0.8, 0.5, 0.5]), rtol=1e-12)


def test_a_periodic_orbit_has_the_eigenvalues_of_its_period():
    """A tanh network under an input of period 3 settles on an orbit with exponents ln abs eig(J_3 J_2 J_1) / 3."""
    model, batch = network("elman", hidden=3, scale=0.7, seed=1), real_batch(180)
    batch = batch._replace(inputs=2 * batch.inputs[:3].repeat(60, 1, 1))
    cell = model.stack.layers[0].cell
    h = measured(model, batch).paths[0][0].states.h[-3:].numpy()
    weight = cell.recurrent_projection.weight.detach().numpy()
    expected = []
    for b in range(3):
        first, second, third = ((1 - h[t, b, :, None] ** 2) * weight for t in range(3))
        eigenvalues = np.abs(np.linalg.eigvals(third @ second @ first))
        expected.append(np.sort(np.log(eigenvalues) / 3)[::-1])
    result = lyapunov_spectrum(measured(model, batch), warmup=90)[0][0]
    np.testing.assert_allclose(result, np.mean(expected, axis=0), rtol=1e-8)


@pytest.mark.parametrize("cell", MAKERS)
def test_all_exponents_sum_to_the_mean_log_determinant(cell):
    model, batch = network(cell, depth=2, direction="both"), real_batch(6, lengths=[3, 6, 5])
    if cell == "relu":
        model.stack.apply(_keep_active)
    for row, paths in zip(
        lyapunov_spectrum(measured(model, batch), warmup=2), measured(model, batch).paths, strict=True
    ):
        for exponents, path in zip(row, paths, strict=True):
            logs = torch.linalg.slogdet(of_path(step_jacobians, path)).logabsdet
            expected = np.mean([logs[2:length, b].mean().item() for b, length in enumerate([3, 6, 5])])
            assert exponents.sum() == pytest.approx(expected, rel=1e-10)


def _keep_active(module):
    for name, parameter in module.named_parameters(recurse=False):
        parameter.data = parameter.data.abs() + 20 * (name == "bias")


def test_a_count_gives_the_largest_and_lengths_the_mean_of_each_alone():
    model, batch = network("lstm"), real_batch(6, lengths=[3, 6, 5])
    whole = lyapunov_spectrum(measured(model, batch))[0][0]
    assert whole.shape == (6,)
    np.testing.assert_allclose(lyapunov_spectrum(measured(model, batch), count=2)[0][0], whole[:2], rtol=1e-10)
    singles = [lyapunov_spectrum(measured(model, alone(batch, b)))[0][0] for b in range(3)]
    np.testing.assert_allclose(whole, np.mean(singles, axis=0), rtol=1e-10)


def test_it_computes_in_float64_and_leaves_the_model_alone():
    model, batch = (
        network("gru", inputs=4, outputs=4, tokens=True, every_step=True, dtype=torch.float32),
        token_batch(8),
    )
    before = {name: value.clone() for name, value in model.state_dict().items()}
    result = lyapunov_spectrum(measured(model, batch))[0][0]
    np.testing.assert_array_equal(result, lyapunov_spectrum(measured(float64_copy(model), batch))[0][0])
    for name, value in model.state_dict().items():
        torch.testing.assert_close(value, before[name], rtol=0, atol=0)
    real = network("gru", dtype=torch.float32)
    assert np.isfinite(lyapunov_spectrum(measured(real, real_batch(8, dtype=torch.float32)))[0][0]).all()


def test_a_destroyed_direction_has_a_finite_exponent():
    result = spectrum(torch.diag(torch.tensor([0.9, 0.0], dtype=torch.float64)), 50, warmup=5)
    np.testing.assert_allclose(result, [math.log(0.9), math.log(2 * np.finfo(float).eps * 0.9)], rtol=1e-10)
    assert np.isfinite(spectrum(torch.zeros(2, 2), 3)).all()


@pytest.mark.parametrize("options", [{"count": 0}, {"count": 4}, {"warmup": -1}, {"warmup": 5}])
def test_a_count_or_warmup_out_of_range_is_an_error(options):
    with pytest.raises(UserError, match=next(iter(options))):
        spectrum(orthogonal(3), 5, **options)
