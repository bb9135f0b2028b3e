"""Recurrent cells: one file, one cell, one paper."""

from rnnbench.cells.antisymmetric import Antisymmetric
from rnnbench.cells.base import Cell, HState, HZState, LSTMState, State
from rnnbench.cells.cornn import CoRNN
from rnnbench.cells.elman import Elman
from rnnbench.cells.gru import GRU
from rnnbench.cells.indrnn import IndRNN
from rnnbench.cells.irnn import IRNN
from rnnbench.cells.lem import LEM
from rnnbench.cells.lstm import LSTM
from rnnbench.cells.modrelu import ModReLU
from rnnbench.cells.orthogonal import Orthogonal
from rnnbench.cells.unicornn import UnICORNN

CELLS: dict[str, type[Cell]] = {
    "antisymmetric": Antisymmetric,
    "cornn": CoRNN,
    "elman": Elman,
    "gru": GRU,
    "indrnn": IndRNN,
    "irnn": IRNN,
    "lem": LEM,
    "lstm": LSTM,
    "modrelu": ModReLU,
    "orthogonal": Orthogonal,
    "unicornn": UnICORNN,
}

__all__ = ["CELLS", "GRU", "IRNN", "LSTM", "Cell", "Elman", "HState", "HZState", "LSTMState", "State"]
