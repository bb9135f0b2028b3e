"""``rnnbench doctor``: what is installed, and what is missing."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
import tempfile
from pathlib import Path

import click

from rnnbench.cli import options
from rnnbench.config import CONF
from rnnbench.report.console import print_json, show
from rnnbench.store.provenance import git_commit, machine, versions

EXTRAS = {
    "submitit": ("sweeps on Slurm", "slurm"),
    "hydra_plugins.hydra_optuna_sweeper": ("searches with Optuna", "sweepers"),
    "torchrecurrent": ("cells of torchrecurrent", "torchrecurrent"),
}
"""Optional packages, what they are for, and the extra that installs them."""


@click.command("doctor")
@options.as_json
def command(as_json: bool) -> None:
    """Show what this installation has, and what it lacks and how to get it. Exit code 1 where a run cannot work."""
    rows = [*_software(), *_devices(), *_tracking(), *_folders(), *_extras()]
    if as_json:
        print_json([{"what": what, "state": state, "found": found, "advice": advice}
                    for what, state, found, advice in rows])  # fmt: skip
    else:
        styles = {"lacks": "yellow", "broken": "red"}
        show(("what", "", "found", "what to do"), rows, [styles.get(state) for _, state, _, _ in rows])
    sys.exit(1 if any(state == "broken" for _, state, _, _ in rows) else 0)


def _software() -> list[list[str]]:
    import rnnbench

    found = [["rnnbench", "ok", f"{rnnbench.__version__}, commit {git_commit() or 'unknown'}", ""]]
    found += [[name, "ok", version, ""] for name, version in versions().items() if name != "rnnbench"]
    return [*found, ["configuration", "ok", str(CONF), ""]]


def _devices() -> list[list[str]]:
    import torch

    cpu = machine()
    found = [["CPU", "ok", f"{cpu['processor']}, {cpu['cores']} cores, {torch.get_num_threads()} torch threads", ""]]
    for name, there in (("cuda", torch.cuda.is_available()), ("mps", torch.backends.mps.is_available())):
        shown = torch.cuda.get_device_name() if there and name == "cuda" else "there" if there else "none"
        advice = f"trainer.accelerator={'gpu' if name == 'cuda' else name}" if there else ""
        found.append([name, "ok" if there else "-", shown, advice])
    return found


def _tracking() -> list[list[str]]:
    from rnnbench.tracking.login import problem

    reason = problem()
    message = "tracking=online works" if reason is None else reason
    return [
        ["W&B", "ok" if reason is None else "-", message, "" if reason is None else "tracking=offline needs no login"]
    ]


def _folders() -> list[list[str]]:
    found = []
    for what, folder in (("runs", Path("runs")), ("temporary files", Path(tempfile.gettempdir()))):
        place = next(each for each in (folder, *folder.absolute().parents) if each.exists())
        if os.access(place, os.W_OK):
            free = shutil.disk_usage(place).free / 2**30
            found.append([what, "ok", f"{folder.absolute()}, {free:.0f} GiB free", ""])
        else:
            found.append([what, "broken", f"{place} cannot be written", "change that, or give runs_dir=..."])
    return found


def _extras() -> list[list[str]]:
    found = []
    for package, (purpose, extra) in EXTRAS.items():
        there = importlib.util.find_spec(package) is not None
        advice = "" if there else f"pip install 'rnnbench[{extra}]'"
        found.append([purpose, "ok" if there else "lacks", package, advice])
    sbatch = shutil.which("sbatch")
    return [*found, ["Slurm", "ok" if sbatch else "-", sbatch or "no sbatch", ""]]
