"""The compiled engine returns what the loop returns, and refuses what it does not understand."""

import copy
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
import torch
from threadpoolctl import threadpool_info
from torch import nn

from catalogue import CELL_ROWS, reached
from composing import config
from own_cells import OWN_CELLS
from rnnbench.builders.network import build_cell
from rnnbench.errors import UserError
from rnnbench.network.cells import CELLS, Cell, Elman
from rnnbench.network.cells.recurrent_dropout import RecurrentDropout
from rnnbench.network.cells.zoneout import Zoneout
from rnnbench.network.engines import ENGINES, choose, fastest, supporting
from rnnbench.network.engines.compiled import blas, pool, products, programs, reason, suits
from rnnbench.network.layers import Bidirectional, Recurrent, Stack
from rnnbench.network.states import HState, map_state

COMPILED = {key: row for key, row in CELL_ROWS.items() if row.name not in ("lru", "s4d", "s5")}
"""All but those whose state is complex."""
TOLERANCE = {torch.float64: {"rtol": 1e-11, "atol": 1e-12}, torch.float32: {"rtol": 1e-4, "atol": 2e-5}}


def everything(engine, cell, inputs, state):
    """Outputs, final state, and the gradients of a random function of them."""
    random = torch.Generator().manual_seed(1)
    inputs, state = inputs.clone().requires_grad_(), map_state(lambda part: part.clone().requires_grad_(), state)
    outputs, final = ENGINES[engine](cell, inputs, state)
    parts = [outputs, *final]
    loss = sum((part * torch.randn(part.shape, dtype=part.dtype, generator=random)).sum() for part in parts)
    wanted = [inputs, *state, *(each for each in cell.parameters() if each.requires_grad)]
    return [*parts, *torch.autograd.grad(loss, wanted, allow_unused=True, materialize_grads=True)]


def agree(cell, inputs, state):
    pairs = zip(everything("compiled", cell, inputs, state), everything("loop", cell, inputs, state), strict=True)
    for found, expected in pairs:
        torch.testing.assert_close(found, expected, **TOLERANCE[inputs.dtype])


@pytest.mark.usefixtures("double")
@pytest.mark.parametrize("row", COMPILED.values(), ids=COMPILED)
def test_it_equals_the_loop(row):
    """At odd and the shortest lengths, for one sequence too, at widths that fill vectors and tiles, and others."""
    for hidden in (5, 80):
        cell = row.make(3, hidden)
        for steps, batch in ((1, 3), (2, 1), (7, 6)):
            agree(cell, torch.randn(steps, batch, 3), reached(cell, batch))


@pytest.mark.usefixtures("double")
@pytest.mark.parametrize("name", sorted({row.name for row in COMPILED.values()} - {"external"}))
def test_with_the_default_options_too(name):
    cell = build_cell(config(f"cell={name}", "task.length=20").cell, 3, 8)
    agree(cell, torch.randn(3, 2, 3), reached(cell, 2))


@pytest.mark.parametrize("name", ["gru", "lstm_layernorm", "slstm"])
def test_in_single_precision(name):
    cell = CELL_ROWS[name].make(3, 40)
    agree(cell, torch.randn(9, 3, 3), reached(cell, 3))


@pytest.mark.parametrize("name", ["elman", "lem", "slstm"])
def test_a_width_of_one(name):
    cell = CELL_ROWS[name].make(1, 1)
    agree(cell, torch.randn(5, 2, 1), reached(cell, 2))


class Softened(Cell[HState]):
    """A user's cell of what no cell of the suite uses: sums over units, a number as a weight, columns moved."""

    gates = ("hidden",)

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.norm = nn.LayerNorm(hidden_size)
        self.mix = nn.Linear(hidden_size + 2, hidden_size)
        self.gain = nn.Parameter(torch.rand(1))

    def step(self, state, drive):
        whole = torch.cat([state.h, torch.ones_like(state.h[:, :2])], dim=-1)
        h = torch.softmax(self.mix(whole), dim=-1) * nn.functional.silu(drive) - nn.functional.softplus(state.h)
        h = h.clamp(-0.9, 2.0) + self.gain * torch.where(state.h > 0, state.h**2, state.h * 0.5)
        shifted = torch.cat([h[:, 1:], h[:, :1]], dim=-1)
        return HState(self.norm(h + 0.1 * shifted))

    def initial_state(self, batch):
        return HState(self._zeros(batch))


class Pair(NamedTuple):
    h: torch.Tensor
    old: torch.Tensor


class Delayed(Elman):
    """What it returns as a part is what it was given as another."""

    def step(self, state, drive):
        return Pair(h=torch.tanh(drive + self.recurrent_projection(state.h) + state.old.sum(-1, keepdim=True)),
                    old=state.h[:, :2])  # fmt: skip

    def initial_state(self, batch):
        return Pair(self._zeros(batch), self._zeros(batch)[:, :2])

    def readout(self, state, drive):
        return torch.exp(state.h) * state.old.mean(-1, keepdim=True) + drive


class Masked(Cell[HState]):
    """Truth values as numbers, and spread over the columns of a matrix."""

    gates = ("hidden",)

    def step(self, state, drive):
        rows = drive.unflatten(-1, (2, -1)) > state.h.mean(-1)
        kept = torch.where(rows[..., None], state.h, state.h * 0.5) + 0.1 * rows[..., None].to(drive.dtype)
        return HState(kept * 0.9 + drive.unflatten(-1, (2, -1))[..., None] * torch.tanh(state.h.transpose(-1, -2)))

    def initial_state(self, batch):
        return HState(self._zeros(batch).unflatten(-1, (2, -1))[..., None].repeat(1, 1, 1, self.hidden_size // 2))

    def readout(self, state, drive):
        return state.h.sum(-1).flatten(1)


class Narrow(Elman):
    """One column of the drive, and of what a step computes, for all units."""

    def step(self, state, drive):
        c = torch.sigmoid(drive + self.recurrent_projection(state.h))
        return HState(h=torch.tanh(c * drive[:, 1:2] + state.h * c[:, -1:]) * (1 + state.h[:, 2:3]))


class Heads(Cell[HState]):
    """A state of two heads, [B, 2, H / 2]: weights of each head's own, one for both, and sums along either axis."""

    gates = ("hidden",)

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        size = hidden_size // 2
        self.own = nn.Parameter(torch.randn(2, size, size))
        self.shared = nn.Linear(size, size)
        self.norm = nn.LayerNorm(size)

    def step(self, state, drive):
        mixed = torch.einsum("bnk,nkj->bnj", state.h, self.own) + self.shared(torch.tanh(state.h))
        share = torch.softmax(mixed.mean(-1, keepdim=True) + drive[:, :2, None], dim=1)
        h = self.norm(mixed + drive.unflatten(-1, (2, -1))) * share + torch.sigmoid(state.h).amax(1, keepdim=True)
        return HState(torch.tanh(h) + 0.1 * h.transpose(1, 2).reshape(h.shape))

    def initial_state(self, batch):
        return HState(self._zeros(batch).unflatten(-1, (2, -1)))

    def readout(self, state, drive):
        first, second = state.h.unbind(1)
        return torch.cat([first * second, (state.h[:, 0, ::2].sum(-1, keepdim=True) - first)], dim=-1)


@pytest.mark.usefixtures("double")
@pytest.mark.parametrize(
    "make", [Softened, Delayed, Masked, Narrow, Heads, OWN_CELLS["mirrored"], OWN_CELLS["derived"]]
)
def test_cells_of_users(make):
    cell = make(3, 6)
    assert reason(cell, verify=True) == ""
    agree(cell, torch.randn(6, 2, 3), reached(cell, 2))


class Normed(Elman):
    """Its drive is made of rows of one product of the inputs, which is wider."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.wide = nn.Linear(input_size, 2 * hidden_size)
        self.norm = nn.LayerNorm(2 * hidden_size)
        for each in self.parameters():
            nn.init.normal_(each, std=0.5)

    def project(self, inputs):
        first, second = self.norm(self.wide(inputs)).chunk(2, dim=-1)
        return torch.tanh(first) * second + self.input_projection.bias


class Shown(Normed):
    """The readout sees the drive too."""

    def project(self, inputs):
        return super().project(inputs) * torch.softmax(self.norm.bias, 0)[: self.hidden_size]

    def readout(self, state, drive):
        return state.h * drive


class Bare(Normed):
    """A product and nothing else, without a bias, by names."""

    def project(self, inputs):
        return nn.functional.linear(weight=self.input_projection.weight, input=inputs)


class Twice(Normed):
    def project(self, inputs):
        return super().project(inputs) + self.input_projection(inputs)


class Beside(Normed):
    def project(self, inputs):
        return super().project(inputs) + inputs.mean(-1, keepdim=True)


class Further(Normed):
    def project(self, inputs):
        return self.recurrent_projection(super().project(inputs))


class Scaled(Normed):
    def project(self, inputs):
        return nn.functional.linear(inputs, self.input_projection.weight * 2) + 1


class Clipped(Normed):
    def project(self, inputs):
        return self.input_projection(inputs.clamp(max=0.5) if (inputs > 0.5).any() else inputs)


class AlongTime(Normed):
    def project(self, inputs):
        return super().project(inputs).cumsum(0)


class AcrossSequences(Normed):
    def project(self, inputs):
        drive = super().project(inputs)
        return drive - drive.mean(1, keepdim=True)


PROJECTED = {
    Normed: (True, True), Shown: (True, True), Bare: (True, False), Twice: (False, False), Beside: (False, False),
    Further: (False, False), Scaled: (False, False), Clipped: (False, False), AlongTime: (False, False),
    AcrossSequences: (False, False),
}  # fmt: skip
"""Whether the drive of its program is a product of the inputs, and whether more of ``project`` is in the program."""


@pytest.mark.usefixtures("double")
@pytest.mark.parametrize(("make", "inside"), PROJECTED.items())
def test_what_project_makes_of_one_product_is_compiled_too(make, inside):
    for hidden in (6, 40):
        cell = make(3, hidden)
        for steps, batch in ((1, 3), (7, 6)):
            agree(cell, torch.randn(steps, batch, 3), reached(cell, batch))
        traced = programs.entry(cell).program.traced
        assert (traced.product is not None, traced.to_rest is not None) == inside
        cell.wide.weight.requires_grad_(False)
        cell.norm.weight.requires_grad_(False)
        agree(cell, torch.randn(7, 6, 3), reached(cell, 6))


@pytest.mark.usefixtures("double")
@pytest.mark.parametrize("wrap", [lambda cell: Zoneout(cell, 0.4, 0.7), lambda cell: RecurrentDropout(cell, 0.4)])
def test_wrappers(wrap):
    cell = wrap(CELLS["lstm"](3, 6))
    cell.begin(2)
    state, inputs = cell.initial_state(2), torch.randn(6, 2, 3)
    for training in (False, True):
        cell.train(training)
        torch.manual_seed(3)
        found = everything("compiled", cell, inputs, state)
        torch.manual_seed(3)
        for mine, theirs in zip(found, everything("loop", cell, inputs, state), strict=True):
            torch.testing.assert_close(mine, theirs, rtol=1e-11, atol=1e-12)


class Still(Elman):
    """A state that is a number, then one that is a weight: what a step does not compute."""

    def step(self, state, drive):
        return Pair(torch.ones_like(drive), self.recurrent_projection.bias[:2].expand(len(drive), 2))

    def initial_state(self, batch):
        return Pair(self._zeros(batch), self._zeros(batch)[:, :2])

    def readout(self, state, drive):
        return torch.full_like(drive, 3.0)


@pytest.mark.usefixtures("double")
def test_what_no_step_computes_is_filled_all_the_same():
    cell, inputs = Still(3, 40), torch.randn(5, 4, 3)
    outputs, final = ENGINES["compiled"](cell, inputs, cell.initial_state(4))
    assert (outputs == 3).all()
    assert (final.h == 1).all()
    assert torch.equal(final.old, cell.recurrent_projection.bias[:2].expand(4, 2))


def test_cells_of_other_shapes_and_precisions_have_programs_of_their_own():
    """Also where every weight is parametrised."""
    row = CELL_ROWS["lstm_1997-block"]
    for dtype in (torch.float32, torch.float64):
        for hidden in (5, 10):
            cell = row.make(3, hidden).to(dtype)
            agree(cell, torch.randn(4, 2, 3, dtype=dtype), cell.initial_state(2))


class Inside(Elman):
    def step(self, state, drive):
        state.h.add_(1.0)
        return super().step(state, drive)


class Deciding(Elman):
    def step(self, state, drive):
        return super().step(state, drive + 1 if state.h.sum() > 0 else drive)


class Noisy(Elman):
    def step(self, state, drive):
        return super().step(state, drive + torch.rand_like(drive))


class Backwards(Elman):
    def step(self, state, drive):
        return super().step(state, drive.flip(-1))


class Mixed(Elman):
    def step(self, state, drive):
        return super().step(state, drive - state.h.mean(0, keepdim=True))


class Counting(Elman):
    steps = 0

    def step(self, state, drive):
        self.steps += 1
        return super().step(state, drive * self.steps)


class Rounding(Elman):
    def step(self, state, drive):
        return super().step(state, drive + state.h.to(torch.int64))


class Wider(Elman):
    def step(self, state, drive):
        return super().step(state, (drive.double() + 1e-9).float())


class Remembering(Elman):
    def project(self, inputs):
        self.memory = self._zeros(inputs.shape[1])
        return super().project(inputs)

    def step(self, state, drive):
        return super().step(state, drive + self.memory)


class Sorted(Elman):
    def step(self, state, drive):
        return super().step(state, drive.sort(-1).values)


class Configured(Elman):
    def __init__(self, *sizes):
        super().__init__(*sizes)
        self.settings = object()


REFUSED = {
    Inside: "in-place operation",
    Deciding: "aten._local_scalar_dense",
    Noisy: "aten.rand_like",
    Backwards: "aten.flip",
    Mixed: "aten.mean.dim",
    Counting: "changes an attribute",
    Rounding: "in torch.int64",
    Wider: "in torch.float64",
    Remembering: "neither a parameter nor a buffer",
    Sorted: "aten.sort",
    Configured: "settings, a object",
    OWN_CELLS["matrix"]: "complex numbers",
}


@pytest.mark.parametrize(("make", "why"), REFUSED.items(), ids=lambda each: getattr(each, "__name__", None))
def test_what_it_does_not_understand_is_an_error(make, why):
    with pytest.raises(
        UserError, match=f"cannot run the cell {make.__name__}: .*{why}.*use network.engine=auto"
    ) as told:
        choose("compiled", make(3, 6))
    assert "\n" not in str(told.value)
    assert "compiled" not in supporting(make(3, 6))


def test_auto_tells_once_that_it_runs_the_loop():
    cell, inputs = Backwards(3, 6), torch.randn(4, 2, 3)
    with pytest.warns(UserWarning, match=r"Backwards runs step by step, it cannot be compiled: .*aten\.flip"):
        assert fastest(cell, inputs) is ENGINES["loop"]
    assert fastest(Backwards(3, 6), inputs) is ENGINES["loop"]


def test_other_devices_and_precisions_are_for_others():
    cell, inputs = CELLS["mgu"](3, 6), torch.randn(4, 2, 3)
    assert suits(cell, inputs)
    assert not suits(copy.deepcopy(cell).bfloat16(), inputs.bfloat16())
    assert not suits(cell, inputs, HState(torch.zeros(2, 6, dtype=torch.float64)))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert fastest(cell, inputs) is ENGINES["loop"]
        with pytest.raises(UserError, match="MGU in torch.bfloat16"):
            ENGINES["compiled"](cell, inputs, cell.initial_state(2))
    with pytest.raises(UserError, match="MGU on no steps"):
        ENGINES["compiled"](cell, inputs[:0], cell.initial_state(2))
    with pytest.raises(UserError, match="cannot take a perturbation"):
        ENGINES["compiled"](cell, inputs, cell.initial_state(2), cell.initial_state(2))


def test_it_is_differentiated_once():
    cell, inputs = CELLS["mgu"](3, 6), torch.randn(4, 2, 3, requires_grad=True)
    outputs, _ = ENGINES["compiled"](cell, inputs, cell.initial_state(2))
    with pytest.raises(UserError, match="create_graph=True.*use network.engine=loop"):
        torch.autograd.grad(outputs.sum(), inputs, create_graph=True)


@pytest.mark.usefixtures("double")
def test_two_graphs_at_once_and_one_twice():
    cell = CELLS["gru"](3, 40)
    inputs = torch.randn(2, 50, 9, 3)  # large enough for the pool
    states = [cell.initial_state(9)] * 2
    outputs = [ENGINES["compiled"](cell, *each)[0] for each in zip(inputs, states, strict=True)]
    expected = [ENGINES["loop"](cell, *each)[0] for each in zip(inputs, states, strict=True)]
    for one, other in zip(outputs[::-1], expected[::-1], strict=True):
        for _ in range(2):
            mine = torch.autograd.grad(one.square().sum(), list(cell.parameters()), retain_graph=True)
            theirs = torch.autograd.grad(other.square().sum(), list(cell.parameters()), retain_graph=True)
            torch.testing.assert_close(mine, theirs)
    with torch.no_grad():
        outputs[0].zero_()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        outputs[0].sum().backward()


@pytest.mark.usefixtures("double")
def test_frozen_parameters_and_strided_inputs():
    cell = CELLS["lstm_peephole"](3, 6)
    cell.recurrent_projection.weight.requires_grad_(False)
    cell.peephole["input"].requires_grad_(False)
    inputs = torch.randn(2, 7, 6).transpose(0, 1)[..., ::2]
    agree(cell, inputs, map_state(lambda part: part.repeat(1, 2)[:, ::2], reached(cell, 2)))
    outputs, _ = ENGINES["compiled"](cell, inputs, cell.initial_state(2))
    outputs.sum().backward()
    assert cell.recurrent_projection.weight.grad is None
    assert cell.input_projection.weight.grad is not None


@pytest.mark.usefixtures("double")
def test_nothing_is_kept_without_gradients(monkeypatch):
    cell, inputs = CELLS["lstm"](3, 40), torch.randn(50, 9, 3)
    made = []
    original = pool.empty
    monkeypatch.setattr(pool, "empty", lambda shape, dtype: made.append(shape) or original(shape, dtype))
    expected, last = ENGINES["loop"](cell, inputs, cell.initial_state(9))
    for context in (torch.no_grad(), torch.inference_mode()):
        with context:
            outputs, final = ENGINES["compiled"](cell, inputs, cell.initial_state(9))
        torch.testing.assert_close(outputs, expected)
        torch.testing.assert_close(tuple(final), tuple(last))
    assert [shape for shape in made if shape[0] == 50] == [(50, 9, 160), (50, 9, 40)] * 2, "drive and outputs"


@pytest.mark.parametrize("row", {row.name: row for row in COMPILED.values()}.values(), ids=lambda row: row.name)
def test_inference_mode_decides_nothing(monkeypatch, row):
    """Wherever a cell is run first, the engine understands it."""
    monkeypatch.setattr(programs, "_programs", {})
    with torch.inference_mode():
        assert reason(row.make(3, 10), verify=True) == ""
    cell, inputs = row.make(3, 10), torch.randn(4, 2, 3)
    assert suits(cell, inputs, cell.initial_state(2))
    ENGINES["compiled"](cell, inputs, cell.initial_state(2))[0].sum().backward()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("own", [True, False])
def test_products_in_loops_of_our_own_and_by_blas(monkeypatch, own, dtype):
    """Whichever this processor takes."""
    monkeypatch.setattr(products, "suits", lambda: own)
    monkeypatch.setattr(products, "FEWEST", 0)
    monkeypatch.setattr(programs, "_programs", {})
    for name, hidden, batch in (("gru", 16, 9), ("lstm", 24, 4), ("elman", 8, 1), ("gru_reset_before", 10, 7)):
        cell = CELL_ROWS[name].make(8, hidden).to(dtype)
        agree(cell, torch.randn(6, batch, 8, dtype=dtype), reached(cell, batch, dtype))
        assert bool(by_blas(cell)) != own or hidden == 10


@pytest.mark.usefixtures("double")
@pytest.mark.parametrize("rows", range(1, 21))
def test_a_product_of_any_number_of_rows(monkeypatch, rows):
    monkeypatch.setattr(products, "suits", lambda: True)
    given, weight, bias = torch.randn(rows, 5), torch.randn(5, 16), torch.randn(16)
    for each in (None, bias):
        found = torch.full((rows, 16), float("nan"))
        products.multiply(given, weight, each, found)
        torch.testing.assert_close(found, given @ weight + (0 if each is None else each))


def by_blas(cell):
    """The products of a cell's kernels that BLAS computes."""
    return [each for frame in programs.entry(cell).program._frames for each in frame.layout.products]


def test_several_threads_leave_large_products_to_blas(monkeypatch):
    monkeypatch.setattr(products, "suits", lambda: True)
    small, large = CELLS["elman"](3, 64), CELLS["elman"](3, 256)
    for threads, expected in ((1, 0), (2, 2), (1, 0)):  # one of each kernel
        torch.set_num_threads(threads)
        assert (len(by_blas(small)), len(by_blas(large))) == (0, expected)
        agree(large, torch.randn(2, 5, 3), reached(large, 5))


@pytest.mark.usefixtures("double")
def test_without_a_blas_of_torch_it_is_that_of_scipy(monkeypatch):
    """Whose threads are as many as torch has."""
    monkeypatch.setattr(products, "suits", lambda: False)
    monkeypatch.setattr(programs, "_programs", {})
    monkeypatch.setattr(blas, "gemm", lambda double: blas.of_scipy("dgemm" if double else "sgemm"))
    monkeypatch.setattr(blas, "threads", blas.Threads())
    cell = CELLS["gru"](3, 40)
    for number in (2, 1):
        torch.set_num_threads(number)
        agree(cell, torch.randn(9, 3, 3), reached(cell, 3))
        assert {each["num_threads"] for each in threadpool_info() if "scipy" in each["filepath"]} == {number}


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_what_is_not_finite_stays_so(bad):
    for name in ("elman", "slstm", "lstm", "elman-relu", "indrnn"):
        cell, inputs = CELL_ROWS[name].make(3, 40), torch.randn(5, 2, 3)
        inputs[2, 1, 0] = bad
        with torch.no_grad():
            found, _ = ENGINES["compiled"](cell, inputs, cell.initial_state(2))
            expected, _ = ENGINES["loop"](cell, inputs, cell.initial_state(2))
        torch.testing.assert_close(found, expected, equal_nan=True, rtol=1e-4, atol=1e-5)


@pytest.mark.usefixtures("double")
def test_layers_with_lengths_and_carried_states():
    def stack(engine):
        torch.manual_seed(0)
        sizes = (3, 12)
        return Stack([
            Bidirectional(*(Recurrent(CELLS["lstm_layernorm"](size, 6), engine, way) for way in (False, True)))
            for size in sizes
        ])  # fmt: skip

    inputs, lengths = torch.randn(9, 4, 3), torch.tensor([9, 2, 5, 9])
    results = []
    for engine in ("compiled", "loop"):
        layers = stack(engine)
        first, state = layers(inputs, lengths)
        second, last = layers(inputs, None, state)
        loss = first.square().sum() + second.square().sum() + sum(part.sum() for part in last[1][0])
        results.append([first, second, *torch.autograd.grad(loss, list(layers.parameters()))])
    torch.testing.assert_close(results[0], results[1], rtol=1e-9, atol=1e-11)


FUNCTIONS = {
    "exp": (torch.exp, 30), "tanh": (torch.tanh, 12), "sigmoid": (torch.sigmoid, 40),
    "softplus": (nn.functional.softplus, 40), "logsigmoid": (nn.functional.logsigmoid, 40),
    "expm1": (torch.expm1, 10), "log": (lambda x: torch.log(x.abs()), 50), "sqrt": (lambda x: torch.sqrt(x.abs()), 50),
    "sign": (torch.sign, 1), "relu": (torch.relu, 1),
}  # fmt: skip


class Applied(Elman):
    """A function of the drive, as it is."""

    def __init__(self, name):
        super().__init__(40, 40)
        self.name = name

    def project(self, inputs):
        return inputs

    def step(self, state, drive):
        return HState(FUNCTIONS[self.name][0](drive))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_are_exact_to_a_few_units_in_the_last_place(name, dtype):
    function, width = FUNCTIONS[name]
    x = torch.linspace(-width, width, 40 * 500, dtype=dtype)
    special = [0.0, -0.0, 1e-30, -1e-30, 88.7, 89.5, -87.5, -103.9, -200.0, 710.0, -745.0, 1e30, -1e30,
               float("inf"), -float("inf"), float("nan"), 0.5, 1.0]  # fmt: skip
    x[: len(special)] = torch.tensor(special, dtype=dtype)
    x = torch.cat([x, x * 1e-3]).reshape(-1, 1, 40)
    cell = Applied(name).to(dtype)
    with torch.no_grad():
        found, _ = ENGINES["compiled"](cell, x, cell.initial_state(1))
    expected = function(x.double())
    narrow = expected.to(dtype)
    assert torch.equal(found.isnan(), narrow.isnan())
    assert torch.equal(found.isinf(), narrow.isinf())
    assert torch.equal(found.signbit() & (x == 0), narrow.signbit() & (x == 0))
    finite = narrow.isfinite()
    error = (found.double() - expected)[finite].abs() / expected[finite].abs().clamp(min=torch.finfo(dtype).tiny * 1e3)
    assert error.max() < 8 * torch.finfo(dtype).eps


COMPILATIONS = """
import os, sys, torch
from rnnbench.network.cells import CELLS
from rnnbench.network.engines import ENGINES
heavy = {"llvmlite", "scipy", "sympy", "torch._dynamo"}
assert not heavy & set(sys.modules), "loaded before they are used"
import llvmlite, scipy, sympy, torch._dynamo
for line in sys.stdin:  # each in a fork that has compiled nothing
    hidden, os.environ["XDG_CACHE_HOME"] = line.split()
    if not os.fork():
        cell = CELLS["ugrnn"](3, int(hidden))
        outputs, _ = ENGINES["compiled"](cell, torch.randn(4, 2, 3), cell.initial_state(2))
        outputs.sum().backward()
        from rnnbench.network.engines.compiled import kernel
        print(len(kernel.compilations), flush=True)
        os._exit(0)
    if os.waitstatus_to_exitcode(os.wait()[1]):
        sys.exit(1)
"""


@pytest.mark.whole
def test_machine_code_is_kept_for_like_widths_and_made_again_where_it_is_damaged(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-c", COMPILATIONS], text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip

    def compilations(hidden, cache=tmp_path):
        process.stdin.write(f"{hidden} {cache}\n")
        process.stdin.flush()
        return int(process.stdout.readline() or process.stderr.read())

    with process:
        assert compilations(32) == 2
        assert compilations(48) == 0
        assert compilations(32) == 0
        files = sorted((tmp_path / "rnnbench" / "kernels").iterdir())
        assert len(files) == 2
        files[0].write_bytes(files[0].read_bytes()[:-100])
        assert compilations(32) == 1
        assert compilations(32, Path("/dev/null")) == 2
        process.communicate()
    assert process.returncode == 0
