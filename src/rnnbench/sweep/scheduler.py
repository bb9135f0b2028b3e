"""Runs many configurations, several at a time, each in its own process, and survives their failures."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import tempfile
import time
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from multiprocessing import connection
from multiprocessing.context import ForkServerProcess

import psutil

from rnnbench.config.schema import Config
from rnnbench.errors import UserError, check_range
from rnnbench.interruption import StopRequest, stoppable
from rnnbench.outcomes.reuse import Published, published
from rnnbench.store import records
from rnnbench.store.status import Status
from rnnbench.sweep.display import Display
from rnnbench.sweep.run_states import RunState, already_ended, clear_for_rerun, folder_of, inspect, record_failure
from rnnbench.sweep.worker import PRELOAD, TRACKED, Outcome, work

TICK = 0.25  # seconds between two looks at the running jobs
GRACE = 60.0  # seconds that a job has for its last checkpoint once it is asked to stop
LEAVE = 10.0  # seconds that a process has to end after its last word
GIB = 2**30
LONGEST_TEMPORARY = 70  # characters: a socket's path may have 104, and Python's forkserver and W&B add up to 32


@dataclass(frozen=True)
class Options:
    """``jobs`` at once (None: one a core), ``max_memory`` GiB and ``timeout`` seconds a job, GPUs of one job each."""

    jobs: int | None = None
    max_memory: float | None = None
    timeout: float | None = None
    devices: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        for key in ("jobs", "max_memory", "timeout"):
            if getattr(self, key) is not None:
                check_range(f"hydra.launcher.{key}", getattr(self, key), above=0)

    @property
    def slots(self) -> Sequence[int | None]:
        """The resources of concurrent jobs: each a GPU, or None for a core."""
        if self.devices:
            return list(self.devices)[: self.jobs]
        cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
        return [None] * (self.jobs or cores)


class Job:
    """A run in its process."""

    def __init__(self, index: int, config: Config, slot: int | None) -> None:
        context = multiprocessing.get_context("forkserver")
        self.index, self.config, self.slot = index, config, slot
        self.folder = folder_of(config)
        self.killed_because: str | None = None
        self.report, sender = context.Pipe(duplex=False)
        self.process: ForkServerProcess = context.Process(target=work, args=(config, slot, sender), daemon=True)
        self.process.start()
        sender.close()  # the child's end alone: it closes when the child dies
        self.started = time.monotonic()

    def enforce(self, options: Options) -> None:
        """Kill the job if it is over a limit."""
        if options.timeout is not None and time.monotonic() - self.started > options.timeout:
            self.kill(f"over hydra.launcher.timeout={options.timeout:g} seconds")
        if options.max_memory is not None:
            with suppress(psutil.Error):  # it has just ended
                used = psutil.Process(self.process.pid).memory_info().rss / GIB
                if used > options.max_memory:
                    self.kill(f"{used:.2f} GiB of memory, over hydra.launcher.max_memory={options.max_memory:g}")

    def kill(self, because: str | None = None) -> None:
        self.killed_because = self.killed_because or because
        assert self.process.pid is not None
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)  # and its helpers
        self.process.kill()

    def conclude(self, stopping: bool) -> RunState:
        """Return the final state of the job, once its end of the pipe sends a word or closes."""
        try:
            outcome = Outcome.decode(self.report.recv_bytes())
        except EOFError:
            outcome = None
        self.process.join(LEAVE)
        if self.process.is_alive():
            self.kill()
            self.process.join()
        self.report.close()
        state = inspect(self.folder)
        if outcome is not None and outcome.status == Status.RUNNING:
            return state if state.complete else state._replace(status=Status.RUNNING, text="is running elsewhere")
        cut_off = outcome is None and stopping and self.killed_because is None
        if cut_off or (outcome is not None and outcome.status == Status.INTERRUPTED):
            return state._replace(status=Status.INTERRUPTED, text="the same command goes on with it")
        if state.status.ended:
            return state
        reason = (
            exit_reason(self.process.exitcode) if outcome is None else outcome.reason or "its record cannot be written"
        )
        return fail(self.config, self.killed_because or reason)


def fail(config: Config, reason: str) -> RunState:
    """Record and return the failure of a run that could not record it itself."""
    folder = folder_of(config)
    with suppress(OSError):  # a full disk holds no record; it is printed, and the next launch runs it again
        record_failure(config, reason)
    return RunState(config.run_id, Status.FAILED, reason, folder / records.LOG)


def exit_reason(code: int | None) -> str:
    """Return how a process without a result ended, from its exit code; below zero it is the signal that killed it."""
    if code is not None and code < 0:
        name = signal.Signals(-code).name
        return f"killed by {name}" + (" (out of memory?)" if name == "SIGKILL" else "")
    return f"its process ended with exit code {code} and without a result"


class Sweep:
    """The waiting runs, the running ones, and the final states of the others."""

    def __init__(
        self,
        configs: list[Config],
        published: Mapping[str, Published],
        options: Options,
        display: Display,
        stop: StopRequest,
    ) -> None:
        self.configs, self.published = configs, published
        self.options, self.display, self.stop = options, display, stop
        self.waiting = deque(range(len(configs)))
        self.free = list(options.slots)
        self.jobs: dict[connection.Connection, Job] = {}
        self.states: dict[int, RunState] = {}
        self.asked: float | None = None

    def run(self) -> None:
        """Run until every run has ended, or, after a request to stop, until none is running."""
        try:
            while self.jobs or (self.waiting and not self.stop.requested):
                self._start()
                for ready in connection.wait(list(self.jobs), TICK):
                    job = self.jobs.pop(ready)  # type: ignore[call-overload]
                    self.free.append(job.slot)
                    self._note(job.index, job.conclude(self.stop.requested))
                for job in self.jobs.values():
                    job.enforce(self.options)
                if self.stop.requested:
                    self._end_jobs()
                self.display.update([(job.config, job.folder, job.started) for job in self.jobs.values()])
        finally:
            for job in self.jobs.values():  # where the user insists
                job.kill()
        for index, state in self.states.items():
            if state.status == Status.RUNNING:  # it may have ended meanwhile
                self.states[index] = inspect(folder_of(self.configs[index]))

    def _start(self) -> None:
        """Give every free slot a run; skip what has ended."""
        while self.waiting and self.free and not self.stop.requested:
            index = self.waiting.popleft()
            config = self.configs[index]
            before = already_ended(config, self.published)
            if before is not None:
                self._note(index, before)
                continue
            try:
                job = Job(index, config, self.free[-1])
            except (OSError, EOFError) as error:
                self._note(index, fail(config, f"no process could be started for it: {error!r}"))
                continue
            self.free.pop()
            self.jobs[job.report] = job

    def _end_jobs(self) -> None:
        """Ask the jobs to stop, once, and kill those that do not."""
        if self.asked is None:
            self.asked = time.monotonic()
            for job in self.jobs.values():
                job.process.terminate()
        elif time.monotonic() - self.asked > GRACE:
            for job in self.jobs.values():
                job.kill()

    def _note(self, index: int, state: RunState) -> None:
        self.states[index] = state
        self.display.ended(state)


def check_sockets() -> None:
    """Raise UserError where the system refuses the paths of the sockets through which a sweep starts its processes."""
    folder = tempfile.gettempdir()
    if len(folder) > LONGEST_TEMPORARY:
        raise UserError(
            f"TMPDIR={folder}: is {len(folder)} characters long, more than the {LONGEST_TEMPORARY} that leave room for "
            "the name of a socket; set TMPDIR to a shorter folder"
        )


def run_all(configs: list[Config], options: Options) -> list[RunState]:
    """Run what has not ended yet and return the state of each configuration's run, in order.

    Raises Interrupted when asked to stop: the jobs then take a checkpoint first.
    """
    check_sockets()
    reused = published(configs)
    for config in configs:
        clear_for_rerun(config)
    configs = [replace(config, force=False, retry_failed=False) for config in configs]
    tracked = any(config.tracking.mode != "disabled" for config in configs)
    multiprocessing.get_context("forkserver").set_forkserver_preload([*PRELOAD, *([TRACKED] if tracked else [])])
    with stoppable() as stop, Display(configs) as display:
        sweep = Sweep(configs, reused, options, display, stop)
        sweep.run()
        display.summary([sweep.states[index] for index in sorted(sweep.states)], left=len(sweep.waiting))
        if stop.requested:
            raise stop.interrupted
    return [sweep.states[index] for index in range(len(configs))]
