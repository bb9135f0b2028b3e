"""The output of a sweep: on a terminal a live display of all runs, elsewhere a line as each run ends; then a table."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from rnnbench.config.schema import Config
from rnnbench.report.console import show
from rnnbench.store import records
from rnnbench.store.status import Status
from rnnbench.sweep.run_states import RunState

STYLES = {
    Status.DONE: "green", Status.DIVERGED: "yellow", Status.FAILED: "red", Status.INTERRUPTED: "yellow",
    Status.RUNNING: "cyan", Status.WAITING: "default", Status.CHANGED: "red",
}  # fmt: skip
REFRESH = 1.0  # seconds


class Display:
    """Shows ``total`` runs. Without a terminal nothing moves."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.counts: Counter[str] = Counter()
        self.console = Console()
        self.live = Live(console=self.console, auto_refresh=False, transient=True)
        self._began = self._drawn = time.monotonic()
        self._skipped = 0

    def __enter__(self) -> Display:
        if self.console.is_terminal:
            self.live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.live.stop()

    def ended(self, state: RunState) -> None:
        """Count and print a run that has just ended, or had ended before."""
        self.counts[state.status] += 1
        already = state.text.startswith("already ")
        self._skipped += already
        text = state.text if already else f"{state.status}, {state.text}"
        where = f"; see {state.where}" if state.status == Status.FAILED and state.where else ""
        if self.console.is_terminal and already and state.complete:
            return
        self.console.print(f"{state.run_id}: {text}{where}", soft_wrap=True, markup=False, highlight=False)

    def update(self, running: list[tuple[Config, Path, float]]) -> None:
        """Show the running runs: for each its configuration, its folder and when it started."""
        if not self.console.is_terminal or time.monotonic() - self._drawn < REFRESH:
            return
        self._drawn = time.monotonic()
        table = Table(box=None, padding=(0, 2, 0, 0))
        for name in ("running", "step", "", "loss", "seconds"):
            table.add_column(name, justify="left" if name in ("running", "") else "right")
        at_work = 0.0
        for config, folder, started in running:
            step, loss = records.read_progress(folder)
            most = config.trainer.max_steps
            at_work += step / most
            shown = "" if loss is None else f"{loss:.4g}"
            bar = ProgressBar(total=most, completed=step, width=20)
            table.add_row(config.run_id, f"{step}/{most}", bar, shown, f"{self._drawn - started:.0f}")
        self.live.update(Group(self._headline(len(running), at_work), table), refresh=True)

    def _headline(self, running: int, at_work: float) -> Text:
        over = self.counts.total()
        now = over - self._skipped + at_work
        left = (self._drawn - self._began) * (self.total - over - at_work) / now if now > 0 else None
        text = Text(f"{over}/{self.total}  ")
        for status, style in STYLES.items():
            text.append(f"{self.counts[status]} {status}  " if self.counts[status] else "", style)
        text.append(f"{running} running", STYLES[Status.RUNNING])
        text.append("" if left is None else f"  about {_duration(left)} left")
        return text

    def summary(self, states: list[RunState], left: int) -> None:
        """Print how the sweep ended: the counts, and a row for every run without a result."""
        self.live.stop()
        rest = f", {left} not started" if left else ""
        self.console.print(counted(states) + rest, highlight=False)
        open_ends = [state for state in states if not state.complete]
        if open_ends:
            show_states(open_ends)


def counted(states: Iterable[RunState]) -> str:
    """Return the number of runs of each status, in words."""
    counts = Counter(state.status for state in states)
    return ", ".join(f"{counts[status]} {status}" for status in STYLES if counts[status])


def show_states(states: Sequence[RunState]) -> None:
    """Print runs, their status, what there is to say, and where their log is."""
    rows = [[state.run_id, state.status, state.text, state.where] for state in states]
    show(["run", "status", "", "log"], rows, [STYLES[state.status] for state in states])


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
