import numpy as np
import pytest
import torch
from gradient_networks import EVERY, measured, network, real_batch

from rnnbench.gradients import effective_rank, state_ranks


@pytest.mark.parametrize("rank", [1, 2, 5])
def test_directions_that_vary_alike_count_one_each(rank):
    left = torch.linalg.qr(torch.randn(9, rank, dtype=torch.float64)).Q
    right = torch.linalg.qr(torch.randn(6, rank, dtype=torch.float64)).Q
    torch.testing.assert_close(effective_rank(left @ right.T), torch.tensor(float(rank), dtype=torch.float64))


def test_the_entropy_of_unequal_ones_by_hand_and_zero():
    p = np.array([0.7, 0.2, 0.1])
    expected = np.exp(-(p * np.log(p)).sum())
    found = effective_rank(
        torch.stack([torch.diag(torch.tensor([7.0, 2.0, 1.0])).double(), torch.zeros(3, 3).double()])
    )
    np.testing.assert_allclose(found, [expected, 0], rtol=1e-12)


@pytest.mark.parametrize("cell", EVERY)
def test_it_is_that_of_all_states_of_all_sequences(cell):
    measurement = measured(network(cell, depth=2, direction="both"), real_batch(7, lengths=[7, 2, 5]))
    for row, paths in zip(state_ranks(measurement), measurement.paths, strict=True):
        for found, path in zip(row, paths, strict=True):
            rows = []
            for b, length in enumerate([7, 2, 5]):
                for t in range(1, length + 1):
                    parts = [part[t, b].detach() for part in path.states]
                    reals = [torch.view_as_real(part) if part.is_complex() else part for part in parts]
                    rows.append(torch.cat([part.flatten() for part in reals]).numpy())
            values = np.linalg.svd(np.array(rows) - np.mean(rows, axis=0), compute_uv=False)
            shares = values[values > 0] / values.sum()
            assert found["effective_rank"] == pytest.approx(np.exp(-(shares * np.log(shares)).sum()))
            assert (found["matrix_rank"] is None) == (cell != "matrix")


def test_a_matrix_of_associations_has_the_rank_of_what_was_stored():
    """The first step stores one pair: rank 1. Later ones at most as many as there were steps."""
    for steps in (1, 2):
        found = state_ranks(measured(network("matrix", hidden=4), real_batch(steps)))[0][0]["matrix_rank"]
        assert found == pytest.approx(1) if steps == 1 else 1 < found <= 2
