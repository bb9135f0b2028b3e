"""The defaults of a cell used from Python are those of its configuration."""

import inspect

import pytest

from rnnbench.network.cells import CELLS


@pytest.mark.parametrize("name", CELLS)
def test_a_constructor_agrees_with_the_configuration(configure, name):
    given = inspect.signature(CELLS[name]).parameters.values()
    defaults = {each.name: each.default for each in given if each.default is not inspect.Parameter.empty}
    required = {each.name for each in given if each.default is inspect.Parameter.empty}
    options = configure(f"cell={name}").cell.options()
    assert {key: value for key, value in options.items() if key not in required} == defaults
    assert set(options) == set(defaults) | required - {"input_size", "hidden_size"}
