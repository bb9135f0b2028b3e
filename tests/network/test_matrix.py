"""Cells whose memory is a matrix: the laws of their papers, and how they begin."""

import numpy as np
import pytest
import torch
from scipy import stats

from catalogue import CELL_ROWS, reached
from rnnbench.errors import UserError
from rnnbench.gradients import Measurement, gradient_profile
from rnnbench.network.cells import CELLS, LinearMatrixCell, MatrixCell
from rnnbench.network.cells.matrix import read
from rnnbench.network.initialization import initialize
from rnnbench.network.layers import Recurrent, Stack
from rnnbench.network.model import Model
from rnnbench.tasks import Batch

pytestmark = pytest.mark.usefixtures("double")

LINEAR = {key: row for key, row in CELL_ROWS.items() if issubclass(CELLS[row.name], MatrixCell) and row.name != "m2rnn"}


def driven(cell, **blocks):
    """A drive [2, G] of random numbers, but for the blocks that are given; its keys are no zeros after a SiLU."""
    parts = torch.rand(2, sum(cell.input_blocks.values())).split(list(cell.input_blocks.values()), dim=-1)
    named = dict(zip(cell.input_blocks, parts, strict=True))
    for gate, value in blocks.items():
        named[gate] = torch.full_like(named[gate], value)
    return torch.cat(list(named.values()), dim=-1)


def test_a_full_rate_overwrites_what_a_key_held():
    """beta = 1 and keys of norm 1: what the key reads after the step is the new value, whatever the memory was."""
    cell = CELLS["deltanet"](3, 12, heads=3)
    drive = driven(cell, rate=50.0) * 1e4  # beside which the 1e-6 in the norm is nothing
    found = cell.associations(drive)
    after = cell.step(reached(cell), drive)
    torch.testing.assert_close(read(after.S, found.key), found.value, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(("eigenvalues", "largest"), [("positive", 1.0), ("signed", 2.0)])
def test_the_eigenvalues_of_a_step_of_the_delta_rule(eigenvalues, largest):
    """1 across the key, K - 1 times, and 1 - beta along it."""
    cell = CELLS["deltanet"](3, 15, heads=3, eigenvalues=eigenvalues)
    drive = driven(cell) * 1e4
    beta = cell.associations(drive).rate[..., 0]
    assert ((beta >= 0) & (beta <= largest)).all()
    found = torch.linalg.eigvals(cell.transition(drive)).real.sort(dim=-1).values
    torch.testing.assert_close(found[..., 0], 1 - beta, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(found[..., 1:], torch.ones(2, 3, 4), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("micro_steps", [1, 2, 3])
def test_reflections_make_a_rotation_in_pairs(micro_steps):
    """beta = 2: each micro-step is a Householder reflection, of determinant -1, and their product is orthogonal."""
    cell = CELLS["deltaproduct"](3, 15, heads=3, micro_steps=micro_steps, gated=False)
    A = cell.transition(driven(cell, rate=50.0) * 1e4)
    torch.testing.assert_close(torch.linalg.det(A), torch.full((2, 3), (-1.0) ** micro_steps), rtol=1e-8, atol=1e-8)
    torch.testing.assert_close(A @ A.mT, torch.eye(5).expand(2, 3, 5, 5), rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("row", LINEAR.values(), ids=LINEAR)
def test_the_transition_is_what_a_step_does_to_a_change(row):
    cell = row.make()
    state, drive = reached(cell), cell.project(torch.randn(1, 2, 3))[0]
    name = state._fields[0]
    change = torch.randn_like(state[0])
    before, after = cell.step(state, drive), cell.step(state._replace(**{name: state[0] + change}), drive)
    scale = torch.exp(after.m - state.m)[..., None, None] if row.name == "mlstm" else 1  # it is kept divided by exp(m)
    torch.testing.assert_close((after[0] - before[0]) * scale, cell.transition(drive) @ change, rtol=1e-9, atol=1e-12)


def test_a_retention_is_its_parallel_form():
    """o_t = sum_s gamma^(t-s) (q_t . R^(t-s) k_s) v_s, R the rotation by the angles of the positions."""
    cell = CELLS["retnet"](3, 12, heads=2)
    inputs = torch.randn(9, 2, 3)
    q, k, v, log_decay, *_ = cell.associations(cell.project(inputs))
    gamma = log_decay[0, 0, :, 0].exp()
    np.testing.assert_allclose(gamma, [1 - 1 / 32, 1 - 1 / 64])
    pairs = torch.view_as_complex(k.unflatten(-1, (-1, 2)).contiguous())
    asking = torch.view_as_complex(q.unflatten(-1, (-1, 2)).contiguous())
    lag = torch.arange(9)[:, None] - torch.arange(9)
    turned = torch.polar(torch.ones(9, 9, 3), lag[..., None] * 10000.0 ** -torch.tensor([0, 0.5, 1]))
    scores = torch.einsum("tbnj,sbnj,tsj->tsbn", asking.conj(), pairs, turned).real
    weights = torch.where((lag >= 0)[..., None, None], gamma ** lag.clamp(min=0)[..., None, None] * scores, 0)
    expected = torch.einsum("tsbn,sbnv->tbnv", weights, v).flatten(2)
    outputs, _ = Recurrent(cell, "loop")(inputs)
    torch.testing.assert_close(outputs, expected, rtol=1e-10, atol=1e-12)


def test_the_mlstm_does_not_see_its_stabiliser():
    """C and n over exp(c), and c more in m, are the same memory."""
    cell = CELLS["mlstm"](3, 12, heads=3)
    state, inputs = reached(cell), torch.randn(5, 2, 3)
    c = 3 * torch.randn(2, 3)
    other = type(state)(state.C * torch.exp(-c)[..., None, None], state.n * torch.exp(-c)[..., None], state.m + c)
    layer = Recurrent(cell, "loop")
    torch.testing.assert_close(layer(inputs, state=state)[0], layer(inputs, state=other)[0], rtol=1e-11, atol=1e-13)


def test_the_mlstm_with_gates_beyond_any_number_is_finite():
    cell, inputs = CELLS["mlstm"](3, 12, heads=3).float(), 1e4 * torch.randn(9, 2, 3, dtype=torch.float32)
    for engine in ("loop", "chunkwise"):
        outputs, _ = Recurrent(cell, engine)(inputs)
        gradients = torch.autograd.grad(outputs.sum(), list(cell.parameters()))
        assert all(part.isfinite().all() for part in (outputs, *gradients))


def test_the_decay_of_rwkv7_stays_in_its_range_and_its_eigenvalue_can_be_negative():
    cell = CELLS["rwkv7"](3, 12, heads=3)
    w = cell.vectors(cell.project(1e3 * torch.randn(50, 2, 3))).w
    assert (w >= np.exp(-np.exp(-0.5))).all()
    assert (w <= 1).all()
    fastest = torch.cat([driven(cell, rate=50.0), torch.full((2, 12), 50.0)], dim=-1)  # a = 1, w at its least
    torch.testing.assert_close(
        torch.linalg.eigvals(cell.transition(fastest)).real.min(),
        torch.tensor(np.exp(-np.exp(-0.5)) - 1),
        rtol=1e-3,
        atol=0,
    )


def follows(values, distribution):
    return stats.kstest(values.detach().flatten().numpy(), distribution.cdf).pvalue > 1e-4


@pytest.mark.parametrize(("name", "least"), [("mamba2", 1), ("gated_deltanet", 0), ("deltaproduct", 0), ("m2rnn", 0)])
def test_the_decays_begin_as_those_of_mamba2(name, least):
    cell = CELLS[name](3, 2000, heads=1000)
    assert follows(cell.decay.log_rate.exp(), stats.uniform(least, 16 - least))
    assert follows(torch.nn.functional.softplus(cell.decay.step_bias), stats.loguniform(0.001, 0.1))


def test_the_mlstm_begins_as_in_its_code():
    cell = CELLS["mlstm"](3, 1200, heads=400)
    initialize(cell, paper=True)
    query, *_, i, f = cell.project(torch.zeros(1, 1, 3))[0, 0].split(list(cell.input_blocks.values()))
    np.testing.assert_allclose(f.detach(), np.linspace(3, 6, 400))
    assert follows(i, stats.norm(scale=0.1))
    assert follows(query, stats.uniform(-(1200**-0.5), 2 * 1200**-0.5))
    weights = dict(
        zip(cell.input_blocks, cell.input_projection.weight.split(list(cell.input_blocks.values())), strict=True)
    )
    assert not weights["input"].any()
    assert not weights["forget"].any()


def test_retention_begins_as_in_its_code():
    cell = CELLS["retnet"](50, 100)
    initialize(cell, paper=True)
    for block, rows in zip(cell.input_projection.weight.split([100, 100, 200]), (100, 100, 200), strict=True):
        bound = 2**-2.5 * (6 / (50 + rows)) ** 0.5
        assert follows(block, stats.uniform(-bound, 2 * bound))


def test_the_matrix_of_the_m2rnn_begins_as_the_identity():
    torch.testing.assert_close(CELLS["m2rnn"](3, 12, heads=3).mixing, torch.eye(4).expand(3, 4, 4))


@pytest.mark.parametrize(("name", "share"), [("linear_attention", 1.0), ("retnet", 1 - 2**-5)])
def test_the_gradient_at_the_start_has_its_closed_form(name, share):
    """One head: dL/dS_t is dL/dS_T times the decay of the steps between, for a loss at the last step."""
    layer = Recurrent(CELLS[name](3, 6, heads=1), "loop")
    model = Model(Stack([layer]), 3, 1, tokens=False, every_step=False)
    batch = Batch(torch.randn(30, 4, 3), torch.randn(4, 1), None)
    profile = gradient_profile(Measurement(model, batch, "mse"))["state"][0, 0]
    np.testing.assert_allclose(profile / profile[0], share ** np.arange(len(profile)), rtol=1e-9)


def test_heads_must_divide_the_width(configure):
    with pytest.raises(UserError, match="cell.heads=4: does not divide the width 10; give cell.key_size and"):
        CELLS["gla"](3, 10)
    with pytest.raises(UserError, match="network.hidden_size=10: must be a multiple of 4 for cell=gla"):
        configure("cell=gla", "network.hidden_size=10")
    with pytest.raises(UserError, match="network.heads=2: cell=lstm has no heads; leave it null, or use cell.heads"):
        configure("cell=lstm", "network.heads=2")
    config = configure("cell=gla", "network.heads=2", "network.hidden_size=10")
    assert config.cell.heads == 2
    assert config.run_id == configure("cell=gla", "cell.heads=2", "network.hidden_size=10").run_id


def test_every_linear_one_is_run_by_chunks():
    assert {row.name for row in LINEAR.values() if issubclass(CELLS[row.name], LinearMatrixCell)} == {
        "deltanet", "deltaproduct", "gated_deltanet", "gla", "hgrn2", "linear_attention", "mamba2", "mlstm", "retnet",
    }  # fmt: skip
