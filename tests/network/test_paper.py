"""init=paper: what each cell draws as its paper or its authors' code, and that nothing else moves."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import stats

from catalogue import CELL_ROWS
from rnnbench.builders.network import build_model
from rnnbench.errors import UserError
from rnnbench.network.cells import CELLS, Cell
from rnnbench.network.initialization import initialize
from rnnbench.network.model import per_target_loss
from rnnbench.training.data import to_torch
from rnnbench.training.optimizers import optimizer as optimizer_of

INPUT, HIDDEN = 37, 300


def drawn(name, last=True, t_max=50, hidden=HIDDEN, **options):
    """A cell after init=paper, and its parameters before."""
    cell = CELLS[name](INPUT, hidden, **options)
    before = {key: parameter.detach().clone() for key, parameter in cell.named_parameters()}
    initialize(cell, paper=True, t_max=t_max, last=last)
    return cell, before


def follows(values, distribution):
    return stats.kstest(values.detach().flatten().numpy(), distribution.cdf).pvalue > 1e-4


def uniform(least, most):
    return stats.uniform(least, most - least)


def unchanged(cell, before):
    return {key for key, parameter in cell.named_parameters() if torch.equal(parameter, before[key])}


def gate(cell, name):
    """The pre-activation [H] of a gate at zero input and zero state, in which every bias counts."""
    zero = cell.project(torch.zeros(1, 1, cell.input_size))[0] + cell.recurrent_projection(cell.initial_state(1).h)
    return zero[0].split(cell.hidden_size)[cell.gates.index(name)].detach()


@pytest.mark.parametrize("name", CELLS)
def test_every_cell_trains_as_in_its_paper(configure, name):
    """And with init=paper where it is drawn as usual there."""
    given = configure(f"cell={name}", *CELLS[name].paper.split(), "network.depth=2")
    for init in {str(init): init for init in (given.init, configure("init=paper").init)}.values():
        trains(replace(given, init=init))


def trains(config):
    model = build_model(config)
    optimizer = optimizer_of(config.optimizer)(model)
    before = model.stack.layers[0].cell.input_projection.weight.detach().clone()
    for step in range(2):
        batch = to_torch(config.task.batch("train", 0, step))
        loss = per_target_loss(config.task.loss, model(batch.inputs).prediction, batch.targets).mean()
        assert loss.isfinite()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert all(parameter.isfinite().all() for parameter in model.parameters())
    assert not torch.equal(model.stack.layers[0].cell.input_projection.weight, before)


@pytest.mark.parametrize("name", CELLS)
def test_a_cell_names_the_init_if_it_has_one(name):
    own = CELLS[name].draw_as_paper is not Cell.draw_as_paper
    assert ("init=paper" in CELLS[name].paper.split()) == own


@pytest.mark.parametrize("row", CELL_ROWS.values(), ids=CELL_ROWS)
def test_without_it_nothing_is_drawn(row):
    cell = row.make()
    before, state = [parameter.clone() for parameter in cell.parameters()], torch.get_rng_state()
    initialize(cell, paper=False, t_max=50, last=True)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(old, new) for old, new in zip(before, cell.parameters(), strict=True))


def test_modrelu():
    cell, before = drawn("modrelu")
    assert unchanged(cell, before) == {"recurrent_projection.weight", "modrelu_bias"}
    assert follows(cell.input_projection.weight, stats.norm(scale=math.sqrt(2 / (INPUT + HIDDEN))))
    assert follows(cell.input_projection.bias, uniform(-(INPUT**-0.5), INPUT**-0.5))


@pytest.mark.parametrize("hidden", [1, 2, 7, 128])
def test_slstm(hidden):
    cell, before = drawn("slstm", hidden=hidden)
    assert unchanged(cell, before) == {"input_projection.weight"}
    place = np.arange(hidden) / max(hidden - 1, 1)
    np.testing.assert_allclose(gate(cell, "forget"), -(-5 + 12 * place**0.3), rtol=1e-5, atol=1e-6)
    assert not any(gate(cell, name).any() for name in ("input", "candidate", "output"))
    assert not cell.recurrent_projection.weight.any()


def test_indrnn_has_long_memory_in_its_last_layer_alone(configure):
    config = configure(
        "cell=indrnn", "init=paper", "network.depth=3", "network.bidirectional=true", "network.hidden_size=500",
        "task.length=20",
    )  # fmt: skip
    *lower, last = build_model(config).stack.layer_directions()
    bound = 2 ** (1 / 20)
    for layer in lower:
        assert all(follows(way.cell.recurrent_weight, uniform(0, bound)) for way in layer)
    assert len(last) == 2
    assert all(follows(way.cell.recurrent_weight, uniform(1 / bound, bound)) for way in last)


def test_lstm_begins_with_an_open_forget_gate():
    cell, before = drawn("lstm")
    torch.testing.assert_close(gate(cell, "forget"), torch.ones(HIDDEN))
    assert unchanged(cell, before) == {"input_projection.weight", "recurrent_projection.weight"}
    for projection in ("input_projection.bias", "recurrent_projection.bias"):
        changed = cell.get_parameter(projection) != before[projection]
        assert not changed.split(HIDDEN)[cell.gates.index("input")].any()


def test_janet_remembers_for_the_length_of_its_task(configure):
    config = configure("cell=janet", "init=paper", "network.hidden_size=600", "task.length=40")
    cell = build_model(config).stack.layer_directions()[0][0].cell
    assert follows(gate(cell, "forget").exp(), uniform(1, 39))
    assert not gate(cell, "candidate").any()
    with pytest.raises(UserError, match="init.t_max=2.0: must be greater than 2 steps for cell=janet init=paper"):
        build_model(configure("cell=janet", "init=paper", "task.length=2"))
    with pytest.raises(UserError, match="init.t_max=None: must be greater than 2 steps for cell=janet init=paper"):
        build_model(configure("cell=janet", "init=paper", "init.t_max=null"))


@pytest.mark.parametrize("least", [0, 0.3, 0.999])
def test_lru_fills_its_ring_to_the_circle(least):
    cell, before = drawn("lru", hidden=4000, r_min=least)
    assert unchanged(cell, before) == {"theta", "input_projection.weight", "output_projection.weight"}
    squares = cell.decay().detach().abs().double().square()
    assert follows(squares, uniform(least**2, 1))
    np.testing.assert_allclose(cell.gamma.detach().exp().double().square(), 1 - squares, atol=1e-5)
    assert drawn("lru", normalise=False)[0].gamma is None


@pytest.mark.parametrize("name", ["lstm_peephole", "lstm_full_gate"])
def test_greffs_lstm(name):
    cell, before = drawn(name, hidden=50)
    assert unchanged(cell, before) == {key for key in before if key.startswith("peephole")}
    for projection in (cell.input_projection, cell.recurrent_projection):
        assert follows(projection.weight, stats.norm(scale=0.1))
    assert not cell.input_projection.bias.any()


@pytest.mark.parametrize("block_size", [1, 3])
def test_the_lstm_of_1997(block_size):
    cell, before = drawn("lstm_1997", block_size=block_size)
    assert not unchanged(cell, before)
    for parameter in cell.parameters():
        assert follows(parameter, uniform(-0.1, 0.1))
    assert torch.equal(*gate(cell, "output").view(-1, block_size).T[[0, -1]])


def test_cornn():
    cell, _ = drawn("cornn")
    bound = (INPUT + 2 * HIDDEN) ** -0.5
    assert all(follows(parameter, uniform(-bound, bound)) for parameter in cell.parameters())


def test_the_other_keys_of_init_come_after():
    cell = CELLS["lstm"](INPUT, HIDDEN)
    initialize(cell, "uniform", paper=True, gate_bias={"forget": 3.0})
    torch.testing.assert_close(gate(cell, "forget"), torch.full((HIDDEN,), 3.0))


def test_only_what_needs_the_length_of_the_task_depends_on_it(configure):
    assert configure("init=paper", "task.length=30").init.t_max == 30
    assert configure("init=default", "task.length=30").init.t_max is None
