"""Recurrent cells: one file, one cell, one paper."""

from rnnbench.network.cells.antisymmetric import Antisymmetric
from rnnbench.network.cells.base import Cell, LinearCell
from rnnbench.network.cells.cornn import CoRNN
from rnnbench.network.cells.elman import Elman
from rnnbench.network.cells.gru import GRU
from rnnbench.network.cells.gru_reset_before import GRUResetBefore
from rnnbench.network.cells.indrnn import IndRNN
from rnnbench.network.cells.irnn import IRNN
from rnnbench.network.cells.janet import JANET
from rnnbench.network.cells.lem import LEM
from rnnbench.network.cells.lru import LRU
from rnnbench.network.cells.lstm import LSTM
from rnnbench.network.cells.lstm_1997 import LSTM1997
from rnnbench.network.cells.lstm_full_gate import FullGateLSTM
from rnnbench.network.cells.lstm_layernorm import LayerNormLSTM
from rnnbench.network.cells.lstm_peephole import PeepholeLSTM
from rnnbench.network.cells.mgu import MGU
from rnnbench.network.cells.mingru import MinGRU
from rnnbench.network.cells.minlstm import MinLSTM
from rnnbench.network.cells.modrelu import ModReLU
from rnnbench.network.cells.orthogonal import Orthogonal
from rnnbench.network.cells.qrnn import QRNN
from rnnbench.network.cells.slstm import SLSTM
from rnnbench.network.cells.ugrnn import UGRNN
from rnnbench.network.cells.unicornn import UnICORNN

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
    "IndRNN",
    "LayerNormLSTM",
    "LinearCell",
    "MinGRU",
    "MinLSTM",
    "ModReLU",
    "Orthogonal",
    "PeepholeLSTM",
    "UnICORNN",
]
