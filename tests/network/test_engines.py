"""Every engine returns what the loop returns: outputs, final state and all gradients."""

from functools import partial
from importlib import import_module

import pytest
import torch

from catalogue import CELL_ROWS, TWINS, reached
from own_cells import OWN_CELLS, Derived, Mirrored
from rnnbench.errors import UserError
from rnnbench.network import engines
from rnnbench.network.cells import CELLS, Elman, LinearCell, LinearMatrixCell
from rnnbench.network.engines import ENGINES, choose, fastest
from rnnbench.network.engines.associative import LOOP_FROM
from rnnbench.network.layers import Recurrent
from rnnbench.network.states import HState, LSTMState, map_state

pytestmark = pytest.mark.usefixtures("double")


LINEAR = {key: row for key, row in CELL_ROWS.items() if issubclass(CELLS[row.name], LinearCell)}
MATRIX = {key: row for key, row in CELL_ROWS.items() if issubclass(CELLS[row.name], LinearMatrixCell)}


def everything(engine, cell, inputs, state):
    """Outputs, final state, and the gradients of a random function of them with respect to all inputs."""
    random = torch.Generator().manual_seed(1)
    inputs, state = inputs.clone().requires_grad_(), map_state(lambda part: part.clone().requires_grad_(), state)
    outputs, final = ENGINES[engine](cell, inputs, state)
    parts = [outputs, *final]
    loss = sum((part * torch.randn(part.shape, dtype=torch.float64, generator=random)).sum().real for part in parts)
    wanted = [inputs, *state, *cell.parameters()]
    return [*parts, *torch.autograd.grad(loss, wanted, allow_unused=True, materialize_grads=True)]


def setting(row, steps, batch=2, hidden=5):
    cell = row.make(3, hidden)
    return cell, torch.randn(steps, batch, 3), reached(cell, batch)


@pytest.mark.parametrize("steps", [1, 2, 7, 63])
@pytest.mark.parametrize("row", TWINS.values(), ids=TWINS)
def test_fused_equals_loop(row, steps):
    case = setting(row, steps)
    for fused, loop in zip(everything("fused", *case), everything("loop", *case), strict=True):
        torch.testing.assert_close(fused, loop, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("steps", [1, 2, 7, 63, 256])
@pytest.mark.parametrize("row", LINEAR.values(), ids=LINEAR)
def test_associative_equals_loop(row, steps):
    case = setting(row, steps)
    for parallel, loop in zip(everything("associative", *case), everything("loop", *case), strict=True):
        torch.testing.assert_close(parallel, loop, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("row", LINEAR.values(), ids=LINEAR)
def test_associative_in_single_precision(row):
    """Against double precision, in which it equals the loop: 2048 steps cost less than 5e-4 of a tensor's largest."""
    cell, inputs, state = setting(row, 2048)
    exact = everything("associative", cell, inputs, state)
    cell, inputs = cell.float(), inputs.float()
    state = map_state(lambda part: part.to(torch.complex64 if part.is_complex() else torch.float32), state)
    for found, expected in zip(everything("associative", cell, inputs, state), exact, strict=True):
        assert (found - expected).abs().max() <= 5e-4 * expected.abs().max()


@pytest.mark.parametrize("steps", [1, 2, 7, 63, 100])
@pytest.mark.parametrize("row", MATRIX.values(), ids=MATRIX)
def test_chunkwise_equals_loop(row, steps):
    """From any state, gradients with respect to it and of the final one too; T is no multiple of a chunk."""
    case = setting(row, steps)
    for parallel, loop in zip(everything("chunkwise", *case), everything("loop", *case), strict=True):
        torch.testing.assert_close(parallel, loop, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", ["gla", "hgrn2"])
def test_chunkwise_equals_loop_where_rows_decay_fast(monkeypatch, name):
    """Exponentials of the decays of a chunk would overflow, so that they are taken by halves of it."""
    monkeypatch.setattr(import_module("rnnbench.network.engines.chunkwise"), "MILD", -1.0)
    case = setting(MATRIX[name], 63)
    for parallel, loop in zip(everything("chunkwise", *case), everything("loop", *case), strict=True):
        torch.testing.assert_close(parallel, loop, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("row", MATRIX.values(), ids=MATRIX)
def test_chunkwise_is_finite_where_a_memory_is_forgotten_at_once(row):
    """Large inputs shut gates: no exponent of a decay may overflow, in single precision least of all."""
    cell, inputs = row.make().float(), 1e3 * torch.randn(70, 2, 3, dtype=torch.float32)
    outputs = everything("chunkwise", cell, inputs, cell.initial_state(2))
    assert all(part.isfinite().all() for part in outputs)


MAKERS = {key: row.make for key, row in CELL_ROWS.items()} | {
    key: partial(own, input_size=3, hidden_size=5) for key, own in OWN_CELLS.items()
}


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_the_gradient_of_a_perturbation_is_that_of_the_state(make):
    """That of each part with the others held fixed: a part is a tensor of its own after the step, hence the clone."""
    cell = make()
    inputs, weights = torch.randn(9, 2, 3), torch.randn(9, 2, cell.output_size)
    state, states = cell.initial_state(2), []
    drives = cell.project(inputs)
    for drive in drives:
        state = map_state(torch.clone, cell.step(state, drive))
        for part in state:
            part.retain_grad()
        states.append(state)
    expected = torch.stack([cell.readout(*each) for each in zip(states, drives, strict=True)])
    (expected * weights).sum().backward()

    perturbation = map_state(lambda part: part.new_zeros(9, *part.shape).requires_grad_(), cell.initial_state(2))
    outputs, _ = ENGINES["loop"](cell, inputs, cell.initial_state(2), perturbation)
    assert torch.equal(outputs, expected)
    gradients = torch.autograd.grad((outputs * weights).sum(), list(perturbation), materialize_grads=True)
    for gradient, *parts in zip(gradients, *states, strict=True):
        kept = torch.stack([torch.zeros_like(part) if part.grad is None else part.grad for part in parts])
        torch.testing.assert_close(gradient, kept, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("make", [Derived, Mirrored])
def test_it_is_the_difference_that_a_change_of_one_part_makes(make):
    """A part changed after step t, the others as they were, by hand: for parts that a step computes from each other."""
    cell = make(3, 5)
    inputs, weights, delta = torch.randn(4, 2, 3), torch.randn(4, 2, 5), 1e-6

    def loss(t, name, change):
        state, total = cell.initial_state(2), 0.0
        for step, drive in enumerate(cell.project(inputs)):
            state = cell.step(state, drive)
            if step == t:
                state = state._replace(**{name: getattr(state, name) + change})
            total += (cell.readout(state, drive) * weights[step]).sum().item()
        return total

    zeros = LSTMState(*torch.zeros(2, 4, 2, 5, requires_grad=True))
    outputs, _ = ENGINES["loop"](cell, inputs, cell.initial_state(2), zeros)
    gradients = LSTMState(*torch.autograd.grad((outputs * weights).sum(), list(zeros), materialize_grads=True))
    for name in ("h", "c"):
        for t in range(4):
            change = torch.zeros(2, 5)
            change[1, 3] = delta
            expected = (loss(t, name, change) - loss(t, name, -change)) / (2 * delta)
            assert getattr(gradients, name)[t, 1, 3].item() == pytest.approx(expected, rel=1e-6, abs=1e-8)


@pytest.mark.parametrize("run", [ENGINES["loop"], lambda cell, *rest: Recurrent(cell)(rest[0], perturbation=rest[2])])
def test_a_perturbation_that_is_no_state_is_an_error(run):
    cell, inputs = CELLS["lstm"](3, 5), torch.randn(2, 4, 3)
    for given in (torch.zeros(2, 4, 5), HState(torch.zeros(2, 4, 5))):
        with pytest.raises(
            UserError, match=r"given, LSTM needs a LSTMState of tensors \[T, B, \*\], one for each of h, c"
        ):
            run(cell, inputs, cell.initial_state(4), given)


def test_a_perturbation_is_added_to_each_part():
    cell = CELLS["lstm"](3, 5)
    inputs, start = torch.randn(4, 2, 3), cell.initial_state(2)
    extra = type(start)(h=torch.randn(4, 2, 5), c=torch.randn(4, 2, 5))
    state = start
    for t, drive in enumerate(cell.project(inputs)):
        state = cell.step(state, drive)
        state = type(state)(h=state.h + extra.h[t], c=state.c + extra.c[t])
    _, final = ENGINES["loop"](cell, inputs, start, extra)
    assert torch.equal(final.h, state.h)
    assert torch.equal(final.c, state.c)


class Shifted(Elman):
    """A user's cell: no kernel knows its equations, although it is an Elman cell by inheritance."""

    def step(self, state, drive):
        return super().step(state, drive + 1)


def test_auto_is_exact():
    inputs = torch.randn(4, 2, 3)
    assert fastest(CELLS["gru"](3, 5), inputs) is ENGINES["compiled"]
    assert fastest(Shifted(3, 5), inputs) is ENGINES["compiled"]
    for cell in (CELLS["gru"](3, 5), Shifted(3, 5), CELLS["mingru"](3, 5)):
        found, _ = choose("auto", cell)(cell, inputs, cell.initial_state(2))
        expected, _ = fastest(cell, inputs)(cell, inputs, cell.initial_state(2))
        assert torch.equal(found, expected)


@pytest.mark.parametrize("name", ["lru", "s4d"])
def test_auto_runs_a_linear_cell_that_is_not_compiled_either_way(name):
    """By the numbers of its memory."""
    cell = CELLS[name](3, 5)
    most = (LOOP_FROM - 1) // cell.memory(cell.initial_state(1)).numel()
    for batch, engine in ((1, "associative"), (most, "associative"), (most + 1, "loop")):
        assert fastest(cell, torch.randn(4, batch, 3)) is ENGINES[engine]


def test_auto_keeps_no_more_matrices_than_fit(monkeypatch):
    """The compiled engine keeps the states of all steps, the chunks do not."""
    cell, inputs = CELLS["gla"](3, 8), torch.randn(10, 2, 3)
    state = cell.initial_state(2)
    kept = 10 * sum(part.numel() for part in state)
    monkeypatch.setattr(engines, "MEMORY", kept)
    assert fastest(cell, inputs, state) is ENGINES["compiled"]
    monkeypatch.setattr(engines, "MEMORY", kept - 1)
    assert fastest(cell, inputs, state) is ENGINES["chunkwise"]
    assert fastest(CELLS["rwkv7"](3, 8), inputs, state) is ENGINES["compiled"]


@pytest.mark.parametrize(("steps", "engine"), [(4, "fused"), (4000, "compiled")])
def test_auto_runs_an_lstm_either_way(steps, engine):
    assert fastest(CELLS["lstm"](3, 5), torch.randn(steps, 2, 3)) is ENGINES[engine]


def test_impossible_pairs_are_errors():
    cell = Shifted(3, 5)
    with pytest.raises(UserError, match="network.engine=fused cannot run the cell Shifted"):
        choose("fused", cell)
    with pytest.raises(UserError, match="cannot run the cell Shifted"):
        ENGINES["fused"](cell, torch.randn(2, 1, 3), cell.initial_state(1))
    with pytest.raises(
        UserError, match="network.engine=associative cannot run the cell Shifted: its step is not linear"
    ):
        choose("associative", cell)
    for engine, name in (("compiled", "elman"), ("fused", "elman"), ("associative", "mingru")):
        cell = CELLS[name](3, 5)
        with pytest.raises(UserError, match="cannot take a perturbation"):
            ENGINES[engine](cell, torch.randn(2, 1, 3), cell.initial_state(1), cell.initial_state(1))
    with pytest.raises(UserError, match="'lop': did you mean 'loop'"):
        choose("lop", cell)
