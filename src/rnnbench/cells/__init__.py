"""Recurrent cells: one file, one cell, one paper."""

from rnnbench.cells.base import Cell, HState, LSTMState, State
from rnnbench.cells.elman import Elman
from rnnbench.cells.gru import GRU
from rnnbench.cells.lstm import LSTM

CELLS: dict[str, type[Cell]] = {
    "elman": Elman,
    "gru": GRU,
    "lstm": LSTM,
}

__all__ = ["CELLS", "GRU", "LSTM", "Cell", "Elman", "HState", "LSTMState", "State"]
