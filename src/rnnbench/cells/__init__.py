"""Recurrent cells: one file, one cell, one paper."""

from rnnbench.cells.base import Cell, HState, LinearCell, LSTMState, State
from rnnbench.cells.elman import Elman
from rnnbench.cells.gru import GRU
from rnnbench.cells.gru_reset_before import GRUResetBefore
from rnnbench.cells.janet import JANET
from rnnbench.cells.lru import LRU
from rnnbench.cells.lstm import LSTM
from rnnbench.cells.lstm_1997 import LSTM1997
from rnnbench.cells.lstm_full_gate import FullGateLSTM
from rnnbench.cells.lstm_layernorm import LayerNormLSTM
from rnnbench.cells.lstm_peephole import PeepholeLSTM
from rnnbench.cells.mgu import MGU
from rnnbench.cells.mingru import MinGRU
from rnnbench.cells.minlstm import MinLSTM
from rnnbench.cells.qrnn import QRNN
from rnnbench.cells.slstm import SLSTM
from rnnbench.cells.ugrnn import UGRNN

CELLS: dict[str, type[Cell]] = {
    "elman": Elman,
    "gru": GRU,
    "gru_reset_before": GRUResetBefore,
    "janet": JANET,
    "lru": LRU,
    "lstm": LSTM,
    "lstm_1997": LSTM1997,
    "lstm_full_gate": FullGateLSTM,
    "lstm_layernorm": LayerNormLSTM,
    "lstm_peephole": PeepholeLSTM,
    "mgu": MGU,
    "mingru": MinGRU,
    "minlstm": MinLSTM,
    "qrnn": QRNN,
    "slstm": SLSTM,
    "ugrnn": UGRNN,
}

__all__ = [
    "CELLS",
    "GRU",
    "JANET",
    "LRU",
    "LSTM",
    "LSTM1997",
    "MGU",
    "QRNN",
    "SLSTM",
    "UGRNN",
    "Cell",
    "Elman",
    "FullGateLSTM",
    "GRUResetBefore",
    "HState",
    "LSTMState",
    "LayerNormLSTM",
    "LinearCell",
    "MinGRU",
    "MinLSTM",
    "PeepholeLSTM",
    "State",
]
