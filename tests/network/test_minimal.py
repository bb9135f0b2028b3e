"""minGRU and minLSTM where their gates saturate."""

import pytest
import torch

from rnnbench.network.cells import CELLS


@pytest.mark.parametrize("candidate", ["linear", "positive"])
def test_the_minlstm_is_finite_where_both_gates_are_shut(candidate):
    cell = CELLS["minlstm"](3, 4, candidate=candidate)
    drive = torch.full((1, 12), -200.0, requires_grad=True)  # sigmoid(-200) is 0 in single precision
    final = cell.step(cell.initial_state(1), drive)
    final.h.sum().backward()
    assert final.h.isfinite().all()
    assert drive.grad.isfinite().all()
    torch.testing.assert_close(cell.retention(cell.initial_state(1), drive), torch.full((1, 4), 0.5))


def test_the_positive_candidate_is_positive_and_continuous():
    drive = torch.cat([torch.linspace(-3, 3, 1001), torch.tensor([-1e-7, 1e-7])])
    cell = CELLS["mingru"](1, 1, candidate="positive")
    open_gate = torch.full_like(drive, 100.0)
    _, candidate = cell.coefficients(torch.stack([open_gate, drive], dim=-1))
    assert (candidate > 0).all()
    assert (candidate[-1] - candidate[-2]).abs() < 1e-6
