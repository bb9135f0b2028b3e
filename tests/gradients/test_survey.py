import numpy as np
import pytest
import torch
from gradient_networks import EVERY, network, real_batch, token_batch

from rnnbench.gradients import (
    fit_decay,
    float64_copy,
    gradient_norms,
    long_term,
    lyapunov_spectrum,
    omega,
    saliency,
    step_spectra,
    survey_all,
    survey_profile,
    time_constants,
    trajectory,
    weight_spectra,
)
from rnnbench.tasks import Batch


def as_batch(batch, **changes):
    return Batch(**(batch._asdict() | changes))


@pytest.mark.parametrize("cell", EVERY)
def test_every_array_is_what_its_function_says(cell):
    model = network(cell, depth=2, direction="both")
    batch = as_batch(real_batch(6, size=5, lengths=[6, 4, 5, 2, 6]))
    arrays, scalars = survey_all(model, batch, "mse", sequences=2, exponents=2)
    few = batch._replace(inputs=batch.inputs[:, :2], targets=batch.targets[:2], lengths=batch.lengths[:2])
    paths = trajectory(model, few)
    for layer, directions in enumerate(paths):
        for way, path in enumerate(directions):
            for name, expected in step_spectra(path)._asdict().items():
                np.testing.assert_allclose(arrays[f"jacobian_{name}"].values[layer, way], expected)
            for name, expected in long_term(path)._asdict().items():
                np.testing.assert_allclose(arrays[f"long_term_{name}"].values[layer, way], np.array(expected, float))
            gates = time_constants(path)
            if gates is None:
                assert "time_constant" not in arrays
                assert "share_open" not in scalars
            else:
                np.testing.assert_allclose(arrays["time_constant"].values[layer, way], gates.tau)
            for gate, weight in enumerate(weight_spectra(path.cell).values()):
                values = arrays["weight_singular_values"].values[layer, way, gate]
                np.testing.assert_allclose(values, weight.singular_values)
    np.testing.assert_allclose(arrays["lyapunov"].values, lyapunov_spectrum(model, few, 2))
    np.testing.assert_allclose(arrays["omega"].values, omega(model, few, "mse"))
    np.testing.assert_allclose(arrays["saliency"].values, saliency(model, batch, "mse").by_step)
    norms = gradient_norms(model, batch, "mse")["h"]
    for lag in range(6):
        alive = batch.lengths.numpy() > lag
        column = norms.data[:, :, lag, alive]
        np.testing.assert_allclose(arrays["h"].values[:, :, lag], column.mean(axis=-1))
        np.testing.assert_allclose(arrays["h_median"].values[:, :, lag], np.median(column, axis=-1))
    assert scalars["lyapunov_max"] == arrays["lyapunov"].values[-1, 0, 0]
    assert scalars["half_life"] == fit_decay(arrays["h"].values[-1, 0]).half_life
    for measured in arrays.values():
        assert len(measured.axes) == measured.values.ndim
        if measured.axes[:2] == ("layer", "direction"):
            assert measured.values.shape[:2] == (2, 2)


def test_a_vanishing_gradient_does_not_underflow():
    """0.3^200 = 3e-105: far below float32, in which the network itself is."""
    model, batch = network("elman", dtype=torch.float32, scale=0.1), as_batch(real_batch(200, dtype=torch.float32))
    profile = survey_profile(model, batch, "mse").arrays["h"].values[0, 0]
    assert profile.dtype == np.float64
    assert 0 < profile[-1] < 1e-60
    expected = gradient_norms(float64_copy(model), batch._replace(inputs=batch.inputs.double(),
                                                                  targets=batch.targets.double()), "mse")  # fmt: skip
    np.testing.assert_allclose(profile, expected["h"].mean(axis=-1)[0, 0])
    assert next(model.parameters()).dtype == torch.float32


def test_tokens_with_a_target_at_every_step():
    model = network("gru", inputs=4, outputs=4, tokens=True, every_step=True)
    batch = as_batch(token_batch(5, size=3), informative=torch.tensor([0, 1, 2]))
    scalars = survey_all(model, batch, "cross_entropy", sequences=1, exponents=99).scalars
    assert scalars["saliency_share"] == saliency(model, batch, "cross_entropy").share([0, 1, 2])
    assert survey_all(model, batch._replace(informative=None), "cross_entropy", 1, 1).scalars["saliency_share"] is None


@pytest.mark.parametrize("cell", EVERY)
def test_a_single_step(cell):
    arrays, scalars = survey_all(network(cell), as_batch(real_batch(1)), "mse", sequences=3, exponents=1)
    assert arrays["h"].values.shape == (1, 1, 1)
    assert scalars["half_life"] is None
    assert scalars["horizon"] == 0
    assert arrays["omega"].values == 0  # there is no step back
