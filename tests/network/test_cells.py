"""Each cell against a transcription of its paper's equations; its gradients are a rule, in ``test_contract.py``."""

import numpy as np
import pytest
import torch

from catalogue import CELL_ROWS, reached
from equations.blocks import Blocks
from rnnbench.errors import UserError
from rnnbench.network.cells import CELLS
from rnnbench.network.engines import ENGINES

pytestmark = pytest.mark.usefixtures("double")


def randomized(row):
    """A cell without a parameter that begins as a constant, which would hide what it does."""
    cell = row.make()
    for parameter in cell.parameters():
        parameter.data += 0.3 * torch.randn_like(parameter)
    return cell


@pytest.mark.parametrize("row", CELL_ROWS.values(), ids=CELL_ROWS)
def test_equations(row):
    cell = randomized(row)
    inputs, state = torch.randn(7, 2, 3), reached(cell)
    outputs, final = ENGINES["loop"](cell, inputs, state, perturbation=None)
    blocks = Blocks(cell)
    for b in range(2):
        parts = [part[b].numpy() for part in state]
        for t in range(7):
            parts = row.equations(blocks, inputs[t, b].numpy(), *parts)
            expected = row.readout(blocks, inputs[t, b].numpy(), *parts) if row.readout else parts[0]
            np.testing.assert_allclose(outputs[t, b].detach(), expected, rtol=1e-12, atol=1e-14)
        for expected, part in zip(parts, final, strict=True):
            np.testing.assert_allclose(part[b].detach(), expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("row", CELL_ROWS.values(), ids=CELL_ROWS)
def test_initial_state_follows_the_parameters(row):
    cell = row.make().to(torch.float32).to("meta")
    for part in cell.initial_state(4):
        assert part.shape == (4, 5)
        assert part.dtype in (torch.float32, torch.complex64)
        assert part.device.type == "meta"


def memory(state):
    """What a retention speaks of: c, or c over its normaliser, or z, or h."""
    parts = state._asdict()
    return parts["c"] / parts["n"] if "n" in parts else parts.get("c", parts.get("z", state.h))


# The IndRNN's retention is that of an active unit, and may be above 1: tests/network/test_rectified.py.
GATED = {key: row for key, row in CELL_ROWS.items() if row.name != "indrnn"}


@pytest.mark.parametrize("row", GATED.values(), ids=GATED)
def test_retention_is_the_share_of_memory_that_a_step_keeps(row):
    """The derivative of the new memory with respect to the old one, for gates that do not see the memory change."""
    cell = randomized(row)
    state, drive = reached(cell), cell.project(torch.randn(1, 2, 3))[0]
    kept = cell.retention(state, drive)
    if kept is None:
        assert not cell.memory_gates
        return
    assert kept.shape == state.h.shape
    assert (kept >= 0).all()
    assert (kept <= 1).all()

    parts = state._asdict()
    name = next(name for name in ("c", "z", "h") if name in parts)
    # What the gates see of the memory goes into the drive, and its weights to zero.
    sums = dict(zip(cell.gates, drive.split(5, dim=-1), strict=True))
    if name == "h" and cell.recurrent_gates:
        for gate in cell.recurrent_gates:
            sums[gate] = sums[gate] + cell.recurrent(gate, state.h)
        for parameter in cell.recurrent_projection.parameters():
            parameter.data = torch.zeros_like(parameter)
    for name_of, peephole in cell.named_parameters():
        kind, _, gate = name_of.rpartition(".")
        if kind == "peephole":
            sums[gate] = sums[gate] + peephole * state.c
            peephole.data = torch.zeros_like(peephole)
    frozen = torch.cat(list(sums.values()), dim=-1).detach()

    parts[name] = parts[name].clone().requires_grad_()
    before, after = type(state)(**parts), cell.step(type(state)(**parts), frozen)
    (change,) = torch.autograd.grad(memory(after).sum().real, parts[name])
    (unit,) = torch.autograd.grad(memory(before).sum().real, parts[name])
    torch.testing.assert_close(kept, (change / unit).abs())


def test_unknown_nonlinearity():
    with pytest.raises(UserError, match=r"cell.nonlinearity 'cos': choose from relu, tanh"):
        CELLS["elman"](3, 5, nonlinearity="cos")
