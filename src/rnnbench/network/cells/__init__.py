"""Recurrent cells: one file, one cell, one paper."""

from rnnbench.network.cells.antisymmetric import Antisymmetric
from rnnbench.network.cells.base import Cell, LinearCell
from rnnbench.network.cells.cornn import CoRNN
from rnnbench.network.cells.deltanet import DeltaNet
from rnnbench.network.cells.deltaproduct import DeltaProduct
from rnnbench.network.cells.elman import Elman
from rnnbench.network.cells.gated_deltanet import GatedDeltaNet
from rnnbench.network.cells.gla import GLA
from rnnbench.network.cells.gru import GRU
from rnnbench.network.cells.gru_diagonal import DiagonalGRU
from rnnbench.network.cells.gru_reset_before import GRUResetBefore
from rnnbench.network.cells.hgrn2 import HGRN2
from rnnbench.network.cells.indrnn import IndRNN
from rnnbench.network.cells.irnn import IRNN
from rnnbench.network.cells.janet import JANET
from rnnbench.network.cells.lem import LEM
from rnnbench.network.cells.linear_attention import LinearAttention
from rnnbench.network.cells.lmu import LMU
from rnnbench.network.cells.lru import LRU
from rnnbench.network.cells.lstm import LSTM
from rnnbench.network.cells.lstm_1997 import LSTM1997
from rnnbench.network.cells.lstm_diagonal import DiagonalLSTM
from rnnbench.network.cells.lstm_full_gate import FullGateLSTM
from rnnbench.network.cells.lstm_layernorm import LayerNormLSTM
from rnnbench.network.cells.lstm_peephole import PeepholeLSTM
from rnnbench.network.cells.m2rnn import M2RNN
from rnnbench.network.cells.mamba2 import Mamba2
from rnnbench.network.cells.matrix import LinearMatrixCell, MatrixCell
from rnnbench.network.cells.mgu import MGU
from rnnbench.network.cells.mingru import MinGRU
from rnnbench.network.cells.mingru_signed import SignedMinGRU
from rnnbench.network.cells.minlstm import MinLSTM
from rnnbench.network.cells.mlstm import MLSTM
from rnnbench.network.cells.modrelu import ModReLU
from rnnbench.network.cells.orthogonal import Orthogonal
from rnnbench.network.cells.qrnn import QRNN
from rnnbench.network.cells.retnet import RetNet
from rnnbench.network.cells.rglru import RGLRU
from rnnbench.network.cells.rwkv7 import RWKV7
from rnnbench.network.cells.s4d import S4D
from rnnbench.network.cells.s5 import S5
from rnnbench.network.cells.s6 import S6
from rnnbench.network.cells.slstm import SLSTM
from rnnbench.network.cells.sru import SRU, LinearSRU
from rnnbench.network.cells.ugrnn import UGRNN
from rnnbench.network.cells.unicornn import UnICORNN

CELLS: dict[str, type[Cell]] = {
    "antisymmetric": Antisymmetric,
    "cornn": CoRNN,
    "deltanet": DeltaNet,
    "deltaproduct": DeltaProduct,
    "elman": Elman,
    "gated_deltanet": GatedDeltaNet,
    "gla": GLA,
    "gru": GRU,
    "gru_diagonal": DiagonalGRU,
    "gru_reset_before": GRUResetBefore,
    "hgrn2": HGRN2,
    "indrnn": IndRNN,
    "irnn": IRNN,
    "janet": JANET,
    "lem": LEM,
    "linear_attention": LinearAttention,
    "lmu": LMU,
    "lru": LRU,
    "lstm": LSTM,
    "lstm_1997": LSTM1997,
    "lstm_diagonal": DiagonalLSTM,
    "lstm_full_gate": FullGateLSTM,
    "lstm_layernorm": LayerNormLSTM,
    "lstm_peephole": PeepholeLSTM,
    "m2rnn": M2RNN,
    "mamba2": Mamba2,
    "mgu": MGU,
    "mingru": MinGRU,
    "mingru_signed": SignedMinGRU,
    "minlstm": MinLSTM,
    "mlstm": MLSTM,
    "modrelu": ModReLU,
    "orthogonal": Orthogonal,
    "qrnn": QRNN,
    "retnet": RetNet,
    "rwkv7": RWKV7,
    "rglru": RGLRU,
    "s4d": S4D,
    "s5": S5,
    "s6": S6,
    "slstm": SLSTM,
    "sru": SRU,
    "sru_linear": LinearSRU,
    "ugrnn": UGRNN,
    "unicornn": UnICORNN,
}

__all__ = [
    "CELLS",
    "GLA",
    "GRU",
    "HGRN2",
    "IRNN",
    "JANET",
    "LEM",
    "LMU",
    "LRU",
    "LSTM",
    "LSTM1997",
    "M2RNN",
    "MGU",
    "MLSTM",
    "QRNN",
    "RGLRU",
    "RWKV7",
    "S4D",
    "S5",
    "S6",
    "SLSTM",
    "SRU",
    "UGRNN",
    "Antisymmetric",
    "Cell",
    "CoRNN",
    "DiagonalGRU",
    "DiagonalLSTM",
    "Elman",
    "FullGateLSTM",
    "GRUResetBefore",
    "GatedDeltaNet",
    "IndRNN",
    "LayerNormLSTM",
    "LinearAttention",
    "LinearCell",
    "LinearMatrixCell",
    "LinearSRU",
    "Mamba2",
    "MatrixCell",
    "MinGRU",
    "MinLSTM",
    "ModReLU",
    "Orthogonal",
    "PeepholeLSTM",
    "RetNet",
    "SignedMinGRU",
    "UnICORNN",
]
