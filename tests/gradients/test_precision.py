"""Every diagnostic computes in float64, whatever the network is trained in."""

import math
import sys

import numpy as np
import pytest
import torch
from gradient_networks import linear, measured, network, of_cell, orthogonal, real_batch, single, survey_all

from rnnbench.gradients import (
    float64_copy,
    gradient_norms,
    gradient_profile,
    long_term,
    lyapunov_spectrum,
    omega,
    precise,
    saliency,
    step_spectra,
    survey,
    time_constants,
    weight_spectra,
)
from rnnbench.tasks import Batch


def of_survey(survey):
    return [values for _, values in survey.arrays.values()]


DIAGNOSTICS = {
    "gradient_norms": lambda model, batch: [n.data for n in gradient_norms(measured(model, batch, "mse")).values()],
    "gradient_profile": lambda model, batch: list(gradient_profile(measured(model, batch, "mse")).values()),
    "long_term": lambda model, batch: [np.array(a, float) for a in long_term(measured(model, batch))[0][0]],
    "lyapunov_spectrum": lambda model, batch: lyapunov_spectrum(measured(model, batch))[0],
    "omega": lambda model, batch: [omega(measured(model, batch, "mse"))],
    "saliency": lambda model, batch: list(saliency(measured(model, batch, "mse"))),
    "state_gradients": lambda model, batch: [part.numpy() for part in measured(model, batch, "mse").gradients[0][0]],
    "step_spectra": lambda model, batch: list(step_spectra(measured(model, batch))[0][0]),
    "survey_all": lambda model, batch: of_survey(survey_all(measured(model, batch, "mse"), sequences=2, exponents=2)),
    "survey_profile": lambda model, batch: of_survey(survey(measured(model, batch, "mse"))),
    "time_constants": lambda model, batch: list((time_constants(measured(model, batch))[0][0] or [])[:2]),
    "trajectory": lambda model, batch: [part.numpy() for part in measured(model, batch).paths[0][0].states],
    "weight_spectra": lambda model, _: [
        np.array(values) for w in of_cell(weight_spectra, model.stack.layers[0].cell).values() for values in w
    ],
}


def narrow(batch, dtype=torch.float32):
    return Batch(batch.inputs.to(dtype), batch.targets.to(dtype))


@pytest.mark.parametrize(
    ("cell", "dtype"),
    [
        ("lstm", torch.float32),
        ("lstm", torch.bfloat16),
        ("matrix", torch.float32),
        ("orthogonal", torch.float32),
        ("spiral", torch.float32),
    ],
)
@pytest.mark.parametrize("diagnostic", DIAGNOSTICS.values(), ids=DIAGNOSTICS)
def test_a_narrow_network_has_the_numbers_of_its_float64_copy(diagnostic, cell, dtype):
    model, batch = network(cell, dtype=dtype), narrow(real_batch(12), dtype)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    found = diagnostic(model, batch)
    expected = diagnostic(float64_copy(model), narrow(batch, torch.float64))
    for mine, theirs in zip(found, expected, strict=True):
        assert np.asarray(mine).dtype in (np.float64, np.complex128)
        np.testing.assert_array_equal(mine, theirs)
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name])


@pytest.mark.parametrize("profile", [gradient_profile, lambda found: {"h": survey(found).arrays["h"].values}])
def test_half_a_gradient_a_step_over_200_steps(profile):
    """0.5^199 = 1e-60, which is no number of float32."""
    batch = real_batch(200, outputs=1)
    model = single(linear(0.5 * orthogonal(6)), batch).float()
    found = profile(measured(model, narrow(batch), "mse"))["h"][0, 0]
    np.testing.assert_allclose(np.diff(np.log(found)), math.log(0.5), rtol=1e-6)
    assert saliency(measured(model, narrow(batch), "mse")).norms[0].all()


def test_a_precise_network_is_not_copied_and_another_only_once(monkeypatch):
    model, batch = network("gru"), real_batch()
    assert precise(model, batch)[0] is model
    assert precise(model, batch)[1].inputs is batch.inputs
    copies, original = [], float64_copy
    monkeypatch.setattr(
        sys.modules["rnnbench.gradients.precision"], "float64_copy", lambda m: copies.append(m) or original(m)
    )
    for name in ("omega", "survey_all"):
        copies.clear()
        DIAGNOSTICS[name](network("gru", dtype=torch.float32), narrow(batch))
        assert len(copies) == 1


def test_the_copy_of_a_weight_that_is_normalised_as_it_is_used():
    """Spectral normalisation moves on in training, and must not where it is measured."""
    model = network("elman", dtype=torch.float32)
    cell = model.stack.layers[0].cell
    torch.nn.utils.parametrizations.spectral_norm(cell.recurrent_projection)
    cell.recurrent_projection.parametrizations.weight.original.data.normal_()  # its vectors have not settled
    model.train()
    copied = float64_copy(model)
    assert copied.training
    expected = model.eval().stack.layers[0].cell.recurrent_projection.weight
    torch.testing.assert_close(copied.stack.layers[0].cell.recurrent_projection.weight.float(), expected)
