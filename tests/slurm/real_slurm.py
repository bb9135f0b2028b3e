"""A real Slurm on loopback for the tests: its own munge, a controller and two nodes, without systemd or accounting."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

CONF = "slurm.conf"
PROGRAMS = ("setpriv", "munged", "slurmctld", "slurmd", "sbatch", "srun", "squeue")
PATIENCE = 30.0  # seconds for the nodes to come up


def missing() -> str:
    """Why Slurm cannot be started here; empty where it can."""
    absent = [name for name in PROGRAMS if shutil.which(name) is None]
    if absent:
        return f"not installed: {', '.join(absent)}"
    return "" if os.geteuid() == 0 else "starting Slurm's daemons needs root"


@contextmanager
def cluster() -> Iterator[dict[str, str]]:
    """Starts the cluster, yields the environment that leads to it, and ends all of it, its jobs too."""
    with (
        tempfile.TemporaryDirectory(prefix="slurm-") as folder,  # a socket's path must be short
        _daemons(Path(folder)) as environment,
    ):
        yield environment


@contextmanager
def _daemons(folder: Path) -> Iterator[dict[str, str]]:
    (folder / "munge").mkdir(mode=0o700)
    (folder / "state").mkdir()
    key = folder / "munge" / "munge.key"
    key.write_bytes(os.urandom(1024))
    key.chmod(0o400)
    controller, first, second = _free_ports(3)
    template = (Path(__file__).parent / CONF).read_text()
    conf = folder / CONF
    host = socket.gethostname().partition(".")[0]
    conf.write_text(template.format(folder=folder, host=host, controller=controller, first=first, second=second))
    environment = os.environ | {"SLURM_CONF": str(conf)}
    munge = [f"--key-file={key}", f"--socket={folder}/munge.socket"]
    munge += [f"--{name}-file={folder}/munge/munged.{name}" for name in ("pid", "log", "seed")]
    commands: dict[str, list[Any]] = {
        "munged": ["munged", "--foreground", "--force", *munge],
        "slurmctld": ["slurmctld", "-D", "-c", "-f", conf],
        "n1": ["slurmd", "-D", "-c", "-N", "n1", "-f", conf],
        "n2": ["slurmd", "-D", "-c", "-N", "n2", "-f", conf],
    }
    daemons = []
    try:
        for name, program in commands.items():
            with (folder / f"{name}.log").open("w") as log:
                command = ["setpriv", "--pdeathsig", "KILL", *program]  # where this process itself is killed
                daemons.append(subprocess.Popen(command, env=environment, stdout=log, stderr=log))
            if name == "munged":
                _until((folder / "munge.socket").exists, daemons, folder)
        _until(lambda: _idle(environment) == 2, daemons, folder)
        yield environment
    finally:
        for daemon in daemons:
            daemon.kill()
            daemon.wait()
        while left := processes_of(folder):
            for process in left:
                process.kill()
            psutil.wait_procs(left, timeout=5)


def processes_of(folder: Path) -> list[psutil.Process]:
    """The daemons of the cluster in ``folder``, and its jobs and their keepers, which are not its children."""
    keepers = {each.pid for each in psutil.net_connections("unix") if str(each.laddr).startswith(f"{folder}/")}
    found = []
    for process in psutil.process_iter():
        try:
            if process.pid in keepers or process.environ().get("SLURM_CONF") == str(folder / CONF):
                found.append(process)
        except psutil.Error:  # it has just ended
            continue
    return found


def _idle(environment: dict[str, str]) -> int:
    command = ["sinfo", "-h", "-N", "-t", "idle", "-o", "%N"]
    return subprocess.run(command, env=environment, capture_output=True, text=True).stdout.count("\n")


def _until(condition: Callable[[], bool], daemons: list[subprocess.Popen], folder: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline or any(daemon.poll() is not None for daemon in daemons):
            logs = "\n".join(f"{path.name}: {path.read_text()[-1500:]}" for path in folder.glob("*.log"))
            raise RuntimeError(f"Slurm did not start\n{logs}")
        time.sleep(0.1)


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports
