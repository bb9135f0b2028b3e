"""One row a cell and a task: it drives the common tests, which fail for anything that is missing here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from torch import nn

from equations import basic, norm_preserving
from rnnbench.tasks import TASKS, Task


@dataclass(frozen=True)
class CellRow:
    """A cell, a transcription of its paper's equations for one sequence, and its torch.nn twin."""

    name: str
    equations: Callable[..., tuple[np.ndarray, ...]]
    options: dict[str, Any] = field(default_factory=dict)
    twin: Callable[..., nn.RNNBase] | None = None
    negated: tuple[str, ...] = ()
    """Gates that the twin defines with the opposite sign."""
    lr: float = 0.01
    """The learning rate with which the cell learns adding ..."""
    steps: int = 400
    """... in so many steps of Adam."""
    depth: int = 1
    """The layers that it needs for this: a unit that sees no other can only gate what a layer below has gated."""


CELL_ROWS = {
    "antisymmetric": CellRow(
        "antisymmetric",
        norm_preserving.gated_antisymmetric,
        {"epsilon": 0.3, "gamma": 0.02, "gated": True},
        lr=0.03,
    ),
    "antisymmetric-plain": CellRow(
        "antisymmetric", norm_preserving.antisymmetric, {"epsilon": 0.1, "gamma": 0.02, "gated": False}, lr=0.03
    ),
    "cornn": CellRow("cornn", norm_preserving.cornn, {"dt": 0.3, "gamma": 1.2, "epsilon": 0.9}, lr=0.03, steps=500),
    "elman": CellRow("elman", basic.elman, twin=nn.RNN),
    "elman-relu": CellRow("elman", basic.elman_relu, options={"nonlinearity": "relu"}, twin=nn.RNN),
    "gru": CellRow("gru", basic.gru, twin=nn.GRU, negated=("update",)),
    "indrnn": CellRow("indrnn", norm_preserving.indrnn, {"length": 20}, lr=0.03, depth=2),
    "indrnn-tanh": CellRow(
        "indrnn", norm_preserving.indrnn_tanh, {"length": 20, "nonlinearity": "tanh", "long_memory": True}
    ),
    "irnn": CellRow("irnn", basic.elman_relu, twin=partial(nn.RNN, nonlinearity="relu"), steps=1500),
    "lem": CellRow("lem", norm_preserving.lem, {"dt": 0.7}, lr=0.03),
    "lstm": CellRow("lstm", basic.lstm, twin=nn.LSTM),
    "modrelu": CellRow("modrelu", norm_preserving.modrelu_network),
    "orthogonal": CellRow("orthogonal", norm_preserving.orthogonal, lr=0.03),
    "orthogonal-cayley": CellRow("orthogonal", norm_preserving.orthogonal, {"map": "cayley", "nonlinearity": "tanh"}),
    "orthogonal-linear": CellRow("orthogonal", norm_preserving.orthogonal, {"nonlinearity": "linear"}),
    "orthogonal-relu": CellRow("orthogonal", norm_preserving.orthogonal, {"nonlinearity": "relu"}),
    "unicornn": CellRow("unicornn", norm_preserving.unicornn, {"dt": 0.6, "alpha": 3.0}, lr=0.1, steps=600, depth=2),
}

TWINS = {key: row for key, row in CELL_ROWS.items() if row.twin}
"""The cells that torch.nn has too: a kernel exists for them, and an outside reference for layers."""


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
    "copy": TaskRow({"variant": "standard", "length": 1, "batch_size": 32}, beats=0.1, steps=1000),
    "delayed_xor": TaskRow({"length": 12, "delay": 2, "batch_size": 32}, beats=0.9, steps=400),
    "latch": TaskRow({"length": 10, "leading": 1, "batch_size": 32}, beats=0.9, steps=200),
    "long_lag": TaskRow({"variant": "2a", "length": 5, "batch_size": 32}, beats=0.9, steps=200),
    "parity": TaskRow({"length": 4, "batch_size": 32}, beats=0.9, steps=400),
    "temporal_order": TaskRow({"variant": "hs97_6a", "length": 10, "batch_size": 32}, beats=0.9, steps=400),
    "multiplication": TaskRow({"length": 10, "batch_size": 32}, beats=0.3, steps=400),
    "reber": TaskRow({"length": 40, "batch_size": 32}, beats=0.5, steps=300),
}


def make_task(name: str, **changes: Any) -> Task:
    return TASKS[name](name=name, **({"test_lengths": []} | TASK_ROWS[name].options | changes))
