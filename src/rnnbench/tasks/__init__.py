"""Long-dependency tasks: one file, one task."""

from rnnbench.tasks.adding import Adding
from rnnbench.tasks.arrays import Arrays
from rnnbench.tasks.associative_recall import AssociativeRecall
from rnnbench.tasks.base import SPLITS, Batch, Continuation, Split, Task
from rnnbench.tasks.bucket_sort import BucketSort
from rnnbench.tasks.char_lm import CharLM
from rnnbench.tasks.copy import Copy
from rnnbench.tasks.counting import Counting
from rnnbench.tasks.cycle_navigation import CycleNavigation
from rnnbench.tasks.delayed_xor import DelayedXor
from rnnbench.tasks.digits import Digits
from rnnbench.tasks.duplicate import Duplicate
from rnnbench.tasks.even_pairs import EvenPairs
from rnnbench.tasks.flip_flop import FlipFlop
from rnnbench.tasks.fuzzy_recall import FuzzyRecall
from rnnbench.tasks.group_word import GroupWord
from rnnbench.tasks.induction import Induction
from rnnbench.tasks.latch import Latch
from rnnbench.tasks.long_lag import LongLag
from rnnbench.tasks.lorenz import Lorenz
from rnnbench.tasks.mackey_glass import MackeyGlass
from rnnbench.tasks.mad_compression import MADCompression
from rnnbench.tasks.mad_memorisation import MADMemorisation
from rnnbench.tasks.mnist import MNIST
from rnnbench.tasks.modular_arithmetic import ModularArithmetic
from rnnbench.tasks.mqar import MQAR
from rnnbench.tasks.multiplication import Multiplication
from rnnbench.tasks.narma import NARMA
from rnnbench.tasks.parity import Parity
from rnnbench.tasks.reber import Reber
from rnnbench.tasks.reverse import Reverse
from rnnbench.tasks.selective_copy import SelectiveCopy
from rnnbench.tasks.temporal_order import TemporalOrder
from rnnbench.tasks.text_classification import TextClassification

TASKS: dict[str, type[Task]] = {
    "adding": Adding,
    "arrays": Arrays,
    "associative_recall": AssociativeRecall,
    "bucket_sort": BucketSort,
    "char_lm": CharLM,
    "copy": Copy,
    "counting": Counting,
    "cycle_navigation": CycleNavigation,
    "delayed_xor": DelayedXor,
    "digits": Digits,
    "duplicate": Duplicate,
    "even_pairs": EvenPairs,
    "flip_flop": FlipFlop,
    "fuzzy_recall": FuzzyRecall,
    "group_word": GroupWord,
    "induction": Induction,
    "latch": Latch,
    "long_lag": LongLag,
    "lorenz": Lorenz,
    "mackey_glass": MackeyGlass,
    "mad_compression": MADCompression,
    "mad_memorisation": MADMemorisation,
    "mnist": MNIST,
    "modular_arithmetic": ModularArithmetic,
    "mqar": MQAR,
    "multiplication": Multiplication,
    "narma": NARMA,
    "parity": Parity,
    "reber": Reber,
    "reverse": Reverse,
    "selective_copy": SelectiveCopy,
    "temporal_order": TemporalOrder,
    "text_classification": TextClassification,
}

__all__ = [
    "MNIST",
    "MQAR",
    "NARMA",
    "SPLITS",
    "TASKS",
    "Adding",
    "Arrays",
    "AssociativeRecall",
    "Batch",
    "BucketSort",
    "CharLM",
    "Continuation",
    "Copy",
    "Counting",
    "CycleNavigation",
    "DelayedXor",
    "Digits",
    "Duplicate",
    "EvenPairs",
    "FlipFlop",
    "FuzzyRecall",
    "GroupWord",
    "Induction",
    "Latch",
    "LongLag",
    "Lorenz",
    "MADCompression",
    "MADMemorisation",
    "MackeyGlass",
    "ModularArithmetic",
    "Multiplication",
    "Parity",
    "Reber",
    "Reverse",
    "SelectiveCopy",
    "Split",
    "Task",
    "TemporalOrder",
    "TextClassification",
]
