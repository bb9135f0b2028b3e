"""Optimizers: the class and options that are asked for, and which parameters decay."""

from copy import deepcopy

import pytest
import torch

from rnnbench.builders.network import build_model
from rnnbench.builders.training import build_learner
from rnnbench.errors import UserError
from rnnbench.training.optimizers import FUSED, OPTIMIZERS


def made(configure, *overrides):
    learner = build_learner(configure(*overrides))
    return learner.make_optimizer(learner.model)


@pytest.mark.parametrize(
    ("overrides", "kind", "options"),
    [
        (["optimizer.beta1=0.5"], torch.optim.Adam, {"betas": (0.5, 0.999), "weight_decay": 0}),
        (["optimizer=rmsprop", "optimizer.alpha=0.9"], torch.optim.RMSprop, {"alpha": 0.9}),
        (["optimizer=sgd", "optimizer.lr=0.3"], torch.optim.SGD, {"lr": 0.3}),
        (["optimizer=adamw", "optimizer.beta2=0.9"], torch.optim.AdamW, {"betas": (0.9, 0.9), "weight_decay": 0.01}),
        (["optimizer=radam"], torch.optim.RAdam, {"decoupled_weight_decay": True}),
        (
            ["optimizer=nadam", "optimizer.momentum_decay=0.1"],
            torch.optim.NAdam,
            {"decoupled_weight_decay": True, "momentum_decay": 0.1},
        ),
    ],
)
def test_options(configure, overrides, kind, options):
    optimizer = made(configure, *overrides)
    assert type(optimizer) is kind
    assert {key: optimizer.defaults[key] for key in options} == options


def test_adam_is_the_default(configure):
    assert configure().optimizer.name == "adam"


@pytest.mark.parametrize("name", FUSED)
def test_a_step_in_one_kernel_is_the_same_step(configure, double, name):
    learner = build_learner(configure(f"optimizer={name}", "optimizer.weight_decay=0.1", "optimizer.decay=matrices"))
    twin = deepcopy(learner)
    for each, fused in ((learner, True), (twin, False)):
        optimizer = each.make_optimizer(each.model, fused=fused)
        assert all(bool(group["fused"]) == fused for group in optimizer.param_groups)
        torch.manual_seed(1)
        for _ in range(3):
            for parameter in each.model.parameters():
                parameter.grad = torch.randn_like(parameter)
            optimizer.step()
    for found, expected in zip(learner.parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("decay", ["all", "matrices"])
def test_what_decays_without_a_gradient(configure, double, name, decay):
    """Decoupled: the factor 1 - lr * weight_decay, whatever the optimizer; else a step towards zero."""
    learner = build_learner(configure(f"optimizer={name}", "optimizer.weight_decay=0.1", f"optimizer.decay={decay}"))
    before = {name: parameter.detach().clone() for name, parameter in learner.model.named_parameters()}
    optimizer = learner.make_optimizer(learner.model)
    for parameter in learner.model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    for key, parameter in learner.model.named_parameters():
        if decay == "matrices" and key.endswith("bias"):
            assert torch.equal(parameter, before[key]), key
        elif name in ("adamw", "nadam", "radam"):
            lr = optimizer.defaults["lr"]
            torch.testing.assert_close(parameter, before[key] * (1 - lr * 0.1), rtol=1e-12, atol=0)
        else:
            assert torch.all(((parameter - before[key]) * before[key] < 0) | (before[key] == 0)), key


@pytest.mark.parametrize(
    ("overrides", "decaying"),
    [
        ([], {"stack.layers.0.cell.input_projection.weight", "stack.layers.0.cell.recurrent_projection.weight",
              "head.weight"}),
        (["cell=indrnn"], {"stack.layers.0.cell.input_projection.weight", "head.weight"}),
        (["cell=orthogonal"], {"stack.layers.0.cell.input_projection.weight", "head.weight"}),
        (["cell=lstm_layernorm"], {"stack.layers.0.cell.input_projection.weight",
                                   "stack.layers.0.cell.recurrent_projection.weight", "head.weight"}),
        (["task=copy", "network.embedding=8"],
         {"stack.layers.0.cell.input_projection.weight", "stack.layers.0.cell.recurrent_projection.weight",
          "head.weight"}),
        (["cell=mingru", "network.block=residual", "network.convolution=3"],
         {"embedding.weight", "stack.layers.0.mixer.filter", "stack.layers.0.output_projection.weight",
          "stack.layers.0.mixer.recurrent.cell.input_projection.weight", "head.weight"}),
    ],
)  # fmt: skip
def test_which_are_matrices(configure, overrides, decaying):
    config = configure("optimizer=adamw", *overrides)
    torch.manual_seed(0)
    learner = build_learner(config)
    names = {id(parameter): name for name, parameter in learner.model.named_parameters()}
    decay, rest = learner.make_optimizer(learner.model).param_groups
    assert {names[id(parameter)] for parameter in decay["params"]} == decaying
    assert len(decay["params"]) + len(rest["params"]) == len(names)
    assert (decay["weight_decay"], rest["weight_decay"]) == (0.01, 0)


def test_a_tied_head_is_an_embedding(configure):
    config = configure("optimizer=adamw", "task=char_lm", "network.block=residual", "network.tied_head=true")
    learner = build_learner(config)
    decay, _ = learner.make_optimizer(learner.model).param_groups
    assert not any(parameter is learner.model.head.weight for parameter in decay["params"])


def test_all_parameters_are_one_group_in_their_order(configure):
    """Which is what torch makes of ``model.parameters()``."""
    learner = build_learner(configure("optimizer.weight_decay=0.1"))
    (group,) = learner.make_optimizer(learner.model).param_groups
    assert all(ours is theirs for ours, theirs in zip(group["params"], learner.model.parameters(), strict=True))


def test_no_decay_is_of_one_kind(configure):
    assert configure("optimizer.decay=matrices").run_id == configure().run_id
    one, other = (configure("optimizer.weight_decay=0.1", f"optimizer.decay={each}") for each in ("all", "matrices"))
    assert one.run_id != other.run_id
    with pytest.raises(UserError, match="unknown value for optimizer.decay 'matrix': did you mean 'matrices'"):
        configure("optimizer.decay=matrix")


def test_the_network_is_drawn_as_before(configure):
    """Whatever the optimizer."""
    drawn = []
    for name in OPTIMIZERS:
        torch.manual_seed(0)
        drawn.append(torch.nn.utils.parameters_to_vector(build_model(configure(f"optimizer={name}")).parameters()))
    assert all(torch.equal(each, drawn[0]) for each in drawn)
