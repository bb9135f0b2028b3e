import numpy as np
import pytest
import torch
from gradient_networks import EVERY, measured, network, of_cell, of_path, real_batch, survey_all, token_batch

from rnnbench.gradients import (
    far_shares,
    fit_decay,
    float64_copy,
    gradient_norms,
    long_term,
    lyapunov_spectrum,
    omega,
    saliency,
    step_spectra,
    survey,
    time_constants,
    weight_spectra,
)
from rnnbench.tasks import Batch

ROUNDING = 1e-14
"""Of numbers near 1 in float64: a singular value that is zero is some other 1e-18 in a batch of another size."""


def as_batch(batch, **changes):
    return Batch(**(batch._asdict() | changes))


@pytest.mark.parametrize("cell", EVERY)
def test_every_array_is_what_its_function_says(cell):
    model = network(cell, depth=2, direction="both")
    batch = as_batch(real_batch(6, size=5, lengths=[6, 4, 5, 2, 6]))
    arrays, scalars = survey_all(measured(model, batch, "mse"), sequences=2, exponents=2)
    few = batch._replace(inputs=batch.inputs[:, :2], targets=batch.targets[:2], lengths=batch.lengths[:2])
    paths = measured(model, few).paths
    for layer, directions in enumerate(paths):
        for way, path in enumerate(directions):
            for name, expected in of_path(step_spectra, path)._asdict().items():
                np.testing.assert_allclose(arrays[f"jacobian_{name}"].values[layer, way], expected, atol=ROUNDING)
            for name, expected in of_path(long_term, path)._asdict().items():
                exact = np.array(expected, float)
                np.testing.assert_allclose(arrays[f"long_term_{name}"].values[layer, way], exact, atol=ROUNDING)
            gates = of_path(time_constants, path)
            if gates is None:
                assert "time_constant" not in arrays
                assert "share_open" not in scalars
            else:
                np.testing.assert_allclose(arrays["time_constant"].values[layer, way], gates.tau)
            for gate, weight in enumerate(of_cell(weight_spectra, path.cell).values()):
                values = arrays["weight_singular_values"].values[layer, way, gate]
                np.testing.assert_allclose(values, weight.singular_values)
    np.testing.assert_allclose(arrays["lyapunov"].values, lyapunov_spectrum(measured(model, few), 2))
    np.testing.assert_allclose(arrays["omega"].values, omega(measured(model, few, "mse")))
    np.testing.assert_allclose(arrays["saliency"].values, saliency(measured(model, batch, "mse")).by_step)
    norms = gradient_norms(measured(model, batch, "mse"))["h"]
    for lag in range(6):
        alive = batch.lengths.numpy() > lag
        column = norms.data[:, :, lag, alive]
        np.testing.assert_allclose(arrays["h"].values[:, :, lag], column.mean(axis=-1))
        np.testing.assert_allclose(arrays["h_median"].values[:, :, lag], np.median(column, axis=-1))
    assert_scalars(arrays, scalars, far_shares(measured(model, batch, "mse")))
    for each in arrays.values():
        assert len(each.axes) == each.values.ndim
        if each.axes[:2] == ("layer", "direction"):
            assert each.values.shape[:2] == (2, 2)


def assert_scalars(arrays, scalars, far):
    """Of each layer and direction what its own arrays say, and of the headline what the furthest of them says."""
    reached = []
    for layer in range(2):
        for way, direction in enumerate(("forward", "backward")):
            profile = arrays["state"].values[layer, way]
            own = {
                key.partition("/")[2]: v
                for key, v in scalars.items()
                if key.startswith(f"layer{layer + 1}_{direction}")
            }
            decay = fit_decay(profile)
            assert {key: own[key] for key in decay._fields} == decay._asdict()
            assert own["far_share"] == pytest.approx(far[layer, way]) or (
                own["far_share"] is None and np.isnan(far[layer, way])
            )
            assert own["lyapunov_max"] == arrays["lyapunov"].values[layer, way, 0]
            assert own["omega"] == (None if decay.decay == "dead" else arrays["omega"].values[layer, way])
            horizon = -1 if decay.horizon is None else decay.horizon
            reached.append((horizon, profile[max(horizon, 0)], f"layer {layer + 1}, {direction}", own))
    *_, name, own = max(reached, key=lambda each: each[:2])
    assert scalars["headline"] == name
    assert {key: scalars[key] for key in own} == own


def test_a_vanishing_gradient_does_not_underflow():
    """0.3^200 = 3e-105: far below float32, in which the network itself is."""
    model, batch = network("elman", dtype=torch.float32, scale=0.1), as_batch(real_batch(200, dtype=torch.float32))
    profile = survey(measured(model, batch, "mse")).arrays["h"].values[0, 0]
    assert profile.dtype == np.float64
    assert 0 < profile[-1] < 1e-60
    expected = gradient_norms(measured(float64_copy(model), batch._replace(inputs=batch.inputs.double(),
                                                                  targets=batch.targets.double()), "mse"))  # fmt: skip
    np.testing.assert_allclose(profile, expected["h"].mean(axis=-1)[0, 0])
    assert next(model.parameters()).dtype == torch.float32


def test_tokens_with_a_target_at_every_step():
    model = network("gru", inputs=4, outputs=4, tokens=True, every_step=True)
    batch = as_batch(token_batch(5, size=3), informative=torch.tensor([0, 1, 2]))
    scalars = survey_all(measured(model, batch, "cross_entropy"), sequences=1, exponents=99).scalars
    assert scalars["saliency_share"] == saliency(measured(model, batch, "cross_entropy")).share([0, 1, 2])
    assert (
        survey_all(measured(model, batch._replace(informative=None), "cross_entropy"), 1, 1).scalars["saliency_share"]
        is None
    )


@pytest.mark.parametrize("cell", EVERY)
def test_a_single_step(cell):
    arrays, scalars = survey_all(measured(network(cell), as_batch(real_batch(1)), "mse"), sequences=3, exponents=1)
    assert arrays["h"].values.shape == (1, 1, 1)
    assert scalars["decay"] is scalars["half_life"] is scalars["horizon"] is scalars["dead_share"] is None
    assert scalars["far_share"] in (0, None)  # every lag is near; not every cell has a gradient at all
    assert arrays["omega"].values == 0  # there is no step back


def test_lags_that_no_sequence_reaches_are_no_zeros():
    model, batch = network("gru"), as_batch(real_batch(9, size=3, lengths=[6, 4, 5]))
    arrays, scalars = survey(measured(model, batch, "mse"))
    assert scalars["zero_from"] is None
    assert scalars["horizon"] <= 5
    assert np.isnan(arrays["state_dead"].values[0, 0, 6:]).all()
    assert scalars == survey(measured(model, batch._replace(inputs=batch.inputs[:6]), "mse")).scalars


def test_a_silent_network_is_dead_and_one_sequence_can_be():
    model, batch = network("relu"), as_batch(real_batch(6, size=4))
    cell = model.stack.layer_directions()[0][0].cell
    cell.input_projection.bias.data.fill_(-100)
    scalars = survey(measured(model, batch, "mse")).scalars
    assert (scalars["decay"], scalars["dead_share"], scalars["zero_from"]) == ("dead", 1, 1)
    assert scalars["slope"] is scalars["horizon"] is scalars["half_life"] is scalars["far_share"] is None
    assert survey_all(measured(model, batch, "mse"), sequences=4, exponents=1).scalars["omega"] is None
    batch.inputs[:, 0] = 1e4 * cell.input_projection.weight.data[0]  # wakes the first unit
    assert survey(measured(model, batch, "mse")).scalars["dead_share"] == 0.75


def test_the_layer_that_keeps_the_gradient_is_the_headline():
    """The lower layer of an LSTM whose forget gates are open there alone: its state keeps it, h hides that."""
    model, batch = network("lstm", depth=2, scale=0.3), as_batch(real_batch(60))
    for layer, bias in ((0, 8.0), (1, -8.0)):
        cell = model.stack.layer_directions()[layer][0].cell
        cell.recurrent_projection.weight.data.zero_()
        cell.input_projection.bias.data.split(3)[1].fill_(bias)
    arrays, scalars = survey(measured(model, batch, "mse"))
    assert scalars["headline"] == "layer 1, forward"
    assert scalars["horizon"] == 59
    assert scalars["layer2_forward/horizon"] < 5
    assert arrays["h"].values[0, 0, -1] < arrays["state"].values[0, 0, -1] / 100
