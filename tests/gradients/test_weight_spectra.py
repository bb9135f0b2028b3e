import math

import numpy as np
import pytest
import torch
from gradient_networks import MAKERS, linear, of_cell, orthogonal, randomize

from catalogue import CELL_ROWS
from rnnbench.gradients import weight_spectra


def test_every_gate_has_its_own_block():
    for row in CELL_ROWS.values():
        cell = randomize(row.make(2, 5))
        result = of_cell(weight_spectra, cell)
        assert tuple(result) == cell.recurrent_gates
        for index, gate in enumerate(cell.recurrent_gates):
            weight = cell.recurrent_projection.weight.detach().numpy()
            block = weight[5 * index : 5 * index + 5]
            np.testing.assert_allclose(result[gate].singular_values, np.linalg.svd(block)[1], rtol=1e-12, atol=1e-14)
            gap = np.sqrt(((block.T @ block - np.eye(5)) ** 2).sum())
            assert result[gate].orthogonality_gap == pytest.approx(gap, rel=1e-12)
            excess = (block**2).sum() - (np.abs(np.linalg.eigvals(block)) ** 2).sum()
            assert result[gate].nonnormality == pytest.approx(math.sqrt(max(excess, 0)), rel=1e-8, abs=1e-6)


@pytest.mark.parametrize("seed", range(8))  # the rounding of a normal matrix has either sign
def test_an_orthogonal_matrix(seed):
    spectrum = of_cell(weight_spectra, linear(orthogonal(5, seed)))["hidden"]
    np.testing.assert_allclose(spectrum.singular_values, 1, rtol=1e-12)
    assert spectrum.orthogonality_gap == pytest.approx(0, abs=1e-13)
    assert spectrum.nonnormality == pytest.approx(0, abs=1e-6)


def test_a_shift_is_as_far_from_normal_as_can_be():
    """The nilpotent [[0, a], [0, 0]] has the eigenvalues 0 and the norm a."""
    spectrum = of_cell(weight_spectra, linear(torch.tensor([[0.0, 3.0], [0.0, 0.0]])))["hidden"]
    assert spectrum.nonnormality == pytest.approx(3, rel=1e-12)
    assert spectrum.orthogonality_gap == pytest.approx(math.hypot(1, 8), rel=1e-12)
    np.testing.assert_allclose(spectrum.singular_values, [3, 0], atol=1e-15)


def test_a_cell_without_a_recurrent_matrix_has_no_spectrum():
    assert of_cell(weight_spectra, MAKERS["spiral"](2, 3)) == {}


def test_float32_weights_are_computed_in_float64():
    spectrum = of_cell(weight_spectra, linear(torch.eye(3)).float())["hidden"]
    assert spectrum.singular_values.dtype == np.float64
