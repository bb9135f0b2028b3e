"""Greff et al.'s LSTM: what an ablation removes, and its relatives."""

import pytest
import torch
import torchrecurrent

from rnnbench.errors import UserError
from rnnbench.network.cells import CELLS
from rnnbench.network.engines import ENGINES
from rnnbench.network.initialization import initialize

pytestmark = pytest.mark.usefixtures("double")


def loop(cell, inputs):
    return ENGINES["loop"](cell, inputs, cell.initial_state(inputs.shape[1]))[0]


def test_without_peepholes_it_is_the_lstm():
    lstm, cell = CELLS["lstm"](3, 5), CELLS["lstm_peephole"](3, 5, ablation="no_peepholes")
    for name in ("input_projection", "recurrent_projection"):
        getattr(cell, name).weight.data = getattr(lstm, name).weight.data
    cell.input_projection.bias.data = lstm.input_projection.bias.data + lstm.recurrent_projection.bias.data
    inputs = torch.randn(9, 2, 3)
    torch.testing.assert_close(loop(cell, inputs), loop(lstm, inputs), rtol=1e-12, atol=1e-14)


def test_against_torchrecurrent():
    cell, theirs = CELLS["lstm_peephole"](3, 5), torchrecurrent.PeepholeLSTMCell(3, 5)
    for parameter in theirs.parameters():
        torch.nn.init.normal_(parameter)
    cell.input_projection.weight.data = theirs.weight_ih.data
    cell.input_projection.bias.data = theirs.bias_ih.data + theirs.bias_hh.data
    cell.recurrent_projection.weight.data = theirs.weight_hh.data
    for gate, peephole in zip(("input", "forget", "output"), theirs.weight_ph.data.chunk(3), strict=True):
        cell.peephole[gate].data = peephole
    inputs, state, expected = torch.randn(9, 2, 3), (torch.zeros(2, 5), torch.zeros(2, 5)), []
    for x in inputs:
        state = theirs(x, state)
        expected.append(state[0])
    torch.testing.assert_close(loop(cell, inputs), torch.stack(expected), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(
    ("ablation", "blocks", "peepholes"),
    [
        ("none", 4, 3),
        ("no_peepholes", 4, 0),
        ("no_input_gate", 3, 2),
        ("no_forget_gate", 3, 2),
        ("no_output_gate", 3, 2),
        ("no_input_activation", 4, 3),
        ("no_output_activation", 4, 3),
        ("coupled", 3, 2),
    ],
)
def test_the_parameters_of_a_removed_part_do_not_exist(ablation, blocks, peepholes):
    """Each block of an LSTM has I + H + 1 weights a unit, each gate one peephole a unit."""
    cell = CELLS["lstm_peephole"](3, 5, ablation=ablation)
    assert sum(p.numel() for p in cell.parameters()) == 5 * (blocks * (3 + 5 + 1) + peepholes)


def test_full_gate_recurrence_adds_nine_matrices_and_is_the_peephole_lstm_without_them():
    cell, full = CELLS["lstm_peephole"](3, 5), CELLS["lstm_full_gate"](3, 5)
    sizes = [sum(p.numel() for p in c.parameters()) for c in (cell, full)]
    assert sizes[1] - sizes[0] == 9 * 5 * 5
    full.load_state_dict(cell.state_dict() | {"recurrent_projection.weight": torch.zeros(13 * 5, 5)})
    full.recurrent_projection.weight.data[:20] = cell.recurrent_projection.weight.data
    inputs = torch.randn(9, 2, 3)
    torch.testing.assert_close(loop(full, inputs), loop(cell, inputs), rtol=1e-12, atol=1e-14)


def test_peepholes_begin_small():
    for name in ("lstm_peephole", "lstm_full_gate"):
        for peephole in CELLS[name](3, 1000).peephole.values():
            assert peephole.std().item() == pytest.approx(0.1, rel=0.1)


def test_errors():
    with pytest.raises(UserError, match="cell.ablation 'no_forget': did you mean 'no_forget_gate'"):
        CELLS["lstm_peephole"](3, 5, ablation="no_forget")
    cell = CELLS["lstm_peephole"](3, 5, ablation="no_forget_gate")
    with pytest.raises(UserError, match="has no gate 'forget', only input, candidate, output"):
        initialize(cell, gate_bias={"forget": 1.0})
    with pytest.raises(UserError, match="init.memory=chrono: the cell PeepholeLSTM has no gate that keeps its memory"):
        initialize(cell, memory="chrono", t_max=50)
