"""Recurrent cells: one file, one cell, one paper."""

from rnnbench.cells.base import Cell, HState, LSTMState, State
from rnnbench.cells.elman import Elman
from rnnbench.cells.gru import GRU
from rnnbench.cells.gru_reset_before import GRUResetBefore
from rnnbench.cells.janet import JANET
from rnnbench.cells.lstm import LSTM
from rnnbench.cells.lstm_1997 import LSTM1997
from rnnbench.cells.lstm_full_gate import FullGateLSTM
from rnnbench.cells.lstm_layernorm import LayerNormLSTM
from rnnbench.cells.lstm_peephole import PeepholeLSTM
from rnnbench.cells.mgu import MGU
from rnnbench.cells.slstm import SLSTM
from rnnbench.cells.ugrnn import UGRNN

CELLS: dict[str, type[Cell]] = {
    "elman": Elman,
    "gru": GRU,
    "gru_reset_before": GRUResetBefore,
    "janet": JANET,
    "lstm": LSTM,
    "lstm_1997": LSTM1997,
    "lstm_full_gate": FullGateLSTM,
    "lstm_layernorm": LayerNormLSTM,
    "lstm_peephole": PeepholeLSTM,
    "mgu": MGU,
    "slstm": SLSTM,
    "ugrnn": UGRNN,
}

__all__ = ["CELLS", "GRU", "LSTM", "Cell", "Elman", "HState", "LSTMState", "State"]
