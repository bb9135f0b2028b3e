import numpy as np
import pytest
import torch
from gradient_networks import EVERY, linear, measured, network, real_batch, single, token_batch

from rnnbench.gradients import memory_capacity


def delay_line(size, decay=1.0):
    """h_t = (x_t, h_{t-1} shifted by one): it holds the last ``size`` inputs."""
    cell = linear(decay * torch.diag(torch.ones(size - 1, dtype=torch.float64), -1))
    cell.input_projection.weight.data.zero_()
    cell.input_projection.weight.data[0, 0] = 1
    for bias in (cell.input_projection.bias, cell.recurrent_projection.bias):
        if bias is not None:
            bias.data.zero_()
    return cell


def test_a_delay_line_remembers_as_many_as_it_has_units():
    batch = real_batch(3, outputs=1)
    found = memory_capacity(measured(single(delay_line(6), batch), batch))[0][0]
    assert found.shape == (12,)
    np.testing.assert_allclose(found[:5], 1, atol=0.02)  # lag 1 is the second unit: the first holds u_t itself
    np.testing.assert_allclose(found[5:], 0, atol=0.25)


def test_scaling_a_unit_changes_nothing_and_an_unread_input_gives_none():
    batch = real_batch(3, outputs=1)
    plain, scaled = (
        memory_capacity(measured(single(delay_line(5, decay), batch), batch))[0][0] for decay in (1.0, 0.5)
    )
    np.testing.assert_allclose(scaled[:4], plain[:4], atol=1e-4)
    deaf = delay_line(5)
    deaf.input_projection.weight.data.zero_()
    assert memory_capacity(measured(single(deaf, batch), batch))[0][0].sum() == 0


@pytest.mark.parametrize("cell", EVERY)
def test_no_state_remembers_more_than_it_has_variables(cell):
    measurement = measured(network(cell, hidden=4, depth=2, direction="both"), real_batch(3))
    for row, paths in zip(memory_capacity(measurement), measurement.paths, strict=True):
        for by_lag, path in zip(row, paths, strict=True):
            assert ((by_lag >= 0) & (by_lag <= 1)).all()
            assert by_lag.sum() < path.size + 2  # of noise


def test_a_backward_direction_remembers_what_is_behind_it():
    """The same weights run from the other end have about the capacity of the forward direction, not none."""
    batch = real_batch(3, outputs=1)
    ahead, back = (single(delay_line(5), batch) for _ in range(2))
    back.stack.layers[0].reverse = True
    found = [memory_capacity(measured(model, batch))[0][0][:4] for model in (ahead, back)]
    np.testing.assert_allclose(found[0], found[1], atol=0.02)


def test_symbols_carry_values_too():
    model = network("elman", inputs=4, outputs=4, hidden=8, tokens=True, every_step=True, scale=0.3)
    found = memory_capacity(measured(model, token_batch(3)))[0][0]
    assert found[0] > 0.8
    assert found[-1] < 0.3
