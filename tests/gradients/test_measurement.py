import numpy as np
import pytest
import torch
from gradient_networks import (
    DIRECTIONS,
    EVERY,
    Batch,
    alone,
    linear,
    measured,
    network,
    real_batch,
    single,
    token_batch,
)

from rnnbench import tasks
from rnnbench.errors import UserError
from rnnbench.gradients import contributions, float64_copy, measurement, precise
from rnnbench.gradients import path as paths_of
from rnnbench.gradients.registry import DIAGNOSTICS
from rnnbench.gradients.survey import survey
from rnnbench.network.model import Model
from rnnbench.network.states import flatten, map_state


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("cell", EVERY)
def test_the_path_is_the_one_of_the_forward_pass(cell, direction):
    model, batch = precise(network(cell, depth=3, direction=direction), real_batch(7, lengths=[2, 6, 4]))
    paths = measured(model, batch).paths
    inputs = batch.inputs
    for layer, directions, row in zip(model.stack.layers, model.stack.layer_directions(), paths, strict=True):
        for one, path in zip(directions, row, strict=True):
            outputs, final = one(inputs, batch.lengths)
            assert list(map(id, path.cell.parameters())) == list(map(id, one.cell.parameters()))
            assert len(path.drives) == 6
            assert len(path.states.h) == 7
            torch.testing.assert_close(path.lengths, batch.lengths)
            for b, length in enumerate([2, 6, 4]):
                ends = map_state(lambda part, b=b, length=length: part[1 : length + 1, b], path.states)
                seen = path.cell.readout(ends, path.drives[:length, b])
                expected = outputs[:length, b].flip(0) if one.reverse else outputs[:length, b]
                torch.testing.assert_close(seen, expected)
            assert not flatten(path.at(0), 1).any()
            torch.testing.assert_close(path.at(6), final)
            assert path.valid.sum(dim=0).tolist() == [2, 6, 4]
        inputs = layer(inputs, batch.lengths)[0].detach()


@pytest.mark.parametrize("cell", EVERY)
def test_a_padded_batch_is_its_sequences_alone(cell):
    model, batch = network(cell, depth=2, direction="both"), real_batch(7, lengths=[3, 6, 1])
    together = measured(model, batch).paths
    for b, length in enumerate([3, 6, 1]):
        for row, expected in zip(together, measured(model, alone(batch, b)).paths, strict=True):
            for path, one in zip(row, expected, strict=True):
                mine = flatten(path.states, 2)[: length + 1, b : b + 1]
                torch.testing.assert_close(mine, flatten(one.states, 2), rtol=1e-12, atol=1e-15)
                torch.testing.assert_close(path.drives[:length, b : b + 1], one.drives, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize(("cell", "at_once"), [("matrix", 1), ("lstm", 1), ("spiral", 80), ("lstm", 80)])
def test_all_is_the_same_however_few_are_seen_at_once(cell, at_once, monkeypatch):
    model = network(cell, depth=2, direction="both")
    batch = tasks.Batch(*real_batch(7, lengths=[3, 6, 7]))
    diagnostics = [each for each in DIAGNOSTICS.values() if each.name != "sharpness"]  # of no path and no pass
    whole = survey(measured(model, batch), diagnostics)
    for module in (measurement, paths_of, contributions):
        name = "LARGEST" if module is contributions else "AT_ONCE"
        assert getattr(module, name) > 10_000
        monkeypatch.setattr(module, name, at_once)
    pieces = survey(measured(model, batch), diagnostics)
    assert pieces.arrays.keys() == whole.arrays.keys()
    for name, expected in whole.arrays.items():
        np.testing.assert_allclose(pieces.arrays[name].values, expected.values, rtol=1e-9, atol=1e-12, err_msg=name)
    assert pieces.scalars.keys() == whole.scalars.keys()
    for name, expected in whole.scalars.items():
        exact = expected is None or isinstance(expected, str)
        assert pieces.scalars[name] == (expected if exact else pytest.approx(expected, rel=1e-9, abs=1e-12)), name


def test_tokens_and_one_step():
    model, batch = network("gru", inputs=4, outputs=4, tokens=True, every_step=True), token_batch(1)
    path = measured(model, batch).paths[0][0]
    expected = model.stack.layers[0](model.encode(batch.inputs))[0]
    torch.testing.assert_close(path.states.h[1:], expected)


def test_dropout_is_off_and_the_mode_stays():
    model, batch = network("elman", depth=2, dropout=0.9).train(), real_batch()
    states = [measured(model, batch).paths[1][0].states.h for _ in range(2)]
    torch.testing.assert_close(*states, rtol=0, atol=0)
    assert model.training
    assert not states[0].requires_grad


def test_the_mean_over_sequences_counts_those_that_are_still_running():
    path = measured(network("elman"), real_batch(4, lengths=[1, 3, 2])).paths[0][0]
    values = torch.tensor([[1.0, 2.0, 3.0], [float("nan"), 4.0, 6.0], [7.0, 8.0, float("inf")]])
    assert path.sequence_mean(values).tolist() == [2, 5, 8]


def test_a_state_that_overflows_is_an_error():
    batch = real_batch(400, outputs=1)
    with pytest.raises(FloatingPointError, match="LinearRNN are not finite"):
        _ = measured(single(linear(10 * torch.eye(2)), batch), batch).paths


def test_the_float64_copy_leaves_the_model_alone():
    model = network("spiral", dtype=torch.float32)
    precise = float64_copy(model)
    assert isinstance(precise, Model)
    assert {p.dtype for p in model.parameters()} == {torch.float32, torch.complex64}
    assert {p.dtype for p in precise.parameters()} == {torch.float64, torch.complex128}
    assert flatten(measured(precise, real_batch(dtype=torch.float32)).paths[0][0].states).dtype == torch.float64


REAL, TOKENS = {"inputs": 2, "outputs": 3}, {"inputs": 4, "outputs": 4, "tokens": True, "every_step": True}


@pytest.mark.parametrize(
    ("options", "batch", "loss", "message"),
    [
        (REAL, Batch(torch.randn(5, 3), torch.randn(3, 3)), "mse", r"batch.inputs: \[5, 3\] of torch.float32 given"),
        (REAL, Batch(torch.randn(5, 3, 7), torch.randn(3, 3)), "mse", r"takes \[T, B, 2\], time before batch"),
        (REAL, Batch(torch.ones(5, 3).long(), torch.randn(3, 3)), "mse", "of torch.int64 given"),
        (REAL, Batch(torch.randn(3, 5, 2), torch.randn(3, 3)), "mse", r"\[3, 3\] given for .* needs \[5, 3\]"),
        (REAL, Batch(torch.randn(5, 3, 2), torch.ones(3).long()), "mse", "torch.int64 does not go with loss=mse"),
        (REAL, Batch(torch.randn(5, 3, 2), torch.randn(3, 3)), "cross_entropy", "does not go with loss=cross_entropy"),
        (REAL, Batch(torch.randn(5, 3, 2), torch.randn(3, 3)), "l1", "loss .l1.: choose from cross_entropy, mse"),
        (REAL, Batch(torch.randn(5, 3, 2), torch.randn(3, 3), torch.tensor([5, 6, 1])), "mse", "numbers from 1 to 5"),
        (TOKENS, Batch(torch.randn(5, 3, 4), torch.ones(5, 3).long()), "cross_entropy", "takes tokens .T, B., whole"),
        (TOKENS, Batch(torch.ones(5, 3).long(), torch.ones(3).long()), "cross_entropy", r"needs \[5, 3\]"),
        (TOKENS, Batch(torch.ones(5, 3).long(), torch.full((5, 3), 4)), "cross_entropy", "whole numbers from 0 to 3"),
    ],
)  # fmt: skip
def test_a_batch_that_does_not_fit_is_one_line(options, batch, loss, message):
    with pytest.raises(UserError, match=message) as caught:
        measured(network("gru", **options), batch, loss)
    assert "\n" not in str(caught.value)
