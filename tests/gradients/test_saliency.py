import numpy as np
import pytest
import torch
from gradient_networks import (
    DIRECTIONS,
    MAKERS,
    alone,
    linear,
    measured,
    network,
    orthogonal,
    real_batch,
    single,
    token_batch,
)

from rnnbench.gradients import saliency
from rnnbench.network.model import Model, last_loss


def differences(model, batch, loss):
    """||dL/dx_t|| [T, B] by central differences on the encoded inputs."""
    encoded = model.encode(batch.inputs)
    reader = Model(model.stack, model.input_size, len(model.head.bias), tokens=False, every_step=model.every_step)
    reader.head = model.head
    gradient, delta = torch.zeros_like(encoded), 1e-5
    for t in range(encoded.shape[0]):
        for i in range(encoded.shape[2]):
            change = torch.zeros_like(encoded)
            change[t, :, i] = delta
            up, down = (last_loss(reader, batch._replace(inputs=encoded + c), loss) for c in (change, -change))
            gradient[t, :, i] = ((up - down) / (2 * delta)).detach()
    return gradient.norm(dim=-1).numpy()


@pytest.mark.parametrize("steps", [1, 4])
@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("cell", MAKERS)
def test_real_inputs_agree_with_finite_differences(cell, direction, steps):
    model, batch = network(cell, depth=2, direction=direction), real_batch(steps)
    result = saliency(measured(model, batch, "mse"))
    expected = differences(model, batch, "mse")
    np.testing.assert_allclose(result.norms, expected, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(result.by_step, expected.mean(axis=1), rtol=1e-6, atol=1e-9)


def test_tokens_are_differentiated_as_one_hot_vectors():
    model = network("lstm", inputs=4, outputs=4, depth=2, direction="both", tokens=True, every_step=True).train()
    batch = token_batch()
    result = saliency(measured(model, batch, "cross_entropy"))
    np.testing.assert_allclose(result.norms, differences(model, batch, "cross_entropy"), rtol=1e-6, atol=1e-9)
    assert model.tokens
    assert model.training


def test_the_linear_network_has_its_closed_form():
    """dL/dx_t = 2 (y - target) 1^T W^(T-t) W_x."""
    batch = real_batch(6, outputs=1)
    model = single(cell := linear(0.9 * orthogonal(3)), batch)
    error = 2 * (model(batch.inputs).prediction - batch.targets).detach().abs()[:, 0]
    row, expected = torch.ones(3, dtype=torch.float64), []
    for _ in range(6):
        expected.insert(0, (error * (row @ cell.input_projection.weight).norm()).detach().numpy())
        row = row @ cell.recurrent_projection.weight
    np.testing.assert_allclose(saliency(measured(model, batch, "mse")).norms, expected, rtol=1e-12)


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_a_padded_batch_is_its_sequences_alone(direction):
    model, batch = network("gru", depth=2, direction=direction), real_batch(7, lengths=[3, 6, 1])
    result = saliency(measured(model, batch, "mse"))
    for b, length in enumerate([3, 6, 1]):
        expected = saliency(measured(model, alone(batch, b), "mse")).norms[:, 0]
        np.testing.assert_allclose(result.norms[:length, b], expected, rtol=1e-10)
        assert not result.norms[length:, b].any()
    counts = [3, 2, 2, 1, 1, 1, 1]
    np.testing.assert_allclose(result.by_step, result.norms.sum(axis=1) / counts, rtol=1e-12)


def test_the_share_on_flat_positions_and_on_a_mask():
    result = saliency(measured(network("elman"), real_batch(4, size=3), "mse"))
    expected = (result.norms[1, 2] + result.norms[3, 0]) / result.norms.sum()
    mask = np.zeros((4, 3), dtype=bool)
    mask[1, 2] = mask[3, 0] = True
    for positions in ([5, 9], np.array([5, 9]), torch.tensor([5, 9]), mask, torch.tensor(mask)):
        assert result.share(positions) == pytest.approx(expected, rel=1e-12)
    assert result.share(np.arange(12)) == pytest.approx(1)
    assert result.share(np.zeros((4, 3), dtype=bool)) == 0


def test_without_any_gradient_there_is_no_share():
    model = network("elman")
    model.head.weight.data.zero_()
    result = saliency(measured(model, real_batch(), "mse"))
    assert not result.norms.any()
    assert result.share([0]) is None
