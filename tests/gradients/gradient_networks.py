"""Small networks with random weights, cells of a user's own, and a gradient computed by hand."""

from functools import partial
from types import SimpleNamespace
from typing import Any, NamedTuple

import torch
from torch import nn

from own_cells import OWN_CELLS
from rnnbench.gradients import DIAGNOSTICS, Measurement, Options, survey
from rnnbench.gradients.precision import in_float64
from rnnbench.gradients.registry import KINDS
from rnnbench.network.cells import CELLS, Cell, Elman
from rnnbench.network.cells.indrnn import IndRNN
from rnnbench.network.cells.orthogonal import Orthogonal
from rnnbench.network.layers import Bidirectional, Recurrent, Stack
from rnnbench.network.model import Model
from rnnbench.network.states import HState

DIRECTIONS = ("forward", "backward", "both")


class Batch(NamedTuple):
    """What a diagnostic reads of a batch."""

    inputs: Any
    targets: Any
    lengths: Any = None


class LinearState(NamedTuple):
    """The state of a user's own cell."""

    h: torch.Tensor


class LinearRNN(Cell[LinearState]):
    """h_t = W_x x_t + b + W h_{t-1} + b', a user's own cell."""

    gates = ("hidden",)

    def step(self, state, drive):
        return LinearState(drive + self.recurrent_projection(state.h))

    def initial_state(self, batch):
        return LinearState(self._zeros(batch))


class Spiral(Cell[HState]):
    """z_t = lambda z_{t-1} + B x_t with complex lambda and z: a user's own cell without a recurrent matrix."""

    gates = ()

    def __init__(self, input_size, hidden_size):
        nn.Module.__init__(self)
        self.input_size, self.hidden_size = input_size, hidden_size
        self.input_projection = nn.Linear(input_size, 2 * hidden_size)
        self.decay = nn.Parameter(torch.ones(hidden_size, dtype=torch.complex64))

    def step(self, state, drive):
        real, imaginary = drive.chunk(2, dim=-1)
        return HState(self.decay * state.h + torch.complex(real, imaginary))

    def initial_state(self, batch):
        return HState(self.decay.new_zeros(batch, self.hidden_size))

    def readout(self, state, drive):
        return state.h.real


MAKERS: dict[str, Any] = {name: CELLS[name] for name in ("elman", "gru", "lstm")} | {
    "relu": partial(Elman, nonlinearity="relu"),
    "linear": LinearRNN,
    "spiral": Spiral,
    "orthogonal": partial(Orthogonal, nonlinearity="tanh"),
    "indrnn": partial(IndRNN, length=5, nonlinearity="tanh"),
    "lem": CELLS["lem"],
}
EVERY = MAKERS | OWN_CELLS
"""With cells whose steps are singular, because one part of their state says what another says, or not vectors."""


def randomize(module, seed=0, scale=0.5, dtype=torch.float64):
    """Draws every parameter of ``module`` from N(0, scale^2) in ``dtype``, complex where it is complex."""
    generator = torch.Generator().manual_seed(seed)
    for parameter in module.parameters():
        kind = torch.promote_types(dtype, torch.complex64) if parameter.is_complex() else dtype
        parameter.data = scale * torch.randn(parameter.shape, dtype=kind, generator=generator)
    for buffer in filter(torch.is_floating_point, module.buffers()):  # where an orthogonal matrix begins
        buffer.data = nn.init.orthogonal_(torch.empty(buffer.shape, dtype=dtype), generator=generator)
    return module


def network(cell, *, inputs=2, hidden=3, outputs=2, depth=1, direction="forward", tokens=False, every_step=False,
            dtype=torch.float64, seed=0, scale=0.5, dropout=0.0, engine="auto"):  # fmt: skip
    """A model with random weights, of cells that ``EVERY[cell]`` makes, or a maker that is not there."""
    make = EVERY[cell] if isinstance(cell, str) else cell
    layers, size = [], inputs
    for _ in range(depth):
        ahead, back = (Recurrent(make(size, hidden), engine, reverse) for reverse in (False, True))
        layers.append({"forward": ahead, "backward": back, "both": Bidirectional(ahead, back)}[direction])
        size = layers[-1].output_size
    model = Model(Stack(layers, dropout), inputs, outputs, tokens=tokens, every_step=every_step)
    return randomize(model, seed, scale, dtype)


def real_batch(steps=5, size=3, inputs=2, outputs=2, lengths=None, dtype=torch.float64, seed=1):
    """Real inputs and one real target a sequence."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(steps, size, inputs, dtype=dtype, generator=generator)
    y = torch.randn(size, outputs, dtype=dtype, generator=generator)
    return Batch(x, y, None if lengths is None else torch.tensor(lengths))


def token_batch(steps=5, size=3, symbols=4, lengths=None, seed=1):
    """Tokens, and a token as the target of every step."""
    generator = torch.Generator().manual_seed(seed)
    x, y = torch.randint(symbols, (2, steps, size), generator=generator)
    return Batch(x, y, None if lengths is None else torch.tensor(lengths))


def alone(batch, b):
    """Sequence ``b`` by itself, cut to its length."""
    steps = int(batch.lengths[b])
    per_step = batch.targets.dtype == torch.int64
    targets = batch.targets[:steps, b : b + 1] if per_step else batch.targets[b : b + 1]
    return Batch(batch.inputs[:steps, b : b + 1], targets)


def single(cell, batch):
    """One forward layer around ``cell``, whose head reads out the sum of its units."""
    model = Model(Stack([Recurrent(cell, "loop")]), batch.inputs.shape[2], 1, tokens=False, every_step=False).double()
    nn.init.ones_(model.head.weight)
    nn.init.zeros_(model.head.bias)
    return model


def linear(weight, inputs=2, seed=0):
    """A LinearRNN with recurrent matrix ``weight``."""
    cell = randomize(LinearRNN(inputs, len(weight)), seed)
    cell.recurrent_projection.weight.data = torch.as_tensor(weight, dtype=torch.float64)
    return cell


def orthogonal(size, seed=0):
    """A random orthogonal matrix, float64."""
    return torch.linalg.qr(
        torch.randn(size, size, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    ).Q


def by_hand(model, batch, loss):
    """dL/ds_t of the last loss by retain_grad in a loop: [layer][direction][t], states of parts [B, H]; no lengths.

    Every part is cloned after the step, so that the gradient it retains holds the other parts of its state fixed.
    """
    xs, result = list(model.encode(batch.inputs)), []
    for layer in model.stack.layer_directions():
        columns, ends, kept = [], [], []
        for direction in layer:
            cell = direction.cell
            nodes: list[Any] = [None] * len(xs)
            drives: list[Any] = [None] * len(xs)
            state = cell.initial_state(xs[0].shape[0])
            times = range(len(xs))
            for t in reversed(times) if direction.reverse else times:
                drives[t] = cell.project(xs[t][None])[0]
                after = cell.step(state, drives[t])
                state = nodes[t] = type(after)(*(part.clone() for part in after))
                for part in state:
                    part.retain_grad()
            columns.append([cell.readout(*each) for each in zip(nodes, drives, strict=True)])
            ends.append(columns[-1][0 if direction.reverse else -1])
            kept.append(nodes)
        xs = [torch.cat(column, dim=-1) for column in zip(*columns, strict=True)]
        result.append(kept)
    prediction = model.head(xs[-1] if model.every_step else torch.cat(ends, dim=-1))
    if loss == "mse":
        total = ((prediction - batch.targets) ** 2).sum() / prediction.shape[-1]
    else:
        targets = batch.targets[-1] if model.every_step else batch.targets
        total = -prediction.log_softmax(dim=-1)[torch.arange(len(targets)), targets].sum()
    total.backward()
    return [
        [[type(s)(*(torch.zeros_like(p) if p.grad is None else p.grad for p in s)) for s in nodes] for nodes in kept]
        for kept in result
    ]


def measured(model, batch, loss=None):
    """A Measurement, by default with the loss that the targets go with."""
    return Measurement(model, batch, loss or ("mse" if batch.targets.is_floating_point() else "cross_entropy"))


class Alone(NamedTuple):
    """What a function of a Measurement needs that asks each path."""

    path: object

    def each(self, function):
        return [[function(self.path)]]


def of_path(function, path):
    """What a function of a Measurement says of one path."""
    return function(Alone(path))[0][0]


def of_cell(function, cell):
    """What a function of a Measurement says of a cell that takes no path."""
    return of_path(function, SimpleNamespace(cell=in_float64(cell)))


def survey_all(measurement, sequences, exponents):
    """What ``probe=full`` takes."""
    return survey(measurement, [DIAGNOSTICS[name] for name in KINDS["full"]], Options(sequences, exponents))
