"""What a terminal shows at the end: the result of a run, or the settings of a sweep, and the next commands."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from rnnbench.outcomes import rows
from rnnbench.outcomes.columns import Row, row
from rnnbench.outcomes.diagnostic_columns import MOMENTS
from rnnbench.outcomes.settings import Setting, settings, solvable
from rnnbench.report import reach, tables
from rnnbench.report.console import show, show_facts
from rnnbench.store.records import Record

COLUMNS = ("score", "solved", "steps to solve", "half-life at start", "half-life at end", "horizon at end", "failures")
"""Of the table of settings, those that fit a terminal."""
MOST = 40
"""Settings that are shown; the report has all."""


def show_run(record: Record, runs_dir: Path) -> None:
    """Print the result of a run that is done or diverged, and the next commands."""
    found = row(record)
    loss = record.final.get("test/loss")
    beside = "" if loss is None else f"; test loss {loss:.4g}, without memory {record.baseline:.4g}"
    shown = [("score", f"{record.score:.3f}{beside}")]
    if record.metric != "mse" and record.test_metric is not None:
        shown.append((record.metric.replace("_", " "), f"{record.test_metric:.4g} on the test set"))
    if solvable(found["task"]):
        at = record.solved_at_step
        shown.append(("solved", f"not within {record.steps} steps" if at is None else f"at step {at}"))
    if record.gradients:
        setting = Setting({}, [found], record.steps)
        start, end = (reach.half_life(setting, moment) for moment in MOMENTS)
        shown.append(("half-life", f"{start} before training, {end} after (steps)"))
        shown.append(("horizon", f"{reach.horizon(setting, 'final')} steps after training"))
    shown.append(("training", f"{record.steps} steps in {record.seconds:.1f} s, {record.engine}"))
    shown.append(("files", str(runs_dir / record.experiment / record.run_id)))
    show_facts([*shown, *_next(record.experiment, runs_dir, record.config["tracking"]["mode"])])


def show_sweep(found: Sequence[Row], tuned: Sequence[str], folder: Path, tracking: str) -> None:
    """Print the settings of the runs that a sweep has in its ``folder``, with intervals, and the next commands.

    The ``tuned`` keys tell settings apart only where nothing else does.
    """
    if not found:
        return
    groups = settings(rows.frame(found), tuned)
    chosen = [each for each in tables.SUMMARIES if each.title in COLUMNS and each.shown(groups)]
    header = [*groups[0].factors, "runs", *(each.title for each in chosen)]
    listed = [[*each.shown.values(), str(len(each.runs)), *(of.text(each) for of in chosen)] for each in groups[:MOST]]
    show(header, listed)
    if len(groups) > MOST:
        print(f"and {len(groups) - MOST} settings more, in the report")
    show_facts(_next(folder.name, folder.parent, tracking))


def _next(name: str, runs_dir: Path, tracking: str) -> list[tuple[str, str]]:
    """Return the next commands."""
    where = "" if runs_dir == Path("runs") else f" --runs-dir {shlex.quote(str(runs_dir))}"
    commands = [("next", f"rnnbench report {shlex.quote(name)}{where}")]
    if tracking == "offline":
        commands.append(("", f"wandb leet {shlex.quote(str(runs_dir / name / 'wandb'))}"))
    return commands
