"""Each cell against a transcription of its paper's equations; its gradients are a rule, in ``test_contract.py``."""

import numpy as np
import pytest
import torch

from catalogue import CELL_ROWS, reached
from equations.blocks import Blocks
from rnnbench.errors import UserError
from rnnbench.gradients import step_jacobian
from rnnbench.network.cells import CELLS, MatrixCell
from rnnbench.network.engines import ENGINES
from rnnbench.network.states import flatten, map_state

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
    cell = row.make().to(torch.float32)
    shapes = [part.shape for part in cell.initial_state(4)]
    for part, shape in zip(cell.to("meta").initial_state(4), shapes, strict=True):
        assert part.shape == shape
        assert len(part) == 4
        assert part.dtype in (torch.float32, torch.complex64)
        assert part.device.type == "meta"


def memory(state):
    """What a retention speaks of: c, or c over its normaliser, or z, or h."""
    parts = state._asdict()
    return parts["c"] / parts["n"] if "n" in parts else parts.get("c", parts.get("z", state.h))


# The IndRNN's retention is that of an active unit, and may be above 1: tests/network/test_rectified.py.
MATRIX = {key: row for key, row in CELL_ROWS.items() if issubclass(CELLS[row.name], MatrixCell)}
GATED = {key: row for key, row in CELL_ROWS.items() if row.name != "indrnn" and key not in MATRIX}


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
    added = {}
    if name == "h" and cell.recurrent_gates:
        added = {gate: cell.recurrent(gate, state.h) for gate in cell.recurrent_gates}
        for parameter in cell.recurrent_projection.parameters():
            parameter.data = torch.zeros_like(parameter)
    for key, vectors in cell.named_parameters():
        kind, _, gate = key.partition(".")
        if kind in ("diagonal", "peephole"):
            for to, vector in [(gate, vectors)] if gate else zip(cell.gates, vectors, strict=False):
                added[to] = added.get(to, 0) + vector * (state.h if kind == "diagonal" else state.c)
            vectors.data = torch.zeros_like(vectors)
    if added:
        sums = drive.split(5, dim=-1)
        drive = torch.cat([each + added.get(gate, 0) for gate, each in zip(cell.gates, sums, strict=True)], dim=-1)

    parts[name] = parts[name].clone().requires_grad_()
    before, after = type(state)(**parts), cell.step(type(state)(**parts), drive.detach())
    (change,) = torch.autograd.grad(memory(after).sum().real, parts[name])
    (unit,) = torch.autograd.grad(memory(before).sum().real, parts[name])
    torch.testing.assert_close(kept, (change / unit).abs())


@pytest.mark.parametrize("row", MATRIX.values(), ids=MATRIX)
def test_the_retention_of_a_matrix_is_what_it_keeps_of_other_keys(row):
    """A step takes from the memory of a direction across its keys what the retention says, turned or not."""
    cell = randomized(row)
    if row.name == "m2rnn":  # what its matrix carries over is no share
        cell.mixing.data.zero_()
    state, drive = reached(cell), cell.project(torch.randn(1, 2, 3))[0]
    kept = cell.retention(state, drive)
    if kept is None:
        assert not cell.gates[4:]
        return
    assert ((kept > 0) & (kept < 1)).all()
    kept = kept.unflatten(1, (cell.heads, -1)).expand(-1, -1, cell.key_size)
    if row.name == "rwkv7":
        keys = cell.vectors(drive).kappa[:, None]
    else:
        keys = cell.associations(drive).key.unflatten(0, (2, -1)) if row.name != "m2rnn" else kept[:, None] * 0
    keys = keys.reshape(2, -1, cell.heads, cell.key_size)
    across = torch.linalg.qr(torch.cat([keys.movedim(1, -1), torch.randn(2, cell.heads, cell.key_size, 1)], -1))[0]
    added = across[..., -1][..., None] * torch.randn(cell.value_size)
    changed = state._replace(**{state._fields[0]: state[0] + added})
    before, after = cell.step(state, drive), cell.step(changed, drive)
    scale = torch.exp(after.m - state.m)[..., None, None] if row.name == "mlstm" else 1
    torch.testing.assert_close(
        ((after[0] - before[0]) * scale).norm(dim=-2), (kept[..., None] * added).norm(dim=-2), rtol=1e-9, atol=1e-12
    )


KINDS = {key: row for key, row in CELL_ROWS.items() if row.make().spectrum != "any"}


@pytest.mark.parametrize("row", KINDS.values(), ids=KINDS)
def test_the_eigenvalues_of_a_step_are_of_the_kind_that_the_cell_names(row):
    cell = randomized(row)
    if row.name == "indrnn":  # its weights begin above zero
        cell.recurrent_weight.data[:2] *= -1
    inputs = 30 * torch.randn(1, 9, 3)  # which open what gates there are
    found = torch.linalg.eigvals(step_jacobian(cell, reached(cell, 9), cell.project(inputs)[0]))
    real, imaginary = found.real, found.imag
    if cell.spectrum == "complex":
        assert (imaginary.abs() > 1e-6).any() or not cell.linear
    else:
        assert (imaginary.abs() < 1e-7).all()
        assert cell.spectrum == "signed" or (real > -1e-9).all()
        assert cell.spectrum == "positive" or (real < -1e-9).any() or not cell.linear


@pytest.mark.parametrize("row", CELL_ROWS.values(), ids=CELL_ROWS)
def test_a_cell_that_is_said_to_be_linear_is(row):
    """A step of the mean of two states is the mean of two steps: an affine map."""
    cell = randomized(row)
    drive = cell.project(torch.randn(1, 2, 3))[0]
    one, other = reached(cell), reached(cell)
    if row.name == "indrnn":  # whose units are linear while they are active
        other = map_state(torch.neg, other)
    if row.name == "mlstm":  # linear but for how it is kept
        one, other = one._replace(m=other.m), other
    mean = map_state(lambda a, b: (a + b) / 2, one, other)
    found = [flatten(cell.step(state, drive), 1) for state in (one, other, mean)]
    assert torch.allclose((found[0] + found[1]) / 2, found[2], rtol=1e-9, atol=1e-12) == cell.linear


def test_unknown_nonlinearity():
    with pytest.raises(UserError, match=r"cell.nonlinearity 'cos': choose from relu, tanh"):
        CELLS["elman"](3, 5, nonlinearity="cos")
