"""One row a cell and a task: it drives the common tests, which fail for anything that is missing here."""

from __future__ import annotations

import atexit
import json
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from equations import basic, gated, linear, matrix, norm_preserving, recent
from rnnbench.network.cells import CELLS, Cell
from rnnbench.network.engines import ENGINES
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
    readout: Callable[..., np.ndarray] | None = None
    """What the layer above sees of the state, where that is not h: a function of all its parts."""
    lr: float = 0.03
    steps: int = 400
    """With what Adam halves the baseline of adding at T = 10, and in how many steps at most."""
    depth: int = 1
    """The layers that it needs for this: a unit that sees no other can only gate what a layer below has gated."""
    block: str = "none"
    """The block that it needs for this: gates without biases need those of its embedding."""

    def make(self, input_size: int = 3, hidden_size: int = 5) -> Cell:
        return CELLS[self.name](input_size=input_size, hidden_size=hidden_size, **self.options)


THREE_HEADS: dict[str, Any] = {"heads": 3, "key_size": 3, "value_size": 2}
"""O = 6, whatever the width."""

CELL_ROWS = {
    "antisymmetric": CellRow(
        "antisymmetric",
        norm_preserving.gated_antisymmetric,
        {"epsilon": 0.3, "gamma": 0.02, "gated": True},
    ),
    "antisymmetric-plain": CellRow(
        "antisymmetric", norm_preserving.antisymmetric, {"epsilon": 0.1, "gamma": 0.02, "gated": False}
    ),
    "cornn": CellRow("cornn", norm_preserving.cornn, {"dt": 0.3, "gamma": 1.2, "epsilon": 0.9}, steps=500),
    "deltanet": CellRow("deltanet", matrix.deltanet, THREE_HEADS, readout=matrix.delta_reading),
    "deltanet-signed": CellRow(
        "deltanet", matrix.deltanet, THREE_HEADS | {"eigenvalues": "signed"}, readout=matrix.delta_reading
    ),
    "deltaproduct": CellRow("deltaproduct", matrix.deltaproduct, THREE_HEADS, readout=matrix.delta_reading),
    "deltaproduct-3": CellRow(
        "deltaproduct",
        matrix.deltaproduct,
        THREE_HEADS | {"micro_steps": 3, "gated": False},
        readout=matrix.delta_reading,
    ),
    "elman": CellRow("elman", basic.elman, twin=nn.RNN, lr=0.01, steps=600),
    "elman-relu": CellRow("elman", basic.elman_relu, options={"nonlinearity": "relu"}, twin=nn.RNN),
    "gated_deltanet": CellRow("gated_deltanet", matrix.gated_deltanet, THREE_HEADS, readout=matrix.delta_reading),
    "gla": CellRow("gla", matrix.gla, THREE_HEADS, readout=matrix.scaled_reading),
    "gru": CellRow("gru", basic.gru, twin=nn.GRU, negated=("update",)),
    "gru_diagonal": CellRow("gru_diagonal", recent.gru_diagonal, depth=2),
    "gru_reset_before": CellRow("gru_reset_before", gated.gru_reset_before),
    "hgrn2": CellRow("hgrn2", matrix.hgrn2, THREE_HEADS, readout=matrix.hgrn2_readout, block="residual"),
    "hgrn2-bounded": CellRow("hgrn2", matrix.hgrn2, THREE_HEADS | {"lower_bound": 0.3}, readout=matrix.hgrn2_readout),
    "indrnn": CellRow("indrnn", norm_preserving.indrnn, {"length": 20}, depth=2),
    "indrnn-tanh": CellRow(
        "indrnn", norm_preserving.indrnn_tanh, {"length": 20, "nonlinearity": "tanh", "long_memory": True}
    ),
    "irnn": CellRow("irnn", basic.elman_relu, twin=partial(nn.RNN, nonlinearity="relu"), steps=1500),
    "janet": CellRow("janet", gated.janet),
    "janet-tied": CellRow("janet", gated.janet, options={"beta": 0.0}),
    "lem": CellRow("lem", norm_preserving.lem, {"dt": 0.7}),
    "linear_attention": CellRow(
        "linear_attention", matrix.linear_attention, THREE_HEADS, readout=matrix.linear_attention_readout
    ),
    "lmu": CellRow("lmu", recent.lmu, lr=0.01, options={"theta": recent.THETA, "order": 3}),
    "lru": CellRow("lru", linear.lru, {"r_min": 0.0, "r_max": 0.99}, readout=linear.lru_readout, depth=2, steps=800),
    "lru-raw": CellRow(
        "lru", linear.lru, options={"normalise": False, "activation": "identity"}, readout=linear.lru_readout
    ),
    "lru-skip": CellRow("lru", linear.lru, options={"skip": True}, readout=linear.lru_readout),
    "lstm": CellRow("lstm", basic.lstm, twin=nn.LSTM),
    "lstm_1997": CellRow("lstm_1997", gated.lstm_1997),
    "lstm_1997-block": CellRow("lstm_1997", gated.lstm_1997, options={"block_size": 5}),
    "lstm_diagonal": CellRow("lstm_diagonal", recent.lstm_diagonal, depth=2),
    "lstm_full_gate": CellRow("lstm_full_gate", gated.lstm_full_gate),
    "lstm_layernorm": CellRow("lstm_layernorm", gated.lstm_layernorm),
    "lstm_peephole": CellRow("lstm_peephole", gated.lstm_peephole),
    **{
        f"lstm_peephole-{equations.__name__}": CellRow(
            "lstm_peephole", equations, options={"ablation": equations.__name__}
        )
        for equations in (
            gated.no_peepholes,
            gated.no_input_gate,
            gated.no_forget_gate,
            gated.no_output_gate,
            gated.no_input_activation,
            gated.no_output_activation,
            gated.coupled,
        )
    },
    "m2rnn": CellRow("m2rnn", matrix.m2rnn, THREE_HEADS, readout=matrix.m2rnn_readout),
    "mamba2": CellRow("mamba2", matrix.mamba2, THREE_HEADS, readout=matrix.mamba2_readout),
    "mgu": CellRow("mgu", gated.mgu),
    "mingru": CellRow("mingru", linear.mingru),
    "mingru-positive": CellRow("mingru", linear.mingru_positive, options={"candidate": "positive"}),
    "mingru_signed": CellRow("mingru_signed", recent.mingru_signed, depth=2),
    "mingru_signed-coupled": CellRow("mingru_signed", recent.mingru_signed, options={"coupled": True}),
    "minlstm": CellRow("minlstm", linear.minlstm),
    "minlstm-positive": CellRow("minlstm", linear.minlstm_positive, options={"candidate": "positive"}),
    "mlstm": CellRow("mlstm", matrix.mlstm, THREE_HEADS, readout=matrix.mlstm_readout),
    "modrelu": CellRow("modrelu", norm_preserving.modrelu_network, steps=800),
    "orthogonal": CellRow("orthogonal", norm_preserving.orthogonal),
    "orthogonal-cayley": CellRow("orthogonal", norm_preserving.orthogonal, {"map": "cayley", "nonlinearity": "tanh"}),
    "orthogonal-linear": CellRow("orthogonal", norm_preserving.orthogonal, {"nonlinearity": "linear"}),
    "orthogonal-relu": CellRow("orthogonal", norm_preserving.orthogonal, {"nonlinearity": "relu"}),
    "qrnn": CellRow("qrnn", linear.qrnn_fo),
    "qrnn-ifo": CellRow("qrnn", linear.qrnn_ifo, options={"pooling": "ifo"}),
    "retnet": CellRow("retnet", matrix.retnet, THREE_HEADS, readout=matrix.reading),
    "rwkv7": CellRow("rwkv7", matrix.rwkv7, THREE_HEADS, readout=matrix.rwkv7_readout),
    "rglru": CellRow("rglru", recent.rglru),
    "s4d": CellRow("s4d", recent.s4d, options={"state_size": 4}, readout=recent.s4d_readout, depth=2),
    "s4d-linear": CellRow(
        "s4d", recent.s4d, options={"state_size": 2, "activation": "identity"}, readout=recent.s4d_readout
    ),
    "s5": CellRow("s5", recent.s5, options={"state_size": 12}, readout=recent.s5_readout, depth=2),
    "s5-blocks": CellRow(
        "s5",
        recent.s5,
        options={"state_size": 12, "blocks": 3, "activation": "identity"},
        readout=recent.s5_readout,
    ),
    "s6": CellRow("s6", recent.s6, options={"state_size": 3}, readout=recent.s6_readout),
    "s6-signed": CellRow("s6", recent.s6, {"state_size": 1, "decay": "signed"}, readout=recent.s6_readout),
    "slstm": CellRow("slstm", gated.slstm),
    "slstm-exp": CellRow("slstm", gated.slstm, options={"forget": "exp"}),
    "sru": CellRow("sru", recent.sru, options={"highway_bias": -1.5}),
    "sru_linear": CellRow("sru_linear", recent.sru),
    "ugrnn": CellRow("ugrnn", gated.ugrnn),
    "unicornn": CellRow("unicornn", norm_preserving.unicornn, {"dt": 0.6, "alpha": 3.0}, lr=0.1, steps=600, depth=2),
}

TWINS = {key: row for key, row in CELL_ROWS.items() if row.twin}
"""The cells that torch.nn has too: a kernel exists for them, and an outside reference for layers."""


def reached(cell: Cell, batch: int = 2, dtype: torch.dtype | None = None) -> Any:
    """A state that the cell reaches on random inputs: not any numbers are a state."""
    inputs = torch.randn(4, batch, cell.input_size, dtype=dtype)
    with torch.no_grad():
        return ENGINES["loop"](cell, inputs, cell.initial_state(batch))[1]


def write_idx(folder: Path, part: str, images: np.ndarray, labels: np.ndarray) -> None:
    """The two files of MNIST's ``part``: big-endian sizes after the number of axes, then bytes."""
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


def tiny_arrays() -> str:
    """A file of 600 sequences whose class is the sign of the first number."""
    X = np.random.default_rng(0).normal(size=(600, 10, 2))
    folder = tempfile.mkdtemp(prefix="rnnbench-arrays-")
    atexit.register(shutil.rmtree, folder)
    np.savez(f"{folder}/tiny.npz", X=X, y=(X[:, 0, 0] > 0).astype(np.int64))
    return f"{folder}/tiny.npz"


@dataclass(frozen=True)
class TaskRow:
    """A task at a size for tests."""

    options: dict[str, Any]
    beats: float
    """The score that a small LSTM reaches in ``steps`` of Adam with ``lr``."""
    steps: int
    lr: float = 0.02


TASK_ROWS = {
    "adding": TaskRow({"variant": "half", "length": 10, "batch_size": 32}, beats=0.5, steps=400),
    "arrays": TaskRow(
        {"data": tiny_arrays(), "length": 10, "validation_share": 0.15, "test_share": 0.15, "batch_size": 32},
        beats=0.8,
        steps=400,
        lr=0.03,
    ),
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
        lr=0.03,
    ),
    "copy": TaskRow({"variant": "standard", "length": 1, "batch_size": 32}, beats=0.1, steps=800),
    "delayed_xor": TaskRow({"length": 12, "delay": 2, "batch_size": 32}, beats=0.9, steps=400),
    "digits": TaskRow({"length": 8, "permuted": False, "batch_size": 32}, beats=0.6, steps=300),
    "latch": TaskRow({"length": 10, "leading": 1, "batch_size": 32}, beats=0.9, steps=200),
    "long_lag": TaskRow({"variant": "2a", "length": 5, "distractors": None, "batch_size": 32}, beats=0.9, steps=200),
    "mnist": TaskRow({"data": tiny_mnist(), "length": 28, "permuted": False, "batch_size": 32}, 0.5, 200, lr=0.01),
    "parity": TaskRow({"length": 4, "shortest": 3, "labels": "last", "batch_size": 32}, beats=0.9, steps=400),
    "temporal_order": TaskRow({"variant": "hs97_6a", "length": 10, "batch_size": 32}, beats=0.9, steps=400),
    "multiplication": TaskRow({"length": 10, "batch_size": 32}, beats=0.3, steps=400),
    "reber": TaskRow({"length": 40, "batch_size": 32}, beats=0.5, steps=300),
    "mqar": TaskRow(
        {"vocabulary": 8, "pairs": 1, "length": 6, "exponent": 1.0, "fill": "blank", "batch_size": 32}, 0.5, 200
    ),
    "induction": TaskRow({"symbols": 3, "length": 4, "batch_size": 32}, 0.3, 300),
    "associative_recall": TaskRow({"symbols": 4, "length": 4, "batch_size": 32}, 0.3, 300),
    "selective_copy": TaskRow({"vocabulary": 5, "copied": 2, "length": 8, "batch_size": 32}, 0.3, 300),
    "fuzzy_recall": TaskRow({"vocabulary": 6, "motif": 2, "length": 2, "batch_size": 32}, 0.1, 300),
    "mad_compression": TaskRow({"vocabulary": 3, "length": 3, "batch_size": 32}, 0.3, 300),
    "mad_memorisation": TaskRow({"vocabulary": 9, "length": 8, "batch_size": 32}, 0.9, 100),
    "group_word": TaskRow({"variant": "S3", "length": 6, "batch_size": 32}, 0.3, 200),
    "even_pairs": TaskRow({"length": 8, "shortest": 2, "batch_size": 32}, 0.5, 200),
    "modular_arithmetic": TaskRow(
        {
            "variant": "plain",
            "modulus": 3,
            "multiplication": False,
            "length": 5,
            "shortest": 1,
            "batch_size": 32,
        },
        beats=0.3,
        steps=300,
    ),
    "cycle_navigation": TaskRow({"length": 6, "shortest": 2, "batch_size": 32}, 0.3, 300),
    "bucket_sort": TaskRow({"vocabulary": 3, "length": 4, "shortest": 1, "batch_size": 32}, 0.3, 200),
    "reverse": TaskRow({"vocabulary": 2, "length": 3, "shortest": 1, "batch_size": 32}, 0.3, 200),
    "duplicate": TaskRow({"vocabulary": 2, "length": 3, "shortest": 1, "batch_size": 32}, 0.3, 200),
    "flip_flop": TaskRow({"ignore": 0.5, "loss_on": "reads", "length": 12, "batch_size": 32}, 0.5, 200),
    "counting": TaskRow(
        {
            "variant": "anbn",
            "length": 12,
            "shortest": 2,
            "probability": 0.3,
            "kinds": 2,
            "batch_size": 32,
        },
        beats=0.15,
        steps=200,
    ),
    "narma": TaskRow({"variant": "narma10", "length": 40, "batch_size": 32}, 0.2, 300, lr=0.01),
    "mackey_glass": TaskRow({"horizon": 10, "washout": 20, "length": 40, "batch_size": 32}, 0.5, 100),
    "lorenz": TaskRow({"horizon": 5, "washout": 20, "length": 40, "batch_size": 32}, 0.5, 100),
    "text_classification": TaskRow(
        {"data": "unicode", "level": "byte", "length": 24, "batch_size": 32}, beats=0.1, steps=300, lr=0.03
    ),
}


HELD_OUT: dict[str, Any] = {"test_lengths": [], "validation_sequences": 64, "test_sequences": 64}


def make_task(name: str, **changes: Any) -> Task:
    return TASKS[name](name=name, **(HELD_OUT | TASK_ROWS[name].options | changes))


def task_overrides(name: str) -> list[str]:
    """The row of a task as overrides on the command line."""
    return [f"task.{key}={json.dumps(value)}" for key, value in TASK_ROWS[name].options.items()]
