"""Recurrent cells: one file, one cell, one paper."""

from rnnbench.cells.base import Cell, HState, LinearCell, LSTMState, State
from rnnbench.cells.elman import Elman
from rnnbench.cells.gru import GRU
from rnnbench.cells.lru import LRU
from rnnbench.cells.lstm import LSTM
from rnnbench.cells.mingru import MinGRU
from rnnbench.cells.minlstm import MinLSTM
from rnnbench.cells.qrnn import QRNN

CELLS: dict[str, type[Cell]] = {
    "elman": Elman,
    "gru": GRU,
    "lru": LRU,
    "lstm": LSTM,
    "mingru": MinGRU,
    "minlstm": MinLSTM,
    "qrnn": QRNN,
}

__all__ = [
    "CELLS",
    "GRU",
    "LRU",
    "LSTM",
    "QRNN",
    "Cell",
    "Elman",
    "HState",
    "LSTMState",
    "LinearCell",
    "MinGRU",
    "MinLSTM",
    "State",
]
