"""The LRU at initialisation: the ring of its eigenvalues, and proposition 3 of Orvieto et al. 2023."""

import math

import pytest
import torch
from scipy import stats

from rnnbench.network.cells import CELLS
from rnnbench.network.engines import ENGINES


def test_eigenvalues_fill_a_ring():
    decay = CELLS["lru"](3, 5000, r_min=0.4, r_max=0.8, max_phase=1.0).decay().detach()
    assert stats.kstest(decay.abs().square().numpy(), stats.uniform(0.16, 0.64 - 0.16).cdf).pvalue > 1e-4
    assert stats.kstest(decay.angle().numpy(), stats.uniform(0, 1).cdf).pvalue > 1e-4


def test_the_way_around_varies_as_much_as_the_authors_vector():
    """D is a matrix N(0, 1/I), so each D x_t has the variance of d * x_t with their d ~ N(0, 1); B stays what it is."""
    own = CELLS["lru"](40, 300, skip=True).input_projection.weight.detach()
    assert stats.kstest(own[600:].flatten(), stats.norm(scale=40**-0.5).cdf).pvalue > 1e-4
    assert stats.kstest(own[:600].flatten(), stats.norm(scale=80**-0.5).cdf).pvalue > 1e-4


@pytest.mark.parametrize("normalise", [False, True])
def test_proposition_3(normalise):
    """White input: E|h|^2 / E|Bx|^2 has a closed form without the normaliser, and is 1 with it."""
    least, most = 0.5, 0.95
    cell = CELLS["lru"](8, 1000, r_min=least, r_max=most, normalise=normalise)
    inputs = torch.randn(100, 32, 8)  # .95^100 < .01: h is stationary at the end
    with torch.no_grad():
        _, final = ENGINES["associative"](cell, inputs, cell.initial_state(32))
    driven = cell.input_projection.weight.square().sum() / 1000  # E|Bx|^2 of a unit
    ratio = final.h.abs().square().mean() / driven
    closed = math.log((1 - least**2) / (1 - most**2)) / (most**2 - least**2)
    assert ratio.item() == pytest.approx(1 if normalise else closed, rel=0.05)
