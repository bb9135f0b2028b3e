"""The recurrent matrix that cannot leave the orthogonal group, and modReLU."""

import copy

import numpy as np
import pytest
import torch
from scipy import stats

from rnnbench.builders.network import build_model
from rnnbench.builders.training import build_learner
from rnnbench.errors import UserError
from rnnbench.gradients import DIAGNOSTICS, Measurement, float64_copy, gradient_profile, step_jacobian, survey
from rnnbench.network.cells import CELLS
from rnnbench.network.cells.modrelu import modrelu
from rnnbench.network.engines import ENGINES
from rnnbench.network.initialization import initialize
from rnnbench.network.layers import Recurrent, Stack
from rnnbench.network.model import Model
from rnnbench.runner import build_trainer
from rnnbench.tasks import Batch
from rnnbench.training.data import Stream, to_torch

MAPS = ["matrix_exp", "cayley"]


def cell(hidden=6, **options):
    """A cell whose matrix has moved away from where it begins."""
    made = CELLS["orthogonal"](3, hidden, **options)
    with torch.no_grad():
        made.recurrent_projection.parametrizations.weight.original.normal_()
    return made


def network(layer):
    return Model(Stack([Recurrent(layer)]), 3, 2, tokens=False, every_step=False)


def gap(weight):
    return float((weight.T @ weight - torch.eye(len(weight)).to(weight)).abs().max())


@pytest.mark.parametrize(("map", "least", "most"), [("matrix_exp", -np.pi, np.pi), ("cayley", 0, np.pi / 2)])
def test_it_begins_with_rotations(map, least, most):
    weight = CELLS["orthogonal"](3, 400, map=map).recurrent_projection.weight.detach()
    first = torch.arange(0, 400, 2)
    angles = torch.atan2(weight[first + 1, first], weight[first, first])
    assert stats.kstest(angles, stats.uniform(least, most - least).cdf).pvalue > 1e-4
    assert ((weight != 0).sum(dim=1) <= 2).all()
    assert gap(weight) < 1e-6


@pytest.mark.parametrize("map", MAPS)
def test_it_stays_orthogonal_in_training(configure, map):
    config = configure(
        "cell=orthogonal", f"cell.map={map}", "trainer.max_steps=60", "trainer.validate_every=60",
        "probe=off", "optimizer.lr=0.02",
        "trainer.stop_when_solved=false",
    )  # fmt: skip
    learner = build_learner(config)
    (layer,) = (way.cell for layer in learner.model.stack.layer_directions() for way in layer)
    before = layer.recurrent_projection.weight.detach().clone()
    trainer = build_trainer(config, callbacks=[], loggers=[])
    trainer.fit(learner, *[Stream(config.task, split, config.seed, 60) for split in ("train", "validation")])
    after = layer.recurrent_projection.weight.detach()
    assert after.dtype == torch.float32
    assert learner.global_step == 60
    assert (after - before).abs().max() > 0.1
    assert gap(after) < 1e-5


def test_an_init_gives_the_orthogonal_factor_of_its_draw():
    layer, free = cell(), CELLS["modrelu"](3, 6)
    for each in (free, layer):
        torch.manual_seed(1)
        initialize(each, recurrent="gaussian", recurrent_scale=0.1)
    Q, R = np.linalg.qr(free.recurrent_projection.weight.detach().double().numpy())
    np.testing.assert_allclose(
        layer.recurrent_projection.weight.detach(), Q * np.sign(np.diag(R)), atol=1e-6, rtol=0
    )  # the diagonal of R is positive
    initialize(layer, recurrent="identity")
    assert torch.equal(layer.recurrent_projection.weight, torch.eye(6))
    with pytest.raises(UserError, match="init.recurrent=zero: a singular matrix has no orthogonal factor"):
        initialize(layer, recurrent="zero")


@pytest.mark.usefixtures("double")
@pytest.mark.parametrize("map", MAPS)
def test_law_1_the_gradient_of_a_linear_network_keeps_its_norm(map):
    model = network(cell(map=map, nonlinearity="linear"))
    profile = gradient_profile(Measurement(model, Batch(torch.randn(80, 4, 3), torch.randn(4, 2)), "mse"))["h"][0, 0]
    np.testing.assert_allclose(profile, profile[0], rtol=1e-12)


@pytest.mark.usefixtures("double")
@pytest.mark.parametrize("map", MAPS)
def test_its_jacobian(map):
    """diag(1 - h_t^2) W, for both of torch's ways to differentiate."""
    layer, state, drive = cell(map=map, nonlinearity="tanh"), torch.randn(2, 6), torch.randn(2, 6)
    start = layer.initial_state(2)._replace(h=state)
    h = layer.step(start, drive).h
    expected = (1 - h[:, :, None] ** 2) * layer.recurrent_projection.weight
    torch.testing.assert_close(step_jacobian(layer, start, drive), expected)
    one = torch.func.vmap(torch.func.jacrev(lambda h, d: layer.step(start._replace(h=h), d).h))(state, drive)
    torch.testing.assert_close(one, expected)


def test_the_matrix_is_computed_once_a_forward_pass(monkeypatch):
    calls, original = [], torch.matrix_exp
    monkeypatch.setattr(torch, "matrix_exp", lambda A: calls.append(A.dtype) or original(A))
    model = network(cell())
    calls.clear()
    model(torch.randn(30, 4, 3))
    assert len(calls) == 1
    calls.clear()
    survey(Measurement(model, Batch(torch.randn(30, 4, 3), torch.randn(4, 2)), "mse"), list(DIAGNOSTICS.values()))
    assert calls == [torch.float64]  # for the one copy that it makes, and for no step


def test_copies_are_independent():
    layer, inputs = cell(), torch.randn(5, 2, 3)

    def run(each):
        return ENGINES["loop"](each, inputs.to(each.input_projection.weight), each.initial_state(2))[0]

    expected = run(layer)
    twin, other = copy.deepcopy(layer), cell()
    other.load_state_dict(layer.state_dict())
    assert torch.equal(run(twin), expected)
    assert torch.equal(run(other), expected)
    assert run(copy.deepcopy(layer).double()).dtype == torch.float64
    torch.testing.assert_close(run(copy.deepcopy(layer).double()).float(), expected)
    with torch.no_grad():
        twin.recurrent_projection.parametrizations.weight.original.zero_()
        other.recurrent_projection.weight = torch.eye(6)
    assert not torch.equal(run(twin), expected)
    assert not torch.equal(run(other), expected)
    assert torch.equal(run(layer), expected)
    meta = copy.deepcopy(layer).to("meta")
    assert meta.step(meta.initial_state(2), torch.zeros(2, 6, device="meta")).h.shape == (2, 6)


def test_the_float64_copy_has_plain_weights_and_leaves_the_network_as_it_is():
    model = network(cell())
    names, weight = list(model.state_dict()), model.stack.layers[0].cell.recurrent_projection.weight
    precise = float64_copy(model).stack.layers[0].cell.recurrent_projection
    assert type(precise) is torch.nn.Linear
    assert "weight" in dict(precise.named_parameters())
    torch.testing.assert_close(precise.weight.float(), weight, rtol=0, atol=1e-6)
    assert list(model.state_dict()) == names
    model(torch.randn(3, 2, 3)).prediction.sum().backward()
    assert model.stack.layers[0].cell.recurrent_projection.parametrizations.weight.original.grad.abs().sum() > 0


def test_every_layer_has_its_own_matrix(configure):
    """torch keeps computed weights by the identity of the module: no two cells may share one."""
    config = configure("cell=orthogonal", "network.depth=2", "network.bidirectional=true")
    model = build_model(config)
    batch = to_torch(config.task.batch("train", 0, 0))
    once = model(batch.inputs).prediction
    outputs = batch.inputs
    for layer in model.stack.layers:
        outputs, _ = layer(outputs)
    torch.testing.assert_close(model.head(layer.summary(outputs, None)), once)


def test_modrelu_keeps_value_sign_and_gradient_outside_its_dead_zone():
    values = torch.tensor([-2.0, -0.4, 0.0, 0.4, 2.0], requires_grad=True)
    for bias, expected in ((-0.5, [-1.5, 0, 0, 0, 1.5]), (0.5, [-2.5, -0.9, 0, 0.9, 2.5])):
        result = modrelu(values, torch.tensor(bias))
        torch.testing.assert_close(result.detach(), torch.tensor(expected))
        (gradient,) = torch.autograd.grad(result.sum(), values)
        alive = result.detach() != 0
        assert torch.equal(gradient[alive], torch.ones(int(alive.sum())))
        assert torch.equal(gradient[~alive], torch.zeros(int((~alive).sum())))


@pytest.mark.parametrize("name", ["modrelu", "orthogonal"])
def test_where_modrelu_networks_begin(name):
    layer = CELLS[name](30, 400)
    assert gap(layer.recurrent_projection.weight.detach()) < 1e-5
    assert stats.kstest(layer.modrelu_bias.detach(), stats.uniform(-0.01, 0.02).cdf).pvalue > 1e-4
    assert not layer.input_projection.bias.any()
    assert layer.input_projection.weight.abs().max().item() == pytest.approx((6 / 430) ** 0.5, rel=0.01)


def test_unknown_options():
    with pytest.raises(UserError, match=r"cell.map 'exp': choose from cayley, matrix_exp"):
        CELLS["orthogonal"](3, 5, map="exp")
    with pytest.raises(
        UserError, match=r"cell.nonlinearity 'sine': did you mean 'linear'\? choose from linear, modrelu, relu, tanh"
    ):
        CELLS["orthogonal"](3, 5, nonlinearity="sine")
