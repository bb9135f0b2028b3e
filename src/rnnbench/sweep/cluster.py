"""The interface to Slurm: the options of a job, and the state that squeue reports."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from rnnbench.errors import UserError, check_range
from rnnbench.sweep.scheduler import exit_reason

STOPPED = {"CANCELLED", "PREEMPTED", "NODE_FAIL", "BOOT_FAIL", "DEADLINE", "REVOKED"}
"""The states of jobs that were ended from outside."""
ENDED = {"COMPLETED", "FAILED", "OUT_OF_MEMORY", "TIMEOUT"} | STOPPED


@dataclass(frozen=True, kw_only=True)
class Options:
    """The options of one job for submitit, and the seconds ``poll`` between two looks at the queue."""

    partition: str | None
    account: str | None
    qos: str | None
    constraint: str | None
    timeout_min: int
    signal_delay_s: int
    mem_gb: float | None
    cpus_per_task: int
    gpus_per_node: int | None
    array_parallelism: int
    setup: list[str] | None
    additional_parameters: dict[str, Any]
    poll: float

    def __post_init__(self) -> None:
        for key in ("timeout_min", "mem_gb", "cpus_per_task", "gpus_per_node", "array_parallelism", "poll"):
            if getattr(self, key) is not None:
                check_range(f"hydra.launcher.{key}", getattr(self, key), above=0)
        check_range("hydra.launcher.signal_delay_s", self.signal_delay_s, above=0, below=60 * self.timeout_min)

    @property
    def parameters(self) -> dict[str, Any]:
        """As ``submitit.AutoExecutor.update_parameters`` wants them; it leaves out what is None."""
        common = ("timeout_min", "mem_gb", "cpus_per_task", "gpus_per_node")
        named = {key if key in common else f"slurm_{key}": value for key, value in asdict(self).items()}
        del named["slurm_poll"]
        named["slurm_additional_parameters"] = {"requeue": True} | self.additional_parameters
        named["slurm_srun_args"] = [f"--cpus-per-task={self.cpus_per_task}"]  # from 22.05 on srun does not inherit it
        return named | {"name": "rnnbench", "tasks_per_node": 1}


class Job(NamedTuple):
    """The state of a job from squeue. ``code`` is a wait status: the signal, or 256 times the exit code."""

    state: str
    code: int
    reason: str

    @property
    def over(self) -> bool:
        return self.state in ENDED

    def __str__(self) -> str:
        code = os.waitstatus_to_exitcode(self.code)
        parts = [self.state]
        if self.state == "FAILED":
            parts.append(exit_reason(128 - code if code > 128 else code))  # a shell reports a signal as 128 more
        elif self.reason != "None":
            parts.append(self.reason)
        return ", ".join(parts)


def check_installed() -> None:
    """Raise UserError where jobs cannot be submitted."""
    if importlib.util.find_spec("submitit") is None:
        raise UserError("hydra/launcher=slurm needs submitit: install it with pip install 'rnnbench[slurm]'")
    for name in ("sbatch", "srun", "squeue"):
        if shutil.which(name) is None:
            raise UserError(f"hydra/launcher=slurm needs {name}, which is not here: launch where Slurm is installed")


def squeue(ids: Iterable[str]) -> dict[str, Job]:
    """Return the jobs and array jobs among ``ids`` that Slurm still knows; it forgets them minutes after their end.

    Raises UserError where Slurm does not answer.
    """
    wanted = ",".join(sorted(set(ids)))
    if not wanted:
        return {}
    command = ["squeue", "--noheader", "--array", "--states=all", "--jobs", wanted]
    form = ["--Format", "JobArrayID:|,State:|,exit_code:|,Reason:|"]
    answer = subprocess.run([*command, *form], capture_output=True, text=True)
    if answer.returncode and "Invalid job id" not in answer.stderr:
        raise UserError(f"{last_line(answer.stderr)}; jobs that Slurm has go on, the same command finds them again")
    rows = [line.strip().split("|") for line in answer.stdout.splitlines()]
    return {job_id: Job(state, int(code), reason) for job_id, state, code, reason, *_ in rows}


def last_line(text: str) -> str:
    """Return the last line of a Slurm command's output."""
    return (text.strip().splitlines() or ["Slurm gives no reason"])[-1].strip()
