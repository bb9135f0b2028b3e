import pytest
import torch
from gradient_networks import network, real_batch, token_batch

from rnnbench.gradients import Measurement, float64_copy, sharpness
from rnnbench.network.model import per_target_loss
from rnnbench.tasks import Batch


def dense(model, batch, loss):
    """The largest eigenvalue of the whole Hessian, differentiated row by row on the network itself."""
    parameters = list(model.parameters())
    output = model(batch.inputs, batch.lengths).prediction
    value = per_target_loss(loss, output, batch.targets)
    value = (value if batch.counted is None else value.flatten()[batch.counted]).mean()
    slope = torch.cat([g.flatten() for g in torch.autograd.grad(value, parameters, create_graph=True)])
    rows = [
        torch.cat(
            [h.flatten() for h in torch.autograd.grad(each, parameters, retain_graph=True, materialize_grads=True)]
        )
        for each in slope
    ]
    return float(torch.linalg.eigvalsh(torch.stack(rows))[-1])


@pytest.mark.parametrize("cell", ["elman", "gru", "lstm", "orthogonal"])
@pytest.mark.parametrize("direction", ["forward", "both"])
def test_it_is_that_of_the_dense_hessian(cell, direction):
    model = float64_copy(network(cell, direction=direction, engine="loop"))  # with plain weights
    batch = Batch(*real_batch(5, lengths=[5, 2, 3])[:2], lengths=torch.tensor([5, 2, 3]))
    assert sharpness(Measurement(model, batch, "mse")) == pytest.approx(dense(model, batch, "mse"), rel=1e-3)


def test_tokens_and_only_those_that_count():
    model = network("gru", inputs=4, outputs=4, tokens=True, every_step=True, engine="loop")
    plain = token_batch(6)
    batch = Batch(plain.inputs, plain.targets, counted=torch.tensor([3, 7, 8, 16]))
    found = sharpness(Measurement(model, batch, "cross_entropy"))
    assert found == pytest.approx(dense(model, batch, "cross_entropy"), rel=1e-3)
    assert found != pytest.approx(dense(model, batch._replace(counted=None), "cross_entropy"), rel=1e-2)


@pytest.mark.parametrize("cell", ["spiral", "matrix"])
def test_a_complex_parameter_is_two_real_ones(cell):
    model, batch = network(cell, hidden=2, outputs=1), Batch(*real_batch(3, outputs=1)[:2])
    found = sharpness(Measurement(model, batch, "mse"))
    named = dict(model.named_parameters())
    start = {k: v.detach().clone() for k, v in named.items()}
    flat = torch.cat([torch.view_as_real(v).flatten() if v.is_complex() else v.flatten() for v in start.values()])

    def value(numbers):
        given, place = {}, 0
        for name, old in start.items():
            size = old.numel() * (2 if old.is_complex() else 1)
            piece = numbers[place : place + size]
            place += size
            given[name] = (
                torch.view_as_complex(piece.reshape(*old.shape, 2)) if old.is_complex() else piece.view_as(old)
            )
        output = torch.func.functional_call(model, given, (batch.inputs,)).prediction
        return per_target_loss("mse", output, batch.targets).mean()

    hessian = torch.autograd.functional.hessian(value, flat)
    assert found == pytest.approx(float(torch.linalg.eigvalsh(hessian)[-1]), rel=1e-3)
