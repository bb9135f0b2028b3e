"""Each distribution against its definition, gate by gate."""

import math
from contextlib import suppress
from functools import cache
from pathlib import Path

import pytest
import torch
import yaml
from scipy import stats

from catalogue import CELL_ROWS
from rnnbench.config.network import InitConfig
from rnnbench.errors import UserError
from rnnbench.network.cells import CELLS
from rnnbench.network.initialization import initialize

HIDDEN = 64
CONF = Path(__file__).parents[2] / "conf" / "init"


def drawn(cell="lstm", hidden=HIDDEN, **changes):
    cell = CELLS[cell](32, hidden)
    initialize(cell, **({"input": "uniform", "recurrent": "uniform", "bias": "uniform"} | changes))
    return cell


def recurrent_blocks(cell):
    return cell.recurrent_projection.weight.detach().split(cell.hidden_size)


def test_uniform_is_that_of_torch():
    for parameter in drawn().parameters():
        bound = HIDDEN**-0.5
        assert parameter.abs().max() <= bound
        assert parameter.std().item() == pytest.approx(bound / 3**0.5, rel=0.1)


def test_default_leaves_what_the_constructor_drew():
    cell = CELLS["gru"](32, HIDDEN)
    before = [parameter.clone() for parameter in cell.parameters()]
    initialize(cell)
    for old, new in zip(before, cell.parameters(), strict=True):
        assert torch.equal(old, new)


@pytest.mark.parametrize("kind", ["input", "recurrent", "bias"])
def test_flat_and_gaussian_are_scaled(kind):
    flat = drawn(**{kind: "flat", f"{kind}_scale": 0.2})
    gaussian = drawn(**{kind: "gaussian", f"{kind}_scale": 0.3})
    name = {"input": "input_projection.weight", "recurrent": "recurrent_projection.weight"}.get(
        kind, "recurrent_projection.bias"
    )
    values = flat.get_parameter(name).detach().flatten()
    assert stats.kstest(values, stats.uniform(-0.2, 0.4).cdf).pvalue > 1e-4
    values = gaussian.get_parameter(name).detach().flatten()
    assert stats.kstest(values, stats.norm(scale=0.3).cdf).pvalue > 1e-4


def test_glorot_counts_each_gate_alone():
    cell = drawn(input="glorot", recurrent="glorot", bias="zero")
    assert cell.input_projection.weight.abs().max().item() == pytest.approx((6 / (32 + HIDDEN)) ** 0.5, rel=0.01)
    assert cell.recurrent_projection.weight.abs().max().item() == pytest.approx((6 / (2 * HIDDEN)) ** 0.5, rel=0.01)
    assert cell.input_projection.bias.abs().max() == 0


@pytest.mark.parametrize(("name", "variance"), [("glorot_normal", 2 / (32 + HIDDEN)), ("he", 2 / 32)])
def test_normal_distributions(name, variance):
    values = drawn(input=name).input_projection.weight.detach().flatten()
    assert stats.kstest(values, stats.norm(scale=variance**0.5).cdf).pvalue > 1e-4


@pytest.mark.parametrize("name", ["orthogonal", "henaff", "cayley"])
@pytest.mark.parametrize("hidden", [HIDDEN, 7])
@pytest.mark.parametrize("cell", ["elman", "lstm", "gru"])
def test_orthogonal_gate_by_gate(cell, hidden, name):
    for block in recurrent_blocks(drawn(cell, hidden, recurrent=name)):
        torch.testing.assert_close(block @ block.T, torch.eye(hidden), atol=1e-5, rtol=0)


@pytest.mark.parametrize(("name", "least", "most"), [("henaff", -math.pi, math.pi), ("cayley", 0, math.pi / 2)])
def test_rotations(name, least, most):
    """2 x 2 blocks whose angles are uniform; for cayley also (1 + A)^-1 (1 - A) of the skew-symmetric A."""
    hidden = 400
    (block,) = recurrent_blocks(drawn("elman", hidden, recurrent=name))
    first = torch.arange(0, hidden, 2)
    angles = torch.atan2(block[first + 1, first], block[first, first])
    assert stats.kstest(angles, stats.uniform(least, most - least).cdf).pvalue > 1e-4
    assert ((block != 0).sum(dim=1) <= 2).all()
    skew = torch.zeros(hidden, hidden)
    skew[first, first + 1] = torch.tan(angles / 2)
    skew = skew - skew.T
    identity = torch.eye(hidden)
    torch.testing.assert_close(torch.linalg.solve(identity + skew, identity - skew), block, atol=1e-3, rtol=0)


def test_identity_is_scaled():
    cell = drawn("elman", input="gaussian", input_scale=0.001, recurrent="identity", recurrent_scale=0.5)
    assert torch.equal(cell.recurrent_projection.weight, 0.5 * torch.eye(HIDDEN))
    assert cell.input_projection.weight.std().item() == pytest.approx(0.001, rel=0.1)


def test_sparse_has_15_weights_a_unit_and_the_spectral_radius():
    for block in recurrent_blocks(drawn("gru", recurrent="sparse", recurrent_scale=1.1)):
        assert ((block != 0).sum(dim=1) == 15).all()
        assert torch.linalg.eigvals(block).abs().max().item() == pytest.approx(1.1, rel=1e-4)


def test_a_gates_bias_is_the_pre_activation_at_zero():
    cell = drawn(gate_bias={"forget": 1.0})
    zero = cell.initial_state(1)
    drive = cell.project(torch.zeros(1, 1, 32))[0]
    torch.testing.assert_close(cell.retention(zero, drive), torch.full((1, HIDDEN), 0.7310586))
    assert cell.input_projection.bias[:HIDDEN].unique().numel() > 1  # the other gates keep theirs


def biases(cell, gate):
    """The pre-activation of a gate at zero input and zero state."""
    zero = cell.initial_state(1)
    both = cell.project(torch.zeros(1, 1, 32))[0] + cell.recurrent_projection(zero.h)
    return both.split(cell.hidden_size, dim=-1)[cell.gates.index(gate)][0].detach()


def test_chrono_follows_its_distribution():
    lstm, gru = (drawn(cell, 2000, memory="chrono", t_max=50) for cell in ("lstm", "gru"))
    forget = biases(lstm, "forget")
    assert stats.kstest(forget.exp(), stats.uniform(1, 48).cdf).pvalue > 1e-4
    torch.testing.assert_close(biases(lstm, "input"), -forget)
    assert stats.kstest((-biases(gru, "update")).exp(), stats.uniform(1, 48).cdf).pvalue > 1e-4
    assert biases(lstm, "output").abs().max() <= 2 * 2000**-0.5  # untouched


@pytest.mark.parametrize("row", [row for row in CELL_ROWS.values() if row.name != "slstm"], ids=lambda row: row.name)
def test_chrono_sets_what_every_cell_keeps(row):
    """r / (1 - r) from U(1, T - 1) for the share r of the memory; the sLSTM begins without a memory to keep."""
    others = {"lem": {"dt": 1.0}, "mlstm": {"heads": 500}}  # dt scales what it keeps; a gate a head
    cell = CELLS[row.name](3, 500, **row.options | others.get(row.name, {}))
    if not cell.memory_gates:
        with pytest.raises(UserError, match="has no gate that keeps its memory"):
            initialize(cell, memory="chrono", t_max=50)
        return
    initialize(cell, memory="chrono", t_max=50)
    kept = cell.retention(cell.initial_state(1), cell.project(torch.zeros(1, 1, 3))[0]).detach()
    constants = kept / (1 - kept)
    assert 0.9 < constants.min() < 2
    assert 48 < constants.max() < 49.1


def test_uniform_gates_begin_uniform():
    lstm, gru = (drawn(cell, 2000, memory="uniform_gate") for cell in ("lstm", "gru"))
    gate = torch.sigmoid(biases(lstm, "forget"))
    assert stats.kstest(gate, stats.uniform(1 / 2000, 1 - 1 / 1000).cdf).pvalue > 1e-4
    torch.testing.assert_close(biases(lstm, "input"), -biases(lstm, "forget"))
    assert stats.kstest(torch.sigmoid(-biases(gru, "update")), stats.uniform().cdf).pvalue > 1e-4


@cache
def configured():
    """The keys of each file of conf/init by its name."""
    texts = {path.stem: path.read_text(encoding="utf-8") for path in sorted(CONF.glob("*.yaml"))}
    return {name: yaml.safe_load(text.replace("${task.length}", "10")) for name, text in texts.items()}


@pytest.mark.parametrize("hidden", [1, 2, 3])
@pytest.mark.parametrize("row", CELL_ROWS.values(), ids=CELL_ROWS)
def test_tiny_cells_begin_with_finite_numbers_or_a_user_error(row, hidden):
    for name, keys in configured().items():
        with suppress(UserError):
            cell = row.make(hidden_size=hidden)
            initialize(cell, **InitConfig(**keys).options())
            assert all(parameter.isfinite().all() for parameter in cell.parameters()), name


def test_errors():
    with pytest.raises(UserError, match="init.memory=uniform_gate: needs a width of at least 2"):
        drawn(hidden=1, memory="uniform_gate")
    with pytest.raises(UserError, match="gate_bias.forget=1.0: the cell GRU has no gate 'forget', only reset, update"):
        drawn("gru", gate_bias={"forget": 1.0})
    with pytest.raises(UserError, match=r"init.recurrent 'orthogonl': did you mean 'orthogonal'"):
        drawn(recurrent="orthogonl")
    with pytest.raises(UserError, match=r"init.bias 'orthogonal'"):
        drawn(bias="orthogonal")
    with pytest.raises(UserError, match=r"init.input 'henaff'"):
        drawn(input="henaff")
    with pytest.raises(UserError, match="init.memory=chrono: the cell Elman has no gate that keeps its memory"):
        drawn("elman", memory="chrono", t_max=50)
    with pytest.raises(UserError, match="init.t_max=2: must be greater than 2"):
        drawn(memory="chrono", t_max=2)
