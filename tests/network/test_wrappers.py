"""Zoneout and recurrent dropout, against their equations with the masks that they drew."""

import pytest
import torch

from catalogue import reached
from own_cells import MatrixMemory
from rnnbench.errors import UserError
from rnnbench.network.cells import CELLS
from rnnbench.network.cells.recurrent_dropout import RecurrentDropout
from rnnbench.network.cells.zoneout import Zoneout
from rnnbench.network.engines import ENGINES
from rnnbench.network.layers import Recurrent
from rnnbench.network.states import map_state

pytestmark = pytest.mark.usefixtures("double")
LENGTHS = torch.tensor([9, 4, 1, 7])


@pytest.mark.parametrize("name", ["elman", "gru", "lstm", "lru"])
def test_no_zoneout_is_the_cell_itself(name):
    cell = CELLS[name](3, 5)
    inputs = torch.randn(9, 4, 3)
    plain, last = Recurrent(cell, "loop")(inputs, LENGTHS)
    wrapped, final = Recurrent(Zoneout(cell, 0.0, 0.0), "loop")(inputs, LENGTHS)
    torch.testing.assert_close(wrapped, plain, rtol=0, atol=0)
    torch.testing.assert_close(tuple(final), tuple(last), rtol=0, atol=0)


def test_zoneout_keeps_each_unit_with_its_rate():
    """Where a unit is zoned out it is exactly the old one, elsewhere exactly what the step gives."""
    cell = Zoneout(CELLS["lstm"](3, 200), rate=0.2, memory_rate=0.7)
    state = map_state(torch.randn_like, cell.initial_state(50))
    drive = cell.project(torch.randn(4, 50, 3))[2]
    after, free = cell.step(state, drive), cell.cell.step(state, cell.split(drive)[0])
    for part, old, new, rate in zip(after, state, free, (0.2, 0.7), strict=True):
        assert ((part == old) | (part == new)).all()
        assert (part == old).double().mean().item() == pytest.approx(rate, abs=0.02)


def test_zoneout_draws_anew_at_every_step_and_rests_in_evaluation():
    cell = Zoneout(CELLS["gru"](3, 100), rate=0.5, memory_rate=0.0)
    _, masks = cell.split(cell.project(torch.randn(6, 4, 3)))
    assert set(masks.unique().tolist()) == {0.0, 1.0}
    assert len({tuple(mask.flatten().tolist()) for mask in masks}) == 6
    cell.eval()
    _, masks = cell.split(cell.project(torch.randn(6, 4, 3)))
    assert (masks == 0.5).all()


def test_recurrent_dropout_drops_the_same_units_at_every_step():
    """With lengths too, where a layer runs piece by piece: it equals a loop with one mask a sequence."""
    cell = RecurrentDropout(CELLS["lstm"](3, 40), rate=0.3)
    inputs = torch.randn(9, 4, 3)
    outputs, final = Recurrent(cell)(inputs, LENGTHS)
    mask = cell.mask
    assert set(mask.unique().tolist()) == {0.0, 1 / 0.7}
    assert (mask == 0).double().mean().item() == pytest.approx(0.3, abs=0.1)
    state = cell.initial_state(4)
    for t, drive in enumerate(cell.cell.project(inputs)):
        state = cell.cell.step(state._replace(h=mask * state.h), drive)
        alive = t < LENGTHS
        torch.testing.assert_close(outputs[t][alive], state.h[alive])
        torch.testing.assert_close(final.c[t + 1 == LENGTHS], state.c[t + 1 == LENGTHS])
    Recurrent(cell)(inputs)
    assert not torch.equal(cell.mask, mask)


def test_no_recurrent_dropout_in_evaluation():
    """Nothing is drawn either: what is measured between two training steps must not change the second."""
    cell = RecurrentDropout(CELLS["elman"](3, 5), rate=0.9).eval()
    inputs, before = torch.randn(9, 4, 3), torch.get_rng_state()
    expected, _ = ENGINES["loop"](cell.cell, inputs, cell.initial_state(4))
    torch.testing.assert_close(Recurrent(cell, "loop")(inputs)[0], expected, rtol=0, atol=0)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("wrap", [lambda cell: Zoneout(cell, 0.4, 0.7), lambda cell: RecurrentDropout(cell, 0.4)])
def test_every_number_of_a_matrix_has_its_own_mask(wrap):
    """With as many sequences as keys and values, so that no axis can be taken for another unseen."""
    cell = MatrixMemory(3, 4)
    cell.carries_h = False  # its own business here
    cell = wrap(cell)
    cell.begin(4)
    inputs, state = torch.randn(1, 4, 3), reached(cell.cell, batch=4)
    drive = cell.project(inputs)[0]
    after, inner = cell.step(state, drive), cell.split(drive)[0]
    for b in range(4):
        alone = cell.step(map_state(lambda part, b=b: part[b : b + 1], state), drive[b : b + 1])
        torch.testing.assert_close(map_state(lambda part, b=b: part[b : b + 1], after), alone)
    if isinstance(cell, Zoneout):
        free = cell.cell.step(state, inner)
        for part, old, new in zip(after, state, free, strict=True):
            assert ((part == old) | (part == new)).all()
            assert 0 < (part == old).double().mean() < 1
    else:
        assert set(cell.mask.unique().tolist()) == {0.0, 1 / 0.6}
        assert cell.mask.shape == (4, 16)


def test_a_cell_that_carries_h_cannot_drop_it():
    with pytest.raises(UserError, match="network.recurrent_dropout=0.3: the cell GRU carries h itself"):
        RecurrentDropout(CELLS["gru"](3, 5), rate=0.3)


def test_a_wrapped_cell_is_still_what_it_was():
    cell = CELLS["lstm"](3, 5)
    wrapped = Zoneout(RecurrentDropout(cell, 0.5), 0.1, 0.1).eval()
    assert wrapped.gates == cell.gates == wrapped.recurrent_gates
    assert wrapped.recurrent_projection is cell.recurrent_projection
    wrapped.begin(2)
    inputs, state = torch.randn(1, 2, 3), map_state(torch.randn_like, cell.initial_state(2))
    torch.testing.assert_close(
        wrapped.retention(state, wrapped.project(inputs)[0]), cell.retention(state, cell.project(inputs)[0])
    )
    assert len(list(wrapped.parameters())) == 4
