"""Long-dependency tasks: one file, one task."""

from rnnbench.tasks.adding import Adding
from rnnbench.tasks.base import SPLITS, Batch, Continuation, Split, Task
from rnnbench.tasks.char_lm import CharLM
from rnnbench.tasks.copy import Copy

TASKS: dict[str, type[Task]] = {
    "adding": Adding,
    "char_lm": CharLM,
    "copy": Copy,
}

__all__ = ["SPLITS", "TASKS", "Adding", "Batch", "CharLM", "Continuation", "Copy", "Split", "Task"]
