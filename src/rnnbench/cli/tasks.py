"""``rnnbench tasks``: what the tasks are."""

from __future__ import annotations

import sys

import click
import numpy as np

from rnnbench.cli import options
from rnnbench.errors import unknown
from rnnbench.extensions import EXTERNAL, described, installed
from rnnbench.report.console import Value, show, show_or_json
from rnnbench.sweep.configuration import configure, default
from rnnbench.tasks import TASKS, Arrays, Task

HEADER = (
    "task", "variant", "what", "capability", "input", "target", "metric", "baseline", "solved below", "chance",
    "longer tests", "source",
)  # fmt: skip
ARRAYS: list[Value] = [
    "arrays", None, Arrays.title, Arrays.capability, "real [T, B, I] or tokens [T, B]", "each sequence or each step",
    "mse or accuracy", "mse or cross_entropy of the data", None, None, "where its arrays allow", Arrays.source,
]  # fmt: skip
"""The facts of a task that has no data by default."""


@click.command("tasks")
@click.argument("name", required=False)
@click.argument("overrides", nargs=-1)
@options.as_json
def command(name: str | None, overrides: tuple[str, ...], as_json: bool) -> None:
    """Show what the tasks are, in a table, or a drawn example of the task NAME.

    OVERRIDES are options of the task: rnnbench tasks adding task.length=12 seed=3
    """
    if name is None:
        own, broken = described("task", TASKS, lambda name: row(configured(name)[0], None))
        show_or_json(HEADER, [*rows(), *own], as_json)
        print("".join(f"{line}\n" for line in broken), end="", file=sys.stderr)
    elif name not in (known := {*TASKS, *installed("task"), EXTERNAL}):
        raise unknown("task", name, known)
    else:
        example(name, *overrides)


def configured(name: str, *overrides: str) -> tuple[Task, int]:
    """Return the task called ``name`` with the default options of its configuration, and the seed."""
    config = configure(f"task={name}", *overrides)
    return config.task, config.seed


def rows() -> list[list[Value]]:
    """Return the facts of every variant of every task at its defaults, in the order of HEADER."""
    found = []
    for name, kind in TASKS.items():
        if kind is Arrays:
            found.append(ARRAYS)
            continue
        usual = default("task", name)
        for variant in kind.variants:
            task = default("task", name, variant=variant)
            found.append(row(task, f"{variant} (default)" if task == usual else variant))
        if not kind.variants:
            found.append(row(usual, None))
    return found


def row(task: Task, variant: str | None) -> list[Value]:
    """Return the facts of a task. Facts that depend on the data are left out: not all data are on this machine."""
    if task.tokens:
        inputs = f"tokens [T, B] of {task.input_size}" if task.drawn else "tokens [T, B]"
    else:
        inputs = f"real [T, B, {task.input_size}]"
    target = "each step" if task.every_step else "each sequence"
    baseline = f"{task.loss} {task.baseline('train'):.4g}" if task.drawn else f"{task.loss} of the data"
    solved = task.solved_below if task.drawn else None
    return [
        task.name, variant, task.title, task.capability, inputs, target, task.metric, baseline, solved, task.chance,
        task.longer, task.source,
    ]  # fmt: skip


def example(name: str, *overrides: str) -> None:
    """Print the first sequence of the first training batch, a line a step."""
    task, seed = configured(name, *overrides)
    batch = task.batch("train", seed, 0)
    steps = len(batch.inputs) if batch.lengths is None else int(batch.lengths[0])
    size = batch.inputs.shape[1]
    informative = set() if batch.informative is None else set(batch.informative[batch.informative % size == 0] // size)
    scored = set() if batch.scored is None else set(batch.scored[batch.scored % size == 0] // size)
    lines = []
    for t in range(steps):
        marks = ["informative"] * (t in informative) + ["scored"] * (t in scored)
        target = [str(batch.targets[t, 0])] if task.every_step else []
        lines.append([str(t), str(np.round(batch.inputs[t, 0], 3)), *target, ", ".join(marks)])
    show(["t", "input", *(["target"] if task.every_step else []), ""], lines)
    if not task.every_step:
        print(f"target: {np.round(batch.targets[0], 3)}")
    print(f"baseline: {task.baseline('train'):.4g} ({task.loss})")
