"""Every diagnostic on every cell, and what the registry says of it."""

import numpy as np
import pytest
import torch
from gradient_networks import EVERY, measured, network, real_batch

from rnnbench.gradients import DIAGNOSTICS, Options, survey
from rnnbench.gradients.registry import KINDS
from rnnbench.tasks import Batch

NEEDS = {"profile", "paths", "jacobians", "gates", "weights", "inputs", "training"}


@pytest.mark.parametrize("name", DIAGNOSTICS)
def test_what_is_said_of_it(name):
    each = DIAGNOSTICS[name]
    assert each.name == name
    assert all((each.title, each.formula, each.source, each.cost, each.law))
    assert set(each.needs) <= NEEDS
    assert (each.of_path is None) != (each.of_network is None)


def test_the_kinds_of_probes_name_what_there_is():
    assert set(KINDS) == {"default", "full", "off"}
    assert {name for names in KINDS.values() for name in names} <= set(DIAGNOSTICS)


@pytest.mark.parametrize("cell", EVERY)
def test_all_of_them_on_a_deep_bidirectional_network_with_lengths(cell):
    """Numbers are plain and finite or None, arrays have as many axes as names, and nothing of the model changes."""
    model = network(cell, depth=2, direction="both", dtype=torch.float32)
    plain = real_batch(6, size=4, lengths=[6, 1, 4, 2], dtype=torch.float32)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    found = survey(measured(model, Batch(*plain)), list(DIAGNOSTICS.values()), Options(sequences=2, exponents=3))
    for name, values in found.arrays.items():
        assert len(values.axes) == values.values.ndim, name
        assert values.values.dtype.kind in "f", name
    for name, value in found.scalars.items():
        assert value is None or isinstance(value, str | int) or np.isfinite(value), name
        assert "/" not in name or name.partition("/")[2] in found.scalars
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name])
