import pytest
import torch
from gradient_networks import network, real_batch

from rnnbench.gradients import GROUPS, gradient_norms_by_group, membership, parameter_group
from rnnbench.network.model import last_loss


def test_every_parameter_is_in_one_group():
    model = network("lstm", depth=2, direction="both")
    groups = {name: parameter_group(name) for name, _ in model.named_parameters()}
    way = "stack.layers.1.backward_direction.cell"
    assert groups[f"{way}.input_projection.weight"] == "input"
    assert groups[f"{way}.recurrent_projection.weight"] == "recurrent"
    assert groups[f"{way}.input_projection.bias"] == groups[f"{way}.recurrent_projection.bias"] == "bias"
    assert groups["head.weight"] == groups["head.bias"] == "head"
    table = membership(model)
    assert table.shape == (1 + 4, len(groups))
    assert (table[0] == 1).all()
    assert (table[1:].sum(dim=0) == 1).all()


@pytest.mark.parametrize("cell", ["elman", "lstm", "gru", "spiral"])
def test_norms_against_concatenation(cell):
    model, batch = network(cell, depth=2, direction="both"), real_batch()
    last_loss(model, batch, "mse").mean().backward()
    named = [(name, parameter.grad) for name, parameter in model.named_parameters()]
    norms = gradient_norms_by_group([gradient for _, gradient in named], membership(model))
    for index, group in enumerate(("all", *GROUPS)):
        chosen = [gradient.abs().flatten() for name, gradient in named if group in ("all", parameter_group(name))]
        torch.testing.assert_close(norms[index], torch.cat(chosen).square().sum().sqrt())
