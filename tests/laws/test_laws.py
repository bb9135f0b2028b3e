"""Each law, made small, on one seed against theory, within what its statistics allow; and what all laws promise."""

import math
import subprocess
import sys
from functools import cache
from importlib.util import find_spec

import numpy as np
import pytest
import torch

from rnnbench.laws import LAWS, counting

SMALL = {
    "counting": {"LONGEST": 150, "TRIED": 160, "CANDIDATES": 64},
    "curse_of_memory": {"DECAYS": (0.5, 0.8, 0.9), "UNITS": 128},
    "lru_state_norm": {"UNITS": 512, "WARM_UP": 300, "STEPS": 200},
    "memory_capacity": {"RESERVOIRS": 3},
    "orthogonal_gradient": {"SEQUENCES": 2},
    "parallel_newton": {"UNITS": 32, "LONG": 100, "LONGEST": 200, "WARM_UP": 20},
    "parity_positive_spectrum": {"UNITS": 64, "MOST": 0.95, "STEPS": 2**11},
}
"""Constants of each law's module that make it small."""


@cache
def measured(name):
    """What a law finds with seed 0."""
    return LAWS[name](0)


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    for name, constants in SMALL.items():
        for constant, value in constants.items():
            monkeypatch.setattr(f"rnnbench.laws.{name}.{constant}", value)


def test_listing_laws_loads_nothing_heavy():
    code = "import sys; from rnnbench.laws import LAWS; assert LAWS; print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"


@pytest.mark.parametrize("name", LAWS)
def test_a_law_is_a_function_of_its_seed_and_leaves_global_generators_alone(name):
    torch.default_generator.manual_seed(5)  # another state than that in which the first call was made
    before = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    again, other = LAWS[name](0), LAWS[name](1)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert (np.random.get_state()[1] == before[1]).all()  # noqa: NPY002
    first = measured(name)
    assert first == again
    assert first != other
    assert first.keys() == other.keys()
    assert all(type(value) is float and math.isfinite(value) for value in first.values())
    assert all(key == key.lower() for key in first)


def test_the_norm_of_the_lru_state():
    found = measured("lru_state_norm")
    for ring, spread in (("ring 0.0 to 0.9", 0.5), ("ring 0.9 to 0.99", 0.7)):
        assert found[ring] == pytest.approx(1, abs=4 * spread / 512**0.5 + 0.02)
        assert found[f"{ring} normalised"] == pytest.approx(1, abs=0.04)


def test_the_curse_of_memory():
    found = measured("curse_of_memory")
    for name in ("state", "sensitivity", "lru sensitivity"):
        for decay in (0.5, 0.8, 0.9):
            assert found[f"{name} {decay}"] == pytest.approx(1, abs=4 * (2 / (8 * 128)) ** 0.5)
    rise = math.log((1 - 0.9**2) / (1 - 0.8**2))
    assert found["state slope"] == pytest.approx(-1, abs=0.25)
    assert found["sensitivity slope"] == pytest.approx(math.log(1.81 / 1.64) / rise - 3, abs=0.25)
    assert abs(found["lru slope"]) < 0.5


def test_the_gradient_through_orthogonal_and_glorot_matrices():
    found = measured("orthogonal_gradient")
    assert found["orthogonal linear range"] < 1e-9
    assert found["orthogonal near linear range"] < 0.15
    assert found["glorot near linear range"] > 0.5
    assert found["orthogonal tanh change"] < -2
    for name in ("orthogonal near linear", "glorot near linear", "orthogonal tanh", "glorot tanh"):
        assert abs(found[f"{name} change"]) <= found[f"{name} range"]


def test_newton_iterations_jump_with_the_exponent():
    found = measured("parallel_newton")
    assert found["stable exponent"] < 0 < found["chaotic exponent"]
    assert found["stable iterations 50"] == found["stable iterations 100"] == found["stable iterations 200"] <= 5
    assert found["chaotic growth"] > 0.7
    assert found["chaotic iterations 100"] > 25
    assert found["stable difference"] < 1e-3


def test_a_reservoir_remembers_as_many_inputs_as_that_of_another_library():
    found = measured("memory_capacity")
    assert found["capacity"] == pytest.approx(18.78, rel=0.2)
    assert found["capacity"] <= found["largest capacity"] <= 100
    assert 10 < found["capacity all lags"] <= 100
    assert ("reservoirpy example" in found) == (find_spec("reservoirpy") is not None)
    if "reservoirpy example" in found:
        assert found["reservoirpy example"] == pytest.approx(18.78, abs=0.01)


def test_positive_spectra_lose_parity():
    found = measured("parity_positive_spectrum")
    for cell in ("mingru", "minlstm", "qrnn", "lru", "indrnn"):
        assert found[f"{cell} distance"] == 0
        assert 10 < found[f"{cell} coincide at"] < 2**11
    for cell in ("lru", "indrnn"):  # their largest decay is at most .95
        assert found[f"{cell} coincide at"] <= 53 * math.log(2) / -math.log(0.95) + 1
    assert found["minus one distance"] == pytest.approx(1, abs=1e-9)


def test_unbounded_states_count_and_bounded_ones_do_not():
    found = measured("counting")
    for cell in ("lstm", "relu"):
        assert found[f"{cell} errors"] == found[f"{cell} errors on the grid"] == 0
    for cell in ("tanh", "gru"):
        assert found[f"{cell} errors tiny step"] == 0
        assert 20 < found[f"{cell} counts to"] < 160
    assert found["gru counts to"] >= found["tanh counts to"]


@pytest.mark.parametrize("reference", [torch.nn.LSTM, torch.nn.RNN], ids=["lstm", "relu"])
def test_the_counters_in_the_networks_of_torch(reference):
    """Whole strings, one by one, through torch.nn with the same weights: rows are in the same order."""
    torch.manual_seed(0)
    cell = counting._lstm() if reference is torch.nn.LSTM else counting._relu()
    network = reference(2, counting.UNITS, **({} if reference is torch.nn.LSTM else {"nonlinearity": "relu"}))
    for kind, projection in (("ih", cell.input_projection), ("hh", cell.recurrent_projection)):
        network.get_parameter(f"weight_{kind}_l0").data = projection.weight.data
        network.get_parameter(f"bias_{kind}_l0").data = projection.bias.data
    endings = counting._endings(cell, 9, None)
    for n in range(1, 10):
        for found, (a, b) in zip(endings, ((n, n), (n + 1, n), (n, n + 1)), strict=True):
            string = torch.eye(2)[[0] * a + [1] * b][:, None]
            torch.testing.assert_close(found[n - 1], network(string)[0][-1, 0])


def test_errors_and_counts_by_hand():
    """A counter that misjudges from n = 3 on."""
    rows = torch.tensor([[0.0, 1, -1], [0, 1, -1], [0.4, 0.3, -1], [0, 1, -1]])
    read = counting.Endings(*rows[:, :, None].unbind(1))
    assert counting._counted(read) == 2
    assert counting._errors(read, 0.35) == 2
