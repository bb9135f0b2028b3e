"""What happens to a job of the tested sweep is chosen by its seed: every Python there finds this file and starts it."""

import os
import subprocess

import faults


def tell(*command):
    """Once: something that comes from outside, through Slurm, while training goes on."""
    array = os.environ.get("SLURM_ARRAY_JOB_ID")
    if array is not None and "SLURM_RESTART_COUNT" not in os.environ:
        job = f"{array}_{os.environ['SLURM_ARRAY_TASK_ID']}"
        subprocess.run([*command, job])  # it gets the signal too


faults.FAULTS |= {
    301: lambda: tell("scancel", "--signal=USR2"),  # as Slurm does before the time limit
    302: lambda: tell("scontrol", "requeue"),  # as Slurm does to preempt
    303: lambda: tell("scancel"),
}
