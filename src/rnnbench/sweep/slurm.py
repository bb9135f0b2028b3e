"""Runs many configurations on a Slurm cluster: a job a run, submitted with submitit, usually as one array.

The state of a job is read from its run's folder and from ``squeue``, which needs no accounting. A job that is asked
to stop (its time limit comes near, it is preempted) takes a checkpoint and is queued again, until its run has ended.
"""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import time
from contextlib import redirect_stderr
from dataclasses import replace
from pathlib import Path

from rnnbench.config.schema import Config
from rnnbench.errors import UserError
from rnnbench.interruption import stoppable
from rnnbench.outcomes.reuse import published
from rnnbench.store import records
from rnnbench.store.status import Status
from rnnbench.sweep.cluster import STOPPED, Job, Options, last_line, squeue
from rnnbench.sweep.display import Display
from rnnbench.sweep.run_states import RunState, already_ended, clear_for_rerun, folder_of, inspect
from rnnbench.sweep.scheduler import fail
from rnnbench.sweep.worker import perform, redirect

FOLDER = ".slurm"
"""In the folder of the sweep: the id of each run's job, and the output of Slurm and submitit."""
TICK = 0.25  # seconds
ARRAY = 1000  # jobs in one array: Slurm's default limit
MISSES = 60  # answers that squeue may owe in a row


def run_all(configs: list[Config], options: Options) -> list[RunState]:
    """Submit what has neither ended nor is still queued, and return the state of each configuration's run, in order.

    Raises UserError where Slurm refuses the jobs, Interrupted when asked to stop: the jobs then go on without it.
    """
    reused = published(configs)
    for config in configs:
        clear_for_rerun(config)
    configs = [replace(config, force=False, retry_failed=False) for config in configs]
    states: dict[str, RunState] = {}
    started: dict[str, float] = {}
    misses = 0
    with stoppable() as stop, Display(configs) as display:

        def note(state: RunState) -> None:
            states[state.run_id] = state
            display.ended(state)

        for config in configs:
            before = already_ended(config, reused)
            if before is not None:
                note(before)
        open_ends = [config for config in configs if config.run_id not in states]
        ids = _queued(open_ends)
        new = _submit([config for config in open_ends if config.run_id not in ids], options)
        print(f"{len(new)} jobs submitted, {len(ids)} from before still queued", flush=True)
        ids |= new
        over: set[str] = set()
        while open_ends and not stop.requested:
            began = time.monotonic()
            try:
                jobs = squeue(job_id.partition("_")[0] for job_id in ids.values())
                misses = 0
            except UserError:
                misses += 1
                if misses > MISSES:
                    raise
            else:
                for config in open_ends:
                    job_id = ids[config.run_id]
                    state = _conclude(config, job_id, jobs.get(job_id), config.run_id in over)
                    if state is not None:
                        note(state)
                    elif job_id not in jobs or jobs[job_id].over:
                        over.add(config.run_id)  # a network file system may show its record late: look again
                    elif jobs[job_id].state == "RUNNING":
                        started.setdefault(config.run_id, began)
                open_ends = [config for config in open_ends if config.run_id not in states]
            at_work = [each for each in open_ends if each.run_id in started]
            while open_ends and time.monotonic() < began + options.poll and not stop.requested:
                display.update([(each, folder_of(each), started[each.run_id]) for each in at_work])
                time.sleep(TICK)
        display.summary([states[config.run_id] for config in configs if config.run_id in states], left=0)
        if stop.requested:
            still = " ".join(sorted({ids[config.run_id].partition("_")[0] for config in open_ends}))
            print(f"{len(open_ends)} jobs go on; the same command waits for them, 'scancel {still}' ends them")
            raise stop.interrupted
    return [states[config.run_id] for config in configs]


def _queued(configs: list[Config]) -> dict[str, str]:
    """Return the runs that an earlier launch submitted and Slurm still has, with the ids of their jobs."""
    ids = {}
    for config in configs:
        note = _note(config)
        text = note.read_text(encoding="utf-8").strip() if note.exists() else ""
        if re.fullmatch(r"\d+(_\d+)?", text):
            ids[config.run_id] = text
    jobs = squeue(job_id.partition("_")[0] for job_id in ids.values())
    return {run_id: job_id for run_id, job_id in ids.items() if job_id in jobs and not jobs[job_id].over}


def _submit(configs: list[Config], options: Options) -> dict[str, str]:
    """Submit the runs to Slurm and return the ids of their jobs."""
    if not configs:
        return {}
    if len(configs) > ARRAY:
        return _submit(configs[:ARRAY], options) | _submit(configs[ARRAY:], options)
    import submitit

    folder = _note(configs[0]).parent
    executor = submitit.AutoExecutor(folder, cluster="slurm")
    executor.update_parameters(**options.parameters)
    try:
        with redirect_stderr(io.StringIO()):  # where submitit repeats what sbatch says
            jobs = executor.map_array(work, configs)
    except submitit.core.utils.FailedJobError as error:
        raise UserError(f"Slurm takes no jobs: {last_line(str(error)).rpartition('failed: ')[2]}") from error
    for config, job in zip(configs, jobs, strict=True):
        _note(config).write_text(f"{job.job_id}\n", encoding="utf-8")
    return {config.run_id: job.job_id for config, job in zip(configs, jobs, strict=True)}


def _note(config: Config) -> Path:
    """Return the file that records which job was submitted for a run."""
    return folder_of(config).parent / FOLDER / config.run_id


def _conclude(config: Config, job_id: str, job: Job | None, again: bool) -> RunState | None:
    """Return the final state of a run, None while it is unknown. ``again``: its job was over at the last look too."""
    folder = folder_of(config)
    over = job is None or job.over
    if not over and not (folder / records.FILE).exists():
        return None
    state = inspect(folder)
    if state.status.ended:
        return state
    if not (over and again):
        return None
    if job is not None and job.state == "COMPLETED" and state.status == Status.RUNNING:
        return state._replace(status=Status.RUNNING, text="is running elsewhere")
    if job is not None and job.state in STOPPED | {"COMPLETED"}:
        text = f"Slurm job {job_id}: {job}; the same command goes on with it"
        return state._replace(status=Status.INTERRUPTED, text=text)
    log = _note(config).parent / f"{job_id}_0_log.err"
    return fail(
        config, f"Slurm job {job_id}: {job or 'no longer known to Slurm, and without a result'}; Slurm's log: {log}"
    )


def work(config: Config) -> None:
    """Run one configuration in its Slurm job.

    If it is interrupted and Slurm counts its job as running, the job is queued again.
    """
    import submitit

    job_id = submitit.JobEnvironment().job_id
    with stoppable() as stop:
        redirect(folder_of(config) / records.LOG)
        print(f"{config.run_id}: Slurm job {job_id} on {os.environ.get('SLURMD_NODENAME', 'an unnamed node')}")
        import rnnbench.runner  # noqa: F401  # takes seconds, in which it may be asked to stop

        status = Status.INTERRUPTED if stop.requested else perform(config).status
        if status == Status.INTERRUPTED:
            _queue_again(job_id)
    if status == Status.FAILED:
        sys.exit(1)  # for Slurm too


def _queue_again(job_id: str) -> None:
    """Queue the job again, unless Slurm does so itself or the job was cancelled.

    Then Slurm no longer counts it as running, though it still is.
    """
    try:
        job = squeue([job_id]).get(job_id)
    except UserError as error:
        print(error)
        return
    if job is not None and job.state == "RUNNING":
        print(f"Slurm job {job_id} is queued again", flush=True)
        subprocess.run(["scontrol", "requeue", job_id])  # Slurm may end it, with all of this job, before it answers
