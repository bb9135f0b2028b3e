"""``import rnnbench``: what other code may use."""

import doctest
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import numpy as np
import pytest
import torch
from torch import nn

import rnnbench
from rnnbench.api.modules import from_torch
from rnnbench.network.model import per_target_loss
from rnnbench.training.data import held_out_stream

ROOT = Path(__file__).parents[2]
MODULES = {
    "rnn": lambda **given: nn.RNN(3, 5, **given),
    "relu": lambda **given: nn.RNN(3, 5, nonlinearity="relu", **given),
    "lstm": lambda **given: nn.LSTM(3, 5, **given),
    "gru": lambda **given: nn.GRU(3, 5, **given),
}


def test_every_name_is_there_and_explained():
    assert dir(rnnbench) == sorted(rnnbench.__all__)
    for name in rnnbench.__all__:
        assert getattr(rnnbench, name) is not None
        assert name.startswith("_") or name.isupper() or getattr(rnnbench, name).__doc__, name
    with pytest.raises(AttributeError, match="has no attribute 'Cel'"):
        _ = rnnbench.Cel


def test_submodules_take_no_public_name():
    """Python sets a submodule as an attribute of its package when it is imported."""
    assert not {each.name for each in iter_modules(rnnbench.__path__)} & set(rnnbench.__all__)


@pytest.mark.parametrize("module", ["measure", "runs"])
def test_the_examples(module, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tested = import_module(f"rnnbench.api.{module}")
    ended = doctest.testmod(tested, extraglobs={"torch": torch}, optionflags=doctest.ELLIPSIS)
    assert ended.attempted > 3
    assert ended.failed == 0


@pytest.mark.usefixtures("double")
@pytest.mark.parametrize("given", [{}, {"num_layers": 2, "bidirectional": True}, {"bias": False, "num_layers": 3}])
@pytest.mark.parametrize("name", MODULES)
def test_a_module_of_torch_computes_the_same_here(name, given):
    module, inputs, head = (
        MODULES[name](**given),
        torch.randn(7, 4, 3),
        nn.Linear(5 * (1 + ("bidirectional" in given)), 2),
    )
    outputs = module(inputs)[0]
    last = torch.cat([outputs[-1, :, :5], outputs[0, :, 5:]], dim=-1)
    torch.testing.assert_close(from_torch(module, head)(inputs).prediction, head(last))
    torch.testing.assert_close(from_torch(module)(inputs).prediction, last)


@pytest.mark.usefixtures("double")
@pytest.mark.parametrize("batch_first", [False, True])
def test_the_profile_of_a_gru_is_that_of_its_cells(batch_first):
    module, head = nn.GRU(3, 5, batch_first=batch_first), nn.Linear(5, 4)
    inputs, targets, lengths = torch.randn(6, 3, 3), torch.tensor([1, 0, 3]), torch.tensor([6, 4, 5])
    cell = nn.GRUCell(3, 5)
    cell.load_state_dict({name.removesuffix("_l0"): value for name, value in module.state_dict().items()})
    norms = np.full((6, 3), np.nan)
    for b, length in enumerate(lengths):
        states = [torch.zeros(5)]
        for t in range(length):
            states.append(cell(inputs[t, b], states[-1]))
        loss = nn.functional.cross_entropy(head(states[-1]), targets[b])
        gradients = torch.autograd.grad(loss, states[:0:-1])
        norms[:length, b] = [gradient.norm() for gradient in gradients]
    given = inputs.transpose(0, 1) if batch_first else inputs
    found = rnnbench.profile(module, given, targets, lengths=lengths, head=head)
    np.testing.assert_allclose(found["state"], np.nanmean(norms, axis=1))
    assert found["lag"].tolist() == list(range(6))
    assert set(found["direction"]) == {"forward"}
    assert rnnbench.diagnose(module, given, targets, lengths=lengths, head=head).arrays["state"].values.ravel() == (
        pytest.approx(found["state"])
    )


@pytest.mark.parametrize(
    ("network", "head", "message"),
    [
        (nn.Linear(3, 3), None, "Linear: give a torch.nn.RNN, LSTM or GRU, or a network of rnnbench"),
        (nn.LSTM(3, 5, proj_size=2), None, "LSTM.proj_size=2.: projections are not supported; use proj_size=0"),
        (nn.GRU(3, 5), nn.Linear(4, 2), "head=Linear.*: must be a torch.nn.Linear of 5 features"),
        (nn.GRU(2, 5), None, r"batch.inputs: \[6, 2, 3\] given, this network takes \[T, B, 2\]"),
    ],
)
def test_what_does_not_fit_is_said_in_a_line(network, head, message):
    with pytest.raises(rnnbench.UserError, match=message):
        rnnbench.profile(network, torch.randn(6, 2, 3), torch.randn(2, 5), head=head)


def test_a_run_comes_back_with_the_network_that_was_tested(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    record = rnnbench.run("cell=lstm", "network.hidden_size=4", "task.length=8", "trainer.max_steps=6", "probe=off",
                          "task.validation_sequences=32", "task.test_sequences=32", "tracking=disabled")  # fmt: skip
    before = torch.get_rng_state()
    network, config, again = rnnbench.load(tmp_path / "runs" / "scratch" / record.run_id)
    assert torch.equal(torch.get_rng_state(), before)
    assert (config.run_id, again.run_id) == (record.run_id, record.run_id)
    assert not network.training
    batches = held_out_stream(config.task, "test")
    losses = [per_target_loss("mse", network(batch.inputs).prediction, batch.targets) for batch in batches]
    assert torch.cat(losses).mean().item() == pytest.approx(record.final["test/loss"], rel=1e-5)
    with pytest.raises(rnnbench.UserError, match="holds no finished run"):
        rnnbench.load(tmp_path)
    (tmp_path / "runs" / "scratch" / record.run_id / "last.ckpt").unlink()
    with pytest.raises(rnnbench.UserError, match="last.ckpt: is gone; force=true runs it again"):
        rnnbench.load(tmp_path / "runs" / "scratch" / record.run_id)


def test_published_results_are_frames():
    found = rnnbench.results("demo", ROOT / "results")
    assert set(found.profiles["run_id"]) <= set(found.rows["run_id"])
    assert len(found.curves) > len(found.rows)
    with pytest.raises(rnnbench.UserError, match="holds no result"):
        rnnbench.results("nothing", ROOT / "results")
