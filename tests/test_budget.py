"""Budgets: costs against closed forms, and the width that meets one."""

import pytest
import torch

from catalogue import CELL_ROWS
from rnnbench.budget import solve
from rnnbench.build import build_model, hidden_size
from rnnbench.costs import COSTS, flops, parameters, state
from rnnbench.errors import UserError
from rnnbench.run import run

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


@pytest.mark.parametrize("depth", [1, 2])
@pytest.mark.parametrize("name", NAMES)
def test_a_parameter_budget_is_met(configure, name, depth):
    """The next width up or down is no nearer, so within 1 % wherever a unit costs less than 2 %."""
    config = configure(f"cell={name}", "network.budget=parameters:20000", f"network.depth={depth}")
    width, step = hidden_size(config), config.cell.width_multiple

    def cost(hidden):
        return parameters(
            build_model(configure(f"cell={name}", f"network.hidden_size={hidden}", f"network.depth={depth}"))
        )

    assert parameters(build_model(config)) == cost(width)
    error = abs(cost(width) - 20000)
    assert error <= min(abs(cost(width - step) - 20000), abs(cost(width + step) - 20000))
    if cost(width + step) - cost(width) < 400:
        assert error <= 200


@pytest.mark.parametrize("kind", COSTS)
def test_every_kind_of_budget(configure, kind):
    config = configure("cell=gru", f"network.budget={kind}:5000", "network.bidirectional=true")
    assert COSTS[kind](build_model(config)) == pytest.approx(5000, rel=0.05)


def test_solve():
    assert solve(lambda width: width**2, 100) == 10
    assert solve(lambda width: width**2, 110) == 10
    assert solve(lambda width: width**2, 111) == 11
    assert solve(lambda width: width**2, 1) == 1
    assert solve(lambda width: width, 10, multiple=4) in (8, 12)


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
