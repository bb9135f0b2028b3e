"""IRNN and IndRNN: where they begin, what bounds them, and how far their gradient reaches."""

import numpy as np
import pytest
import pytorch_lightning as lightning
import torch
import torchrecurrent
from scipy import stats

from rnnbench.builders.training import build_learner
from rnnbench.errors import UserError
from rnnbench.gradients import Measurement, float64_copy, time_constants
from rnnbench.network.cells import CELLS
from rnnbench.network.engines import ENGINES
from rnnbench.network.layers import Recurrent, Stack
from rnnbench.network.model import Model
from rnnbench.runner import build_trainer
from rnnbench.tasks import Batch
from rnnbench.training.data import Stream


def network(layer):
    return float64_copy(Model(Stack([Recurrent(layer)]), 3, 2, tokens=False, every_step=False))


def batch(steps, size=8):
    return Batch(torch.randn(steps, size, 3).double(), torch.randn(size, 2).double())


def active_throughout(model, given):
    """Which units of which sequences are positive at every step: [B, H]."""
    return (Measurement(model, given, "mse").paths[0][0].states.h[1:] > 0).all(dim=0)


def test_where_an_irnn_begins():
    cell = CELLS["irnn"](100, 64)
    assert torch.equal(cell.recurrent_projection.weight, torch.eye(64))
    assert stats.kstest(cell.input_projection.weight.detach().flatten(), stats.norm(scale=0.001).cdf).pvalue > 1e-4
    assert not cell.input_projection.bias.any()
    assert not cell.recurrent_projection.bias.any()


def test_law_6_the_gradient_of_an_active_irnn_unit_is_constant():
    model, given = network(CELLS["irnn"](3, 64)), batch(40)
    gradient = Measurement(model, given, "mse").gradients[0][0].h
    active = active_throughout(model, given)
    assert 20 < active.sum() < active.numel()
    assert torch.equal(gradient[:, active], gradient[-1, active].expand(40, -1))


def test_the_gradient_of_an_active_indrnn_unit_is_a_power_of_its_weight():
    model, given = network(CELLS["indrnn"](3, 64, length=12, long_memory=True)), batch(12)
    gradient = Measurement(model, given, "mse").gradients[0][0].h
    active = active_throughout(model, given)
    assert 20 < active.sum() < active.numel()
    weight = model.stack.layers[0].cell.recurrent_weight.detach().expand(8, -1)[active]
    lags = torch.arange(11, -1, -1)[:, None]
    torch.testing.assert_close(gradient[:, active], gradient[-1, active] * weight**lags, rtol=1e-12, atol=0)


@pytest.mark.parametrize(("long_memory", "least"), [(False, 0.0), (True, 0.5**0.1)])
def test_where_an_indrnn_begins(long_memory, least):
    cell = CELLS["indrnn"](50, 400, length=10, long_memory=long_memory)
    drawn = cell.recurrent_weight.detach()
    assert stats.kstest(drawn, stats.uniform(least, 2**0.1 - least).cdf).pvalue > 1e-4
    assert stats.kstest(cell.input_projection.weight.detach().flatten(), stats.norm(scale=0.001).cdf).pvalue > 1e-4
    assert not cell.input_projection.bias.any()


def test_the_bound_holds_after_every_optimizer_step(configure):
    config = configure("cell=indrnn", "task.length=10", "optimizer.lr=0.5", "probe=off")
    learner = build_learner(config)
    cell = learner.model.stack.layer_directions()[0][0].cell
    bound, optimized, constrained = 2**0.1, [], []

    class Watch(lightning.Callback):
        def on_train_batch_end(self, *_):  # before the learner's own
            optimized.append(float(cell.recurrent_weight.detach().abs().max()))

        def on_train_batch_start(self, *_):
            constrained.append(float(cell.recurrent_weight.detach().abs().max()))

    trainer = build_trainer(config, callbacks=[Watch()], loggers=[])
    trainer.fit(learner, *[Stream(config.task, split, config.seed, 20) for split in ("train", "validation")])
    constrained.append(float(cell.recurrent_weight.detach().abs().max()))
    assert len(optimized) == 20
    assert max(constrained) == pytest.approx(bound, rel=1e-6)  # reached, not passed
    assert max(optimized) > 1.2 * bound  # what the optimizer alone would leave


def test_negative_weights_are_bounded_too():
    cell = CELLS["indrnn"](3, 4, length=4)
    cell.recurrent_weight.data = torch.tensor([-3.0, -1.0, 0.5, 7.0])
    cell.constrain()
    torch.testing.assert_close(cell.recurrent_weight.detach(), torch.tensor([-(2**0.25), -1, 0.5, 2**0.25]))


def test_law_12_time_constants_of_an_indrnn():
    model = network(CELLS["indrnn"](3, 4, length=10))
    cell = model.stack.layers[0].cell
    cell.recurrent_weight.data = torch.tensor([0.5, -0.5, 0.99, 1.05]).double()
    found = time_constants(Measurement(model, batch(6), "mse"))[0][0]
    np.testing.assert_allclose(found.tau[:3], -1 / np.log([0.5, 0.5, np.float32(0.99)]), rtol=1e-12)
    assert found.tau[3] > 1e15  # a unit that grows does not forget
    assert found.share_open == 0.5


@pytest.mark.usefixtures("double")
@pytest.mark.parametrize("nonlinearity", ["relu", "tanh"])
def test_indrnn_against_torchrecurrent(nonlinearity):
    cell = CELLS["indrnn"](3, 5, length=10, nonlinearity=nonlinearity)
    twin = torchrecurrent.IndRNNCell(3, 5, nonlinearity=nonlinearity, dtype=torch.float64)
    with torch.no_grad():
        for parameter in twin.parameters():
            parameter.normal_()
        cell.input_projection.weight.copy_(twin.weight_ih)
        cell.input_projection.bias.copy_(twin.bias_ih + twin.bias_hh)
        cell.recurrent_weight.copy_(twin.vector_u)
    inputs, h = torch.randn(7, 2, 3), torch.zeros(2, 5)
    outputs, _ = ENGINES["loop"](cell, inputs, cell.initial_state(2))
    for t in range(7):
        h = twin(inputs[t], h)
        torch.testing.assert_close(outputs[t], h)


def test_a_length_is_needed(configure):
    assert configure("cell=indrnn", "task.length=17").cell.length == 17
    with pytest.raises(UserError, match=r"cell.length=null: the task has no fixed length; set cell.length=N"):
        configure("cell=indrnn", "cell.length=null")
    with pytest.raises(UserError, match=r"cell.length=0: must be at least 1"):
        configure("cell=indrnn", "cell.length=0")
