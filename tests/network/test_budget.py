"""Budgets: costs against closed forms, and the width that meets one."""

from dataclasses import replace

import pytest
import torch

from catalogue import CELL_ROWS
from rnnbench.builders import network
from rnnbench.builders.network import build_model, hidden_size, meta_model
from rnnbench.errors import UserError
from rnnbench.network.budget import solve
from rnnbench.network.costs import COSTS, flops, parameters, state
from rnnbench.runner import run

INPUTS, H, OUTPUTS = 2, 24, 1  # adding


@pytest.mark.parametrize(("cell", "gates", "parts"), [("elman", 1, 1), ("gru", 3, 1), ("lstm", 4, 2)])
@pytest.mark.parametrize("ways", [1, 2])
def test_costs_of_two_layers(configure, cell, gates, parts, ways):
    model = build_model(
        configure(f"cell={cell}", f"network.hidden_size={H}", "network.depth=2", f"network.bidirectional={ways == 2}")
    )
    inputs = (INPUTS, ways * H)
    assert parameters(model) == sum(ways * gates * H * (size + H + 2) for size in inputs) + OUTPUTS * (ways * H + 1)
    assert flops(model) == sum(ways * 2 * gates * H * (size + H) for size in inputs) + 2 * OUTPUTS * ways * H
    assert state(model) == 2 * ways * parts * H


def test_a_complex_state_counts_twice(configure):
    assert state(build_model(configure("cell=lru", f"network.hidden_size={H}"))) == 2 * H


NAMES = sorted({row.name for row in CELL_ROWS.values()})


@pytest.mark.parametrize(("name", "depth"), [*((name, 2) for name in NAMES), ("lstm", 1), ("unicornn", 1)])
def test_a_parameter_budget_is_met(configure, name, depth):
    """The next width up or down is no nearer, so within 1 % wherever a unit costs less than 2 %."""
    config = configure(f"cell={name}", "network.budget=parameters:20000", f"network.depth={depth}")
    width, step = hidden_size(config), config.cell.width_multiple

    below, cost, above = (
        parameters(build_model(replace(config, network=replace(config.network, budget=None, hidden_size=hidden))))
        for hidden in (width - step, width, width + step)
    )
    assert parameters(build_model(config)) == cost
    error = abs(cost - 20000)
    assert error <= min(abs(below - 20000), abs(above - 20000))
    if above - cost < 400:
        assert error <= 200


@pytest.mark.parametrize("kind", COSTS)
def test_every_kind_of_budget(configure, kind):
    config = configure("cell=gru", f"network.budget={kind}:5000", "network.bidirectional=true")
    assert COSTS[kind](build_model(config)) == pytest.approx(5000, rel=0.05)


def test_solve():
    for amount, nearest in ((100, 10), (110, 10), (111, 11), (1, 1)):
        assert solve(lambda width: width**2, amount, multiple=1, widest=1000) == nearest
    assert solve(lambda width: width, 10, multiple=4, widest=1000) in (8, 12)


def test_the_search_ends_at_the_widest():
    tried = []
    assert solve(lambda width: tried.append(width) or width, 10**30, multiple=3, widest=1000) < 2000
    assert 1000 <= max(tried) < 2000


@pytest.mark.parametrize("name", sorted(CELL_ROWS))
def test_shapes_alone_cost_what_the_network_costs(configure, name):
    """On the meta device: no numbers, hence no memory, and nothing is drawn."""
    row = CELL_ROWS[name]
    options = [f"+cell.{key}={value}" if value is None else f"cell.{key}={value}" for key, value in row.options.items()]
    kept = "network.zoneout_memory=0.1" if "heads" in row.options else "network.zoneout=0.1"
    config = configure(f"cell={row.name}", *options, "network.hidden_size=10", "network.depth=2", kept)
    model, before = build_model(config), torch.get_rng_state()
    shapes = meta_model(config, 10)
    assert {kind: cost(shapes) for kind, cost in COSTS.items()} == {kind: cost(model) for kind, cost in COSTS.items()}
    assert all(tensor.is_meta for tensor in (*shapes.parameters(), *shapes.buffers()))
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(
    ("budget", "nearest"),
    [
        ("parameters:10", r"network.hidden_size=1, which costs parameters:22$"),
        ("flops:20", r"network.hidden_size=1, which costs flops:26$"),
        ("state:1", r"network.hidden_size=1, which costs state:2$"),
        (f"parameters:{10**18}", r"network.hidden_size=1048576, which costs parameters:4398064336897$"),
        (f"state:{10**30}", r"network.hidden_size=1048576, which costs state:2097152$"),
    ],
)
def test_a_budget_that_no_width_meets_names_the_nearest(configure, budget, nearest):
    with pytest.raises(UserError, match=f"network.budget={budget}: no width comes within 25% of it; .*{nearest}"):
        build_model(configure("cell=lstm", f"network.budget={budget}"))


def test_a_budget_is_met_within_the_tolerance(configure):
    assert hidden_size(configure("cell=lstm", "network.budget=parameters:18")) == 1  # 22
    with pytest.raises(UserError, match=r"within 25%"):
        hidden_size(configure("cell=lstm", "network.budget=parameters:17"))


@pytest.mark.parametrize("size", [f"budget=parameters:{10**12}", "hidden_size=500000", "budget=state:1000000"])
def test_a_network_larger_than_the_memory_is_said_before_it_is_built(configure, size):
    with pytest.raises(
        UserError, match=rf"network.{size}: \d+ parameters and their gradients take 8\d* GB, this machine"
    ):
        build_model(configure("cell=lstm", f"network.{size}"))


def test_no_network_is_wider_than_a_matrix_can_be(configure):
    with pytest.raises(UserError, match=r"network.hidden_size=1000000000000: must be at most \d+"):
        build_model(configure(f"network.hidden_size={10**12}"))


def test_a_cell_of_another_package_is_measured_as_it_is_and_not_for_ever(configure, monkeypatch):
    external = ["cell=external", "cell._target_=torchrecurrent.SCRNCell"]  # it cannot be built from shapes alone
    before = torch.get_rng_state()
    assert parameters(meta_model(config := configure(*external, "network.budget=parameters:5000"), 7)) > 0
    assert parameters(build_model(config)) == pytest.approx(5000, rel=0.05)
    monkeypatch.setattr(network, "WIDEST_TRIED", 16)
    torch.set_rng_state(before)
    with pytest.raises(UserError, match=r"the nearest is network.hidden_size=16, which costs parameters:\d+$"):
        hidden_size(configure(*external, "network.budget=parameters:50000"))
    assert torch.equal(torch.get_rng_state(), before)


def test_the_budget_decides_the_width_alone(configure):
    first, second = (configure("network.budget=state:40", f"network.hidden_size={size}") for size in (8, 9))
    assert first.run_id == second.run_id


def test_the_record_says_what_a_budget_came_to(configure):
    record = run(configure("cell=gru", "network.budget=parameters:5000", "probe=off", "trainer.max_steps=1"))
    model = build_model(configure("cell=gru", f"network.hidden_size={record.hidden_size}"))
    assert {"flops": record.flops, "parameters": record.parameters, "state": record.state_size} == {
        kind: cost(model) for kind, cost in COSTS.items()
    }
    assert record.off_budget == pytest.approx(record.parameters / 5000 - 1)


def test_solving_draws_nothing(configure):
    config = configure("network.budget=parameters:5000")
    torch.manual_seed(0)
    solved = build_model(config)
    torch.manual_seed(0)
    given = build_model(configure(f"network.hidden_size={hidden_size(config)}"))
    for ours, theirs in zip(solved.parameters(), given.parameters(), strict=True):
        assert torch.equal(ours, theirs)


@pytest.mark.parametrize("budget", ["parameters", "parameters:", "parameters:-3", "parameters:0", "weight:5", "70000"])
def test_errors(configure, budget):
    with pytest.raises(UserError, match="network.budget"):
        configure(f"'network.budget=\"{budget}\"'")
