"""Recurrent cells: one file, one cell, one paper."""

from rnnbench.cells.antisymmetric import Antisymmetric
from rnnbench.cells.base import Cell, HState, LinearCell, LSTMState, State
from rnnbench.cells.cornn import CoRNN
from rnnbench.cells.elman import Elman
from rnnbench.cells.gru import GRU
from rnnbench.cells.gru_reset_before import GRUResetBefore
from rnnbench.cells.indrnn import IndRNN
from rnnbench.cells.irnn import IRNN
from rnnbench.cells.janet import JANET
from rnnbench.cells.lem import LEM
from rnnbench.cells.lru import LRU
from rnnbench.cells.lstm import LSTM
from rnnbench.cells.lstm_1997 import LSTM1997
from rnnbench.cells.lstm_full_gate import FullGateLSTM
from rnnbench.cells.lstm_layernorm import LayerNormLSTM
from rnnbench.cells.lstm_peephole import PeepholeLSTM
from rnnbench.cells.mgu import MGU
from rnnbench.cells.mingru import MinGRU
from rnnbench.cells.minlstm import MinLSTM
from rnnbench.cells.modrelu import ModReLU
from rnnbench.cells.orthogonal import Orthogonal
from rnnbench.cells.qrnn import QRNN
from rnnbench.cells.slstm import SLSTM
from rnnbench.cells.ugrnn import UGRNN
from rnnbench.cells.unicornn import UnICORNN

CELLS: dict[str, type[Cell]] = {
    "antisymmetric": Antisymmetric,
    "cornn": CoRNN,
    "elman": Elman,
    "gru": GRU,
    "gru_reset_before": GRUResetBefore,
    "indrnn": IndRNN,
    "irnn": IRNN,
    "janet": JANET,
    "lem": LEM,
    "lru": LRU,
    "lstm": LSTM,
    "lstm_1997": LSTM1997,
    "lstm_full_gate": FullGateLSTM,
    "lstm_layernorm": LayerNormLSTM,
    "lstm_peephole": PeepholeLSTM,
    "mgu": MGU,
    "mingru": MinGRU,
    "minlstm": MinLSTM,
    "modrelu": ModReLU,
    "orthogonal": Orthogonal,
    "qrnn": QRNN,
    "slstm": SLSTM,
    "ugrnn": UGRNN,
    "unicornn": UnICORNN,
}

__all__ = [
    "CELLS",
    "GRU",
    "IRNN",
    "JANET",
    "LEM",
    "LRU",
    "LSTM",
    "LSTM1997",
    "MGU",
    "QRNN",
    "SLSTM",
    "UGRNN",
    "Antisymmetric",
    "Cell",
    "CoRNN",
    "Elman",
    "FullGateLSTM",
    "GRUResetBefore",
    "HState",
    "IndRNN",
    "LSTMState",
    "LayerNormLSTM",
    "LinearCell",
    "MinGRU",
    "MinLSTM",
    "ModReLU",
    "Orthogonal",
    "PeepholeLSTM",
    "State",
    "UnICORNN",
]
