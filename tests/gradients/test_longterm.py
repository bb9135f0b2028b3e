import math

import numpy as np
import pytest
import torch
from gradient_networks import (
    DIRECTIONS,
    MAKERS,
    alone,
    linear,
    measured,
    network,
    of_path,
    orthogonal,
    real_batch,
    single,
)

from rnnbench.gradients import long_term, step_jacobians
from rnnbench.network.cells import LSTM
from rnnbench.network.states import flatten, unflatten


def linear_path(weight, steps):
    batch = real_batch(steps, outputs=1)
    return measured(single(linear(weight), batch), batch).paths[0][0]


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("cell", ["elman", "gru", "lstm", "linear", "spiral"])
def test_products_agree_with_the_derivative_of_the_end_by_each_state(cell, direction):
    model, batch = network(cell, hidden=2, depth=2, direction=direction), real_batch(4, size=1)
    for path in (path for row in measured(model, batch).paths for path in row):
        result = of_path(long_term, path)
        for lag in range(4):

            def end(flat, path=path, lag=lag):
                state = unflatten(flat, path.at(4))
                for drive in path.drives[4 - lag :]:
                    state = path.cell.step(state, drive)
                return flatten(state)[0]

            matrix = torch.autograd.functional.jacobian(end, flatten(path.at(4 - lag)))[:, 0].numpy()
            values = np.linalg.svd(matrix, compute_uv=False)
            factors = of_path(step_jacobians, path)[4 - lag :, 0].numpy()
            norms = np.linalg.svd(factors, compute_uv=False)[:, 0]
            assert result.log_largest[lag] == pytest.approx(math.log(values[0]), rel=1e-9, abs=1e-12)
            assert result.log_smallest[lag] == pytest.approx(math.log(values[-1]), rel=1e-9, abs=1e-12)
            assert result.log_condition[lag] == pytest.approx(math.log(values[0] / values[-1]), rel=1e-9, abs=1e-12)
            assert result.log_bound[lag] == pytest.approx(np.log(norms).sum(), rel=1e-9, abs=1e-12)
        assert len(result.log_largest) == 4


@pytest.mark.parametrize("cell", MAKERS)
def test_the_norm_keeps_below_the_bound(cell):
    result = long_term(measured(network(cell, scale=1), real_batch(12)))[0][0]
    pairs = [pair for pair in zip(result.log_largest, result.log_bound, strict=True) if None not in pair]
    assert len(pairs) >= 2
    assert all(norm <= bound + 1e-12 for norm, bound in pairs)


def test_a_rotation_scaled_far_below_the_smallest_float():
    result = of_path(long_term, linear_path(0.01 * orthogonal(4), 200))
    expected = math.log(0.01) * np.arange(200)  # 1e-398 at the end
    for values in (result.log_largest, result.log_smallest, result.log_bound):
        np.testing.assert_allclose(values, expected, rtol=1e-12)
    np.testing.assert_allclose(result.log_condition, 0, atol=1e-10)


def test_a_condition_number_far_above_the_rounding():
    frame = orthogonal(3)
    weight = frame @ torch.diag(torch.tensor([1.2, 1.0, 0.01], dtype=torch.float64)) @ frame.T
    result = of_path(long_term, linear_path(weight, 80))
    lags = np.arange(80)
    np.testing.assert_allclose(result.log_largest, math.log(1.2) * lags, rtol=1e-10, atol=1e-13)
    np.testing.assert_allclose(result.log_smallest, math.log(0.01) * lags, rtol=1e-10, atol=1e-13)
    np.testing.assert_allclose(result.log_condition, math.log(120) * lags, rtol=1e-10, atol=1e-13)


def test_a_singular_factor_says_none_and_nothing_infinite():
    result = of_path(long_term, linear_path(torch.diag(torch.tensor([0.5, 0.0])), 5))
    np.testing.assert_allclose(result.log_largest, math.log(0.5) * np.arange(5), rtol=1e-12)
    assert result.log_smallest == [0.0, None, None, None, None]
    assert result.log_condition == [0.0, None, None, None, None]
    zero = of_path(long_term, linear_path(torch.zeros(2, 2), 3))
    assert zero == ([0.0, None, None],) * 4


def test_a_factor_singular_early_in_the_sequence_matters_only_at_its_lag():
    model, batch = network("relu", hidden=1, scale=1), real_batch(4, size=1)
    cell = model.stack.layers[0].cell
    cell.input_projection.weight.data = torch.tensor([[1.0, 0.0]]).double()
    cell.recurrent_projection.weight.data.fill_(0.5)
    cell.input_projection.bias.data.zero_()
    cell.recurrent_projection.bias.data.zero_()
    inputs = torch.ones(4, 1, 2, dtype=torch.float64)
    inputs[1] = -9  # the unit is silent at step 2
    result = long_term(measured(model, batch._replace(inputs=inputs)))[0][0]
    for values in (result.log_largest, result.log_smallest, result.log_bound):
        assert values == pytest.approx([0, math.log(0.5), 2 * math.log(0.5), None])


def test_one_step_has_only_lag_0():
    assert long_term(measured(network("lstm"), real_batch(1)))[0][0] == ([0.0],) * 4


def test_lengths_give_the_mean_over_the_sequences_alone():
    model, batch = network("gru", direction="both"), real_batch(6, lengths=[2, 5, 3])
    for direction in (0, 1):
        together = long_term(measured(model, batch))[0][direction]
        singles = [long_term(measured(model, alone(batch, b)))[0][direction] for b in range(3)]
        for name in together._fields:
            columns = [getattr(one, name) for one in singles]
            expected = [np.mean([column[lag] for column in columns if lag < len(column)]) for lag in range(5)]
            np.testing.assert_allclose(getattr(together, name), expected, rtol=1e-10, atol=1e-12)


def test_law_5_a_constant_forget_gate_sets_the_decay_of_the_cell_state():
    batch = real_batch(101, outputs=1)
    cell = LSTM(2, 3).double()
    cell.recurrent_projection.weight.data.zero_()
    cell.recurrent_projection.bias.data.zero_()
    cell.input_projection.weight.data[3:6] = 0
    cell.input_projection.bias.data[3:6] = 1
    model = single(cell, batch)
    f = 1 / (1 + math.exp(-1))
    assert f**100 == pytest.approx(2.5e-14, rel=0.1)
    path = measured(model, batch).paths[0][0]
    jacobians = of_path(step_jacobians, path)
    product = torch.linalg.multi_dot([j[0] for j in jacobians[1:].flip(0)])
    torch.testing.assert_close(product[3:, 3:], f**100 * torch.eye(3, dtype=torch.float64), rtol=1e-12, atol=0)
    gradient = measured(model, batch, "mse").gradients[0][0].c
    assert not gradient[-1].any()  # L reads h_T, and dL/dc_T holds h_T fixed
    torch.testing.assert_close(gradient[:-2], f * gradient[1:-1], rtol=1e-12, atol=0)
    # ds_T/ds_t is [[0, o tanh'(c_T) f^k], [0, f^k]] per unit, so its norm falls by f a step from the first on.
    np.testing.assert_allclose(np.diff(of_path(long_term, path).log_largest[1:]), math.log(f), rtol=1e-10)
