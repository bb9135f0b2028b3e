"""The network around the layers."""

import pytest
import torch

from rnnbench.network.cells import CELLS
from rnnbench.network.layers import Recurrent, Stack
from rnnbench.network.model import Model, last_loss, per_target_loss
from rnnbench.tasks import Batch

pytestmark = pytest.mark.usefixtures("double")


def make(tokens, every_step, inputs=4, outputs=3):
    return Model(Stack([Recurrent(CELLS["gru"](inputs, 5))]), inputs, outputs, tokens=tokens, every_step=every_step)


def test_tokens_enter_as_one_hot_vectors():
    model = make(tokens=True, every_step=True)
    tokens = torch.randint(4, (6, 2))
    expected, _ = model.stack(torch.eye(4)[tokens])
    torch.testing.assert_close(model(tokens).prediction, model.head(expected))


def test_losses():
    prediction, targets = torch.randn(6, 2, 3), torch.randint(3, (6, 2))
    log_probability = prediction.log_softmax(-1)
    for t in range(6):
        for b in range(2):
            expected = -log_probability[t, b, targets[t, b]]
            torch.testing.assert_close(per_target_loss("cross_entropy", prediction, targets)[t, b], expected)
    real = torch.randn(2, 3)
    torch.testing.assert_close(per_target_loss("mse", prediction[0], real), ((prediction[0] - real) ** 2).sum(-1) / 3)


def test_the_last_loss_is_that_of_each_sequence_alone():
    model = make(tokens=True, every_step=True)
    inputs, targets, lengths = torch.randint(4, (6, 3)), torch.randint(3, (6, 3)), torch.tensor([6, 2, 5])
    losses = last_loss(model, Batch(inputs, targets, lengths=lengths), "cross_entropy")
    for b, length in enumerate(lengths):
        logits = model(inputs[:length, b : b + 1]).prediction[-1]
        torch.testing.assert_close(losses[b], torch.nn.functional.cross_entropy(logits, targets[length - 1, b : b + 1]))


def test_generation_continues_the_prompt():
    model, prompt = make(tokens=True, every_step=True, outputs=4), torch.tensor([1, 3, 2])

    def write(temperature, seed=0):
        return model.generate(prompt, 8, temperature, torch.Generator().manual_seed(seed))

    cold = write(1e-9)
    assert torch.equal(cold[:3], prompt)
    for t in range(3, 11):  # without temperature each token is the likeliest after all before it
        assert cold[t] == model(cold[:t, None]).prediction[-1, 0].argmax()
    assert torch.equal(write(1.0), write(1.0))
    assert not torch.equal(write(1.0), write(1.0, seed=1))
