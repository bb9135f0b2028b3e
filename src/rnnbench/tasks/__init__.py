"""Long-dependency tasks: one file, one task."""

from rnnbench.tasks.adding import Adding
from rnnbench.tasks.arrays import Arrays
from rnnbench.tasks.base import SPLITS, Batch, Continuation, Split, Task
from rnnbench.tasks.char_lm import CharLM
from rnnbench.tasks.copy import Copy
from rnnbench.tasks.delayed_xor import DelayedXor
from rnnbench.tasks.digits import Digits
from rnnbench.tasks.latch import Latch
from rnnbench.tasks.long_lag import LongLag
from rnnbench.tasks.mnist import MNIST
from rnnbench.tasks.multiplication import Multiplication
from rnnbench.tasks.parity import Parity
from rnnbench.tasks.reber import Reber
from rnnbench.tasks.temporal_order import TemporalOrder
from rnnbench.tasks.text_classification import TextClassification

TASKS: dict[str, type[Task]] = {
    "adding": Adding,
    "arrays": Arrays,
    "char_lm": CharLM,
    "copy": Copy,
    "delayed_xor": DelayedXor,
    "digits": Digits,
    "latch": Latch,
    "long_lag": LongLag,
    "mnist": MNIST,
    "multiplication": Multiplication,
    "parity": Parity,
    "reber": Reber,
    "temporal_order": TemporalOrder,
    "text_classification": TextClassification,
}

__all__ = [
    "MNIST",
    "SPLITS",
    "TASKS",
    "Adding",
    "Arrays",
    "Batch",
    "CharLM",
    "Continuation",
    "Copy",
    "DelayedXor",
    "Digits",
    "Latch",
    "LongLag",
    "Multiplication",
    "Parity",
    "Reber",
    "Split",
    "Task",
    "TemporalOrder",
    "TextClassification",
]
