"""The output of a sweep: on a terminal a live display of all settings, elsewhere a line as each run ends."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from rnnbench.config.factors import factors, short
from rnnbench.config.identity import flatten, valued
from rnnbench.config.schema import Config
from rnnbench.outcomes.problems import words
from rnnbench.report.console import show
from rnnbench.store import records
from rnnbench.store.run_log import duration
from rnnbench.store.status import Status
from rnnbench.sweep.run_states import RunState

STYLES = {
    Status.DONE: "green", Status.DIVERGED: "yellow", Status.FAILED: "red", Status.INTERRUPTED: "yellow",
    Status.RUNNING: "cyan", Status.WAITING: "default", Status.CHANGED: "red",
}  # fmt: skip
REFRESH = 1.0  # seconds


class Display:
    """Shows the runs of ``configs`` by their settings. Without a terminal nothing moves."""

    def __init__(self, configs: Sequence[Config]) -> None:
        self.total = len(configs)
        self.counts: Counter[str] = Counter()
        self.console = Console()
        self.settings = setting_names(configs) if self.console.is_terminal else {}
        self.ended_of: dict[str, list[str]] = {name: [] for name in self.settings.values()}
        """The statuses of the ended runs of each setting."""
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
        if state.run_id in self.settings:
            self.ended_of[self.settings[state.run_id]].append(state.status)
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
        of_setting = Counter(self.settings.values())
        table = Table(box=None, padding=(0, 2, 0, 0))
        for name in ("setting", "", "ended", "running"):
            table.add_column(name, no_wrap=name in ("", "ended"))
        at_work = 0.0
        now: dict[str, list[str]] = {}
        for config, folder, started in running:
            step, loss = records.read_progress(folder)
            at_work += step / config.trainer.max_steps
            shown = "" if loss is None else f", loss {loss:.4g}"
            text = f"seed {config.seed}: step {step}/{config.trainer.max_steps}{shown}, {self._drawn - started:.0f} s"
            now.setdefault(self.settings[config.run_id], []).append(text)
        room = max(3, self.console.height - len(running) - 6)
        listed = (
            list(of_setting) if len(of_setting) <= room else [*now, *(each for each in of_setting if each not in now)]
        )
        for name in listed[:room]:
            ended, total = self.ended_of[name], of_setting[name]
            bar = ProgressBar(total=total, completed=len(ended), width=12)
            wrong = [status for status in ended if status != Status.DONE]
            beside = f", {', '.join(f'{n} {status}' for status, n in Counter(wrong).items())}" if wrong else ""
            counted_as = Text(f"{len(ended)}/{total}{beside}", STYLES[Status.FAILED] if wrong else "")
            table.add_row(Text(name), bar, counted_as, Text("\n".join(now.get(name, []))))
        left = [Text(f"and {len(of_setting) - room} settings more")] if len(of_setting) > room else []
        self.live.update(Group(self._headline(len(running), at_work), table, *left), refresh=True)

    def _headline(self, running: int, at_work: float) -> Text:
        over = self.counts.total()
        now = over - self._skipped + at_work
        left = (self._drawn - self._began) * (self.total - over - at_work) / now if now > 0 else None
        text = Text(f"{over}/{self.total}  ")
        for status, style in STYLES.items():
            text.append(f"{self.counts[status]} {status}  " if self.counts[status] else "", style)
        text.append(f"{running} running", STYLES[Status.RUNNING])
        text.append("" if left is None else f"  about {duration(left)} left")
        return text

    def summary(self, states: list[RunState], left: int) -> None:
        """Print how the sweep ended: the counts, and a row for every run without a result."""
        self.live.stop()
        rest = f", {left} not started" if left else ""
        self.console.print(counted(states) + rest, highlight=False)
        open_ends = [state for state in states if not state.complete]
        if open_ends:
            show_states(open_ends)


def setting_names(configs: Sequence[Config]) -> Mapping[str, str]:
    """Return what each run varies, less the seed, by its run_id, the settings in order."""
    flat = {config.run_id: flatten(config.to_dict()) for config in configs}
    varied = factors(list(flat.values()))
    return {
        run_id: words({short(key): valued(each, key) for key in varied}) or str(each["cell.name"])
        for run_id, each in flat.items()
    }


def counted(states: Iterable[RunState]) -> str:
    """Return the number of runs of each status, in words."""
    counts = Counter(state.status for state in states)
    return ", ".join(f"{counts[status]} {status}" for status in STYLES if counts[status])


def show_states(states: Sequence[RunState]) -> None:
    """Print runs, their status, what there is to say, and where their log is."""
    rows = [[state.run_id, state.status, state.text, state.where] for state in states]
    show(["run", "status", "", "log"], rows, [STYLES[state.status] for state in states])
