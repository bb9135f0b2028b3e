"""Long-dependency tasks: one file, one task."""

from rnnbench.tasks.adding import Adding
from rnnbench.tasks.base import SPLITS, Batch, Continuation, Split, Task
from rnnbench.tasks.char_lm import CharLM
from rnnbench.tasks.copy import Copy
from rnnbench.tasks.multiplication import Multiplication
from rnnbench.tasks.reber import Reber

TASKS: dict[str, type[Task]] = {
    "adding": Adding,
    "char_lm": CharLM,
    "copy": Copy,
    "multiplication": Multiplication,
    "reber": Reber,
}

__all__ = [
    "SPLITS",
    "TASKS",
    "Adding",
    "Batch",
    "CharLM",
    "Continuation",
    "Copy",
    "Multiplication",
    "Reber",
    "Split",
    "Task",
]
