import numpy as np
import pytest
import torch
from gradient_networks import EVERY, Batch, linear, measured, network, real_batch, single

from rnnbench.gradients import parameter_sensitivity
from rnnbench.gradients.parameters import parameter_group


@pytest.mark.parametrize("decay", [0.5, 0.9, 0.97])
def test_law_8_the_scalar_linear_network_driven_by_white_noise(decay):
    """E (dh/dlambda)^2 = (1 + lambda^2) / (1 - lambda^2)^3: it grows faster than E h^2 = 1 / (1 - lambda^2)."""
    cell = linear(torch.tensor([[decay]]), inputs=1)
    cell.input_projection.weight.data.fill_(1)
    for each in (cell.input_projection, cell.recurrent_projection):
        if each.bias is not None:
            each.bias.data.zero_()
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(150, 200, 1, dtype=torch.float64, generator=generator)
    batch = Batch(inputs, torch.zeros(200, 1, dtype=torch.float64))
    found = parameter_sensitivity(measured(single(cell, batch), batch))[0][0]
    assert found == pytest.approx((1 + decay**2) / (1 - decay**2) ** 3, rel=0.25)


@pytest.mark.parametrize("cell", ["elman", "lstm", "spiral", "matrix"])
def test_against_the_whole_matrix_of_derivatives(cell):
    measurement = measured(network(cell, hidden=2), real_batch(4, size=40, lengths=[2, 4] * 20))
    path = measurement.paths[0][0]
    parameters = {k: v for k, v in path.cell.named_parameters() if parameter_group(f"cell.{k}") == "recurrent"}
    total = 0.0
    for b, length in enumerate(path.lengths.tolist()):
        state = path.cell.initial_state(1)
        for t in range(length):
            state = path.cell.step(state, path.cell.project(path.inputs[t : t + 1, b : b + 1])[0])
        parts = [torch.view_as_real(part) if part.is_complex() else part for part in state]
        for number in torch.cat([part.flatten() for part in parts]):
            rows = torch.autograd.grad(number, list(parameters.values()), retain_graph=True, materialize_grads=True)
            total += sum(float(row.abs().square().sum()) for row in rows)
    assert parameter_sensitivity(measurement)[0][0] == pytest.approx(total / 40, rel=0.25)  # of 80 random draws


@pytest.mark.parametrize("cell", EVERY)
def test_every_cell_and_it_is_the_same_in_every_call(cell):
    measurement = measured(network(cell, depth=2, direction="both"), real_batch(4, lengths=[4, 2, 3]))
    first, second = parameter_sensitivity(measurement), parameter_sensitivity(measurement)
    assert first == second
    assert np.isfinite([each for row in first for each in row if each is not None]).all()
