"""One row a cell and a task: it drives the common tests, which fail for anything that is missing here."""

from __future__ import annotations

import atexit
import json
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from rnnbench.cells import Cell
from rnnbench.tasks import TASKS, Task


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


class Blocks:
    """A cell's parameters as NumPy arrays by gate: ``W[gate] @ x + b[gate]`` and ``R[gate] @ h + c[gate]``."""

    def __init__(self, cell: Cell) -> None:
        def split(parameter):
            return dict(zip(cell.gates, np.split(parameter.detach().numpy(), len(cell.gates)), strict=True))

        self.W, self.b = split(cell.input_projection.weight), split(cell.input_projection.bias)
        self.R, self.c = split(cell.recurrent_projection.weight), split(cell.recurrent_projection.bias)

    def input(self, gate, x):
        return self.W[gate] @ x + self.b[gate]

    def recurrent(self, gate, h):
        return self.R[gate] @ h + self.c[gate]

    def __call__(self, gate, x, h):
        return self.input(gate, x) + self.recurrent(gate, h)


def elman(p: Blocks, x, h):
    return (np.tanh(p("hidden", x, h)),)


def elman_relu(p: Blocks, x, h):
    return (np.maximum(p("hidden", x, h), 0),)


def lstm(p: Blocks, x, h, c):
    i, f, o = (sigmoid(p(gate, x, h)) for gate in ("input", "forget", "output"))
    new = f * c + i * np.tanh(p("candidate", x, h))
    return o * np.tanh(new), new


def gru(p: Blocks, x, h):
    r, z = sigmoid(p("reset", x, h)), sigmoid(p("update", x, h))
    candidate = np.tanh(p.input("candidate", x) + r * p.recurrent("candidate", h))
    return ((1 - z) * h + z * candidate,)


@dataclass(frozen=True)
class CellRow:
    """A cell, a transcription of its paper's equations for one sequence, and its torch.nn twin."""

    name: str
    equations: Callable[..., tuple[np.ndarray, ...]]
    options: dict[str, Any] = field(default_factory=dict)
    twin: type[nn.RNNBase] | None = None
    negated: tuple[str, ...] = ()
    """Gates that the twin defines with the opposite sign."""


CELL_ROWS = {
    "elman": CellRow("elman", elman, twin=nn.RNN),
    "elman-relu": CellRow("elman", elman_relu, options={"nonlinearity": "relu"}, twin=nn.RNN),
    "gru": CellRow("gru", gru, twin=nn.GRU, negated=("update",)),
    "lstm": CellRow("lstm", lstm, twin=nn.LSTM),
}

TWINS = {key: row for key, row in CELL_ROWS.items() if row.twin}
"""The cells that torch.nn has too: a kernel exists for them, and an outside reference for layers."""


def write_idx(folder: Path, part: str, images: np.ndarray, labels: np.ndarray) -> None:
    """The two files of MNIST's ``part``: big-endian sizes behind the number of axes, then bytes."""
    for ending, array in (("images-idx3-ubyte", images), ("labels-idx1-ubyte", labels)):
        header = np.array([0x800 + array.ndim, *array.shape], dtype=">i4").tobytes()
        (folder / f"{part}-{ending}").write_bytes(header + array.astype(np.uint8).tobytes())


def tiny_mnist() -> str:
    """A folder of MNIST's files with 300 + 100 of scikit-learn's digits, three times as large, in them."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    images = np.pad(np.kron(digits.images[:400], np.full((1, 3, 3), 15)), ((0, 0), (2, 2), (2, 2)))
    folder = Path(tempfile.mkdtemp(prefix="rnnbench-mnist-"))
    atexit.register(shutil.rmtree, folder)
    for part, span in (("train", slice(300)), ("t10k", slice(300, 400))):
        write_idx(folder, part, images[span], digits.target[span])
    return str(folder)


@dataclass(frozen=True)
class TaskRow:
    """A task at a size for tests."""

    options: dict[str, Any]
    beats: float
    """The score that a small LSTM reaches in ``steps``."""
    steps: int


TASK_ROWS = {
    "adding": TaskRow({"variant": "half", "length": 10, "batch_size": 32}, beats=0.5, steps=400),
    "char_lm": TaskRow(
        {
            "corpus": "docs",
            "length": 20,
            "batch_size": 16,
            "prompt": "The ",
            "sample_length": 20,
            "temperature": 0.8,
        },
        beats=0.0,
        steps=400,
    ),
    "copy": TaskRow({"variant": "standard", "length": 1, "batch_size": 32}, beats=0.1, steps=800),
    "delayed_xor": TaskRow({"length": 12, "delay": 2, "batch_size": 32}, beats=0.9, steps=400),
    "digits": TaskRow({"length": 8, "permuted": False, "batch_size": 32}, beats=0.6, steps=300),
    "latch": TaskRow({"length": 10, "leading": 1, "batch_size": 32}, beats=0.9, steps=200),
    "long_lag": TaskRow({"variant": "2a", "length": 5, "distractors": None, "batch_size": 32}, beats=0.9, steps=200),
    "mnist": TaskRow({"data": tiny_mnist(), "length": 28, "permuted": False, "batch_size": 32}, beats=0.5, steps=200),
    "parity": TaskRow({"length": 4, "shortest": 3, "batch_size": 32}, beats=0.9, steps=400),
    "temporal_order": TaskRow({"variant": "hs97_6a", "length": 10, "batch_size": 32}, beats=0.9, steps=400),
    "multiplication": TaskRow({"length": 10, "batch_size": 32}, beats=0.3, steps=400),
    "reber": TaskRow({"length": 40, "batch_size": 32}, beats=0.5, steps=300),
    "text_classification": TaskRow(
        {"data": "unicode", "level": "byte", "length": 24, "batch_size": 32}, beats=0.1, steps=300
    ),
}


def make_task(name: str, **changes: Any) -> Task:
    return TASKS[name](name=name, **({"test_lengths": []} | TASK_ROWS[name].options | changes))


def task_overrides(name: str) -> list[str]:
    """The row of a task as overrides on the command line."""
    return [f"task.{key}={json.dumps(value)}" for key, value in TASK_ROWS[name].options.items()]
