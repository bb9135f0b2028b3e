import pytest
import torch
from gradient_networks import MAKERS, network, real_batch


def dependence(cell, direction):
    """||dy_i/dx_j|| [i, j] of a two-layer network with an output at every step."""
    model, batch = network(cell, depth=2, direction=direction, every_step=True, scale=0.8), real_batch(5, size=1)
    if cell == "relu":
        model.stack.apply(_activate)  # a silent unit hides what it does not pass on
    jacobian = torch.autograd.functional.jacobian(lambda x: model(x).prediction, batch.inputs)
    return jacobian.movedim(3, 1).flatten(2).norm(dim=-1)


def _activate(module):
    for name, parameter in module.named_parameters(recurse=False):
        parameter.data = parameter.data.abs() + 5 * (name == "bias")


@pytest.mark.parametrize("cell", MAKERS)
def test_law_12_a_forward_network_sees_all_of_the_past_and_nothing_of_the_future(cell):
    seen = dependence(cell, "forward") > 0
    torch.testing.assert_close(seen, torch.ones(5, 5).tril().bool())


@pytest.mark.parametrize("cell", MAKERS)
def test_law_12_a_backward_network_sees_only_the_future(cell):
    seen = dependence(cell, "backward") > 0
    torch.testing.assert_close(seen, torch.ones(5, 5).triu().bool())


@pytest.mark.parametrize("cell", MAKERS)
def test_law_12_a_bidirectional_network_is_not_causal(cell):
    assert (dependence(cell, "both") > 0).all()
