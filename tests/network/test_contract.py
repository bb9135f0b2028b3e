"""The rules of a cell: all that the suite has keep them, and each kind of mistake is found by its own."""

from typing import NamedTuple

import pytest
import torch
from torch import Tensor, nn

from catalogue import CELL_ROWS
from own_cells import OWN_CELLS
from rnnbench.network.cells import Cell, LinearCell
from rnnbench.network.cells.external import External
from rnnbench.network.contract import RULES, check_cell
from rnnbench.network.states import HState

OTHERS = {
    "nn.LSTMCell": lambda inputs, hidden: External(nn.LSTMCell(inputs, hidden), inputs, hidden),
    "nn.RNNCell": lambda inputs, hidden: External(nn.RNNCell(inputs, hidden), inputs, hidden),
}


@pytest.mark.parametrize("row", CELL_ROWS.values(), ids=CELL_ROWS)
def test_every_cell_of_the_suite_keeps_every_rule(row):
    assert [(verdict.rule.name, verdict.reason) for verdict in check_cell(row.make) if verdict.reason] == []


@pytest.mark.parametrize("make", [*OWN_CELLS.values(), *OTHERS.values()], ids=[*OWN_CELLS, *OTHERS])
def test_correct_cells_of_users_keep_them_too(make):
    assert [(verdict.rule.name, verdict.reason) for verdict in check_cell(make) if verdict.reason] == []


class Plain(Cell[HState]):
    """h_t = tanh(W x_t + U h_{t-1}), to be spoiled."""

    gates = ("hidden",)

    def step(self, state, drive):
        return HState(torch.tanh(drive + self.recurrent_projection(state.h)))

    def initial_state(self, batch):
        return HState(self._zeros(batch))


class List(Plain):
    def initial_state(self, batch):
        return [self._zeros(batch)]


class Wide(Plain):
    def readout(self, state, drive):
        return torch.cat([state.h, drive], dim=-1)


class Noisy(Plain):
    def step(self, state, drive):
        return HState(super().step(state, drive).h + 0.1 * torch.randn_like(state.h))


class Smoothed(Plain):
    def project(self, inputs):
        drive = super().project(inputs)
        return drive - drive.mean(dim=0)


class BatchNormed(Plain):
    def step(self, state, drive):
        h = super().step(state, drive).h
        return HState(h - h.mean(dim=0))


class Cut(Plain):
    def step(self, state, drive):
        return HState(torch.tanh(drive + self.recurrent_projection(state.h.data)))


class Wrong(LinearCell[HState]):
    """Its ``step`` is not what ``coefficients`` say."""

    gates = ("hidden",)

    def coefficients(self, drive):
        return torch.full_like(drive, 0.5), drive

    def emit(self, memory, drive):
        return HState(memory)

    def step(self, state, drive):
        return HState(0.4 * state.h + drive)

    def initial_state(self, batch):
        return HState(self._zeros(batch))


class Hidden(Plain):
    """It carries something beside its state, which every new sequence resets: as long as it is run in one."""

    def initial_state(self, batch):
        self.memory = self._zeros(batch)
        return super().initial_state(batch)

    def project(self, inputs):
        self.memory = self._zeros(inputs.shape[1])
        return super().project(inputs)

    def step(self, state, drive):
        self.memory = 0.5 * self.memory + state.h
        return HState(torch.tanh(drive + self.memory))


class Alone(Plain):
    """Lengths: it stacks along an axis that is the batch."""

    def step(self, state, drive):
        order = torch.arange(len(drive))
        return HState(torch.tanh(drive + self.recurrent_projection(state.h) + order[:, None]))


class Fixed(Plain):
    def step(self, state, drive):
        return HState(super().step(state, drive).h.double())

    def initial_state(self, batch):
        return HState(torch.zeros(batch, self.hidden_size, dtype=torch.float64))


class Side(NamedTuple):
    h: Tensor
    copy: Tensor


class Swapped(Plain):
    """What it returns as a part is not what it read: the other part is another tensor after the step than before."""

    def step(self, state, drive):
        return Side(torch.tanh(drive + self.recurrent_projection(state.h)), state.copy[:, :1])

    def initial_state(self, batch):
        return Side(self._zeros(batch), self._zeros(batch))


SPOILED = {
    List: "shapes",
    Wide: "shapes",
    Swapped: "shapes",
    Noisy: "repeats",
    Smoothed: "causality",
    BatchNormed: "batch independence",
    Alone: "lengths",
    Cut: "gradients",
    Wrong: "engines",
    Hidden: "resume",
    Fixed: "precision",
}


@pytest.mark.parametrize(("kind", "rule"), SPOILED.items(), ids=lambda each: getattr(each, "__name__", each))
def test_a_mistake_is_found_by_the_rule_that_forbids_it(kind, rule):
    broken = {verdict.rule.name: verdict.reason for verdict in check_cell(kind) if verdict.reason}
    assert rule in broken
    assert "\n" not in broken[rule]


def test_a_tensor_on_a_fixed_device_is_found():
    broken = [verdict.rule.name for verdict in check_cell(Fixed) if verdict.reason]
    assert "device" in broken


def test_random_numbers_outside_are_left_alone_and_verdicts_repeat():
    torch.manual_seed(3)
    before = torch.get_rng_state()
    first, second = check_cell(Noisy), check_cell(Noisy)
    assert first == second
    assert torch.equal(torch.get_rng_state(), before)


def test_every_rule_says_what_to_do():
    assert len({rule.name for rule in RULES}) == len(RULES)
    assert all(rule.advice for rule in RULES)
    spoiled = {verdict.rule.name for kind in SPOILED for verdict in check_cell(kind) if verdict.reason}
    assert spoiled == {rule.name for rule in RULES}  # each rule finds something
