import math

import numpy as np
import pytest
import torch
from gradient_networks import DIRECTIONS, alone, measured, network, of_path, randomize, real_batch, single

from rnnbench.gradients import time_constants
from rnnbench.gradients.gates import QUANTILES
from rnnbench.network.cells import LSTM


def lstm_with(biases, batch):
    """An LSTM without recurrent weights whose forget gates are sigmoid(biases)."""
    size = len(biases)
    cell = randomize(LSTM(2, size))
    cell.recurrent_projection.weight.data.zero_()
    cell.recurrent_projection.bias.data.zero_()
    cell.input_projection.weight.data[size : 2 * size] = 0
    cell.input_projection.bias.data[size : 2 * size] = torch.as_tensor(biases, dtype=torch.float64)
    return single(cell, batch)


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def test_constant_gates():
    batch = real_batch(4, outputs=1)
    biases = np.array([3.0, 1.0, -4.0, 2.0])
    result = time_constants(measured(lstm_with(biases, batch), batch))[0][0]
    expected = -1 / np.log(sigmoid(biases))
    np.testing.assert_allclose(result.tau, expected, rtol=1e-12)
    np.testing.assert_allclose(result.quantiles, np.quantile(expected, QUANTILES), rtol=1e-12)
    assert (result.share_open, result.share_closed) == (0.25, 0.25)


def test_law_5_the_chrono_prior_keeps_e_to_the_minus_2():
    """f = u / (1 + u) with u from U[1, T - 1]: the median u is T/2, so f^T is about e^-2."""
    steps, batch = 200, real_batch(2, size=1, outputs=1)
    generator = torch.Generator().manual_seed(0)
    u = 1 + (steps - 2) * torch.rand(301, dtype=torch.float64, generator=generator)
    result = time_constants(measured(lstm_with(u.log(), batch), batch))[0][0]
    kept = np.exp(-steps / np.median(result.tau))
    assert math.log(kept) == pytest.approx(-2, rel=0.15)
    np.testing.assert_allclose(result.tau, -1 / np.log(u.numpy() / (1 + u.numpy())), rtol=1e-10)


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_gates_that_change_along_the_sequence(cell, direction):
    model, batch = network(cell, hidden=3, depth=2, direction=direction, scale=1.5), real_batch(6, lengths=[2, 6, 3])
    for path in (path for row in measured(model, batch).paths for path in row):
        weight, bias = (p.detach().numpy() for p in path.cell.recurrent_projection.parameters())
        kept = []
        for b, length in enumerate([2, 6, 3]):
            for t in range(length):
                gates = path.drives[t, b].numpy() + weight @ path.states.h[t, b].numpy() + bias
                kept.append(sigmoid(gates[3:6]) if cell == "lstm" else 1 - sigmoid(gates[3:6]))
        result = of_path(time_constants, path)
        np.testing.assert_allclose(result.tau, -1 / np.log(kept).mean(axis=0), rtol=1e-10)
        assert result.share_open == pytest.approx((np.array(kept) > 0.9).mean())
        assert result.share_closed == pytest.approx((np.array(kept) < 0.1).mean())


def test_lengths_count_every_valid_step_once():
    model, batch = network("gru"), real_batch(6, lengths=[2, 6, 3])
    rates = [-1 / time_constants(measured(model, alone(batch, b)))[0][0].tau for b in range(3)]
    together = -1 / time_constants(measured(model, batch))[0][0].tau
    np.testing.assert_allclose(together, np.average(rates, axis=0, weights=[2, 6, 3]), rtol=1e-12)


@pytest.mark.parametrize("cell", ["elman", "relu", "linear", "spiral"])
def test_a_cell_without_gates_has_none(cell):
    assert time_constants(measured(network(cell), real_batch(1)))[0][0] is None


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_gates_that_round_to_0_or_1_have_finite_time_constants(dtype):
    batch = real_batch(3, outputs=1, dtype=dtype)
    model = lstm_with([1000.0, -1000.0], batch).to(dtype)
    result = time_constants(measured(model, batch))[0][0]
    assert result.tau[0] == pytest.approx(1 / torch.finfo(torch.float64).eps, rel=1e-6)
    assert 0 < result.tau[1] < 0.02
    assert (result.share_open, result.share_closed) == (0.5, 0.5)
