"""The share of far lags against the definition: every step has its own copy of the parameters."""

import copy

import numpy as np
import pytest
import torch
from gradient_networks import DIRECTIONS, MAKERS, linear, measured, network, orthogonal, real_batch, single

from rnnbench.gradients import far_shares, float64_copy


def by_copies(model, batch):
    """Runs each direction of the only layer with one copy of the cell a step and sums the copies' gradients by lag."""
    model, steps = float64_copy(model), len(batch.inputs)  # with plain weights
    lengths = torch.full((batch.inputs.shape[1],), steps) if batch.lengths is None else batch.lengths
    (directions,) = model.stack.layer_directions()
    copies, finals = [], []
    for direction in directions:
        cells = [[copy.deepcopy(direction.cell) for _ in lengths] for _ in range(steps)]  # of each sequence too
        inputs = direction.running_order(batch.inputs, batch.lengths)
        ends = []
        for b, length in enumerate(lengths.tolist()):
            state = direction.cell.initial_state(1)
            for t in range(length):
                cell = cells[t][b]
                drive = cell.project(inputs[t : t + 1, b : b + 1])[0]
                state = cell.step(state, drive)
            ends.append(cell.readout(state, drive))
        copies.append(cells)
        finals.append(torch.cat(ends))
    prediction = model.head(torch.cat(finals, dim=-1))
    (prediction - batch.targets).square().mean(dim=-1).sum().backward()
    return [[share(cells, lengths) for cells in copies]]


def share(cells, lengths):
    totals = {True: {}, False: {}}
    for t, row in enumerate(cells):
        for cell, length in zip(row, lengths.tolist(), strict=True):
            for name, parameter in cell.named_parameters():
                if t < length and parameter.grad is not None:
                    total = totals[2 * (length - 1 - t) > length]
                    total[name] = total.get(name, 0) + parameter.grad
    far, near = (sum(g.abs().square().sum() for g in totals[each].values()) ** 0.5 for each in (True, False))
    return float(far / (far + near))


@pytest.mark.parametrize("lengths", [None, [6, 3, 5]])
@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("cell", MAKERS)
def test_the_share_is_that_of_a_copy_of_the_parameters_for_each_step(cell, direction, lengths):
    model, batch = network(cell, depth=1, direction=direction), real_batch(6, size=3, lengths=lengths)
    np.testing.assert_allclose(far_shares(measured(model, batch, "mse")), by_copies(model, batch), rtol=1e-9)


def test_one_step_is_near_and_no_gradient_has_no_share():
    model = network("lstm", depth=2, direction="both")
    np.testing.assert_array_equal(far_shares(measured(model, real_batch(1), "mse")), np.zeros((2, 2)))
    for parameter in model.head.parameters():
        parameter.data.zero_()
    assert np.isnan(far_shares(measured(model, real_batch(4), "mse"))).all()


def test_what_a_decaying_gradient_teaches_comes_from_near():
    batch = real_batch(40, outputs=1)
    kept, lost = (far_shares(measured(single(linear(rho * orthogonal(4)), batch), batch, "mse")) for rho in (1.0, 0.5))
    assert lost < 1e-5
    assert 0.1 < kept < 0.9
