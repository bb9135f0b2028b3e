"""Sweeps on a real Slurm: a controller and two nodes on this machine."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np
import psutil
import pytest
import real_slurm
import torch

from rnnbench.runner import run
from rnnbench.store import records
from rnnbench.sweep.configuration import configure

pytestmark = [pytest.mark.whole, pytest.mark.slurm]

TESTS = Path(__file__).parents[1]
SMALL = ["task.length=10", "network.hidden_size=8", "trainer.max_steps=60", "trainer.validate_every=20",
         "task.validation_sequences=32", "task.test_sequences=32",
         "trainer.log_every=5", "trainer.checkpoint_every=40", "probe.every=20",
         "tracking=disabled", "name=sweep"]  # fmt: skip
LAUNCHER = ["hydra/launcher=slurm", "hydra.launcher.poll=0.5", "hydra.launcher.timeout_min=5"]
FOLDER = Path("runs/sweep")
TIMES = ("started", "ended", "seconds", "steps_per_second", "peak_memory", "resumed", "command", "config")


@pytest.fixture(scope="module")
def slurm():
    """A cluster of this process's own: two that test at once do not meet."""
    reason = real_slurm.missing()
    if reason:
        pytest.skip(reason)
    with real_slurm.cluster() as environment:
        paths = [str(Path(__file__).parent), str(TESTS), os.environ.get("PYTHONPATH", "")]
        yield environment | {"PYTHONPATH": os.pathsep.join(filter(None, paths))}


@pytest.fixture(autouse=True)
def _own_folder(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)


def start(environment, *overrides):
    command = [sys.executable, TESTS.parent / "scripts" / "train.py", "-m", *SMALL, *LAUNCHER, *overrides]
    return subprocess.Popen(
        command, env=environment, text=True, start_new_session=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def launch(environment, *overrides):
    process = start(environment, *overrides)
    out, err = process.communicate(timeout=300)
    return process.returncode, out, err


def wait_for(condition):
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def jobs(environment):
    """All jobs that Slurm has had."""
    command = ["squeue", "--noheader", "--array", "--states=all", "--Format=JobArrayID"]
    return set(subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.split())


def found():
    return {record.seed: record for record in records.read_all(FOLDER)}


def log(seed):
    (path,) = FOLDER.glob(f"*-seed{seed}-*/log.txt")
    return path.read_text()


def results(record, folder):
    """All that a run found out."""
    weights = torch.load(folder / record.run_id / "last.ckpt", weights_only=True)["state_dict"]
    with np.load(folder / record.run_id / "gradients.npz") as file:
        arrays = {name: values.tolist() for name, values in file.items()}
    facts = {key: value for key, value in asdict(record).items() if key not in TIMES}
    return facts, {name: weight.tolist() for name, weight in weights.items()}, arrays


def test_an_array_of_every_fate_and_its_second_launch(slurm, tmp_path):
    before = jobs(slurm)
    seeds = "seed=102,105,301,302,303"
    code, out, err = launch(slurm, seeds, "hydra.launcher.mem_gb=0.5", "+hydra.launcher.additional_parameters.nice=7")
    assert (code, err) == (1, ""), out + err
    assert "2 done, 2 failed, 1 interrupted" in out
    first = jobs(slurm) - before
    assert len(first) == 5
    assert len({job.partition("_")[0] for job in first}) == 1
    (script,) = FOLDER.glob(".slurm/[0-9]*.sh")
    asked = {"array=0-4%5", "mem=512MB", "nice=7", "requeue", "signal=USR2@120", "time=5"}
    assert asked <= {line.removeprefix("#SBATCH --") for line in script.read_text().splitlines()}
    assert {word for seed in (105, 301, 302) for word in log(seed).split() if word in ("n1", "n2")} == {"n1", "n2"}
    outcomes = {seed: record.outcome for seed, record in found().items()}
    assert outcomes.keys() == {102, 105, 301, 302}
    assert outcomes[105] == "failed, ZeroDivisionError: division by zero"
    assert "FAILED, killed by SIGKILL (out of memory?); Slurm's log: " in outcomes[102]
    assert Path(outcomes[102].rpartition(": ")[2]).exists()
    assert [line for line in out.splitlines() if "-seed303-" in line and "CANCELLED" in line]

    code, out, err = launch(slurm, seeds)
    assert (code, err) == (1, ""), out + err
    assert out.count(": already done, ") == 2
    assert out.count(": already failed, ") == 2
    assert "3 done, 2 failed" in out
    assert len(jobs(slurm) - before - first) == 1
    for seed in (301, 302, 303):  # they went on from a checkpoint, with the same results as without a disturbance
        assert log(seed).count("on n") == 2
        assert found()[seed].resumed == 1
        whole = run(configure(*SMALL, f"seed={seed}", f"runs_dir={tmp_path}/whole"))
        assert results(found()[seed], FOLDER) == results(whole, tmp_path / "whole" / "sweep")


def test_jobs_outlive_their_launch_and_are_found_again(slurm):
    before = jobs(slurm)
    process = start(slurm, "seed=200")
    wait_for(lambda: list(FOLDER.glob(".slurm/*-seed200-*")))
    time.sleep(0.5)
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (130, ""), err
    assert "1 jobs go on; the same command waits for them, 'scancel " in out
    code, out, err = launch(slurm, "seed=200")
    assert (code, err) == (0, ""), out + err
    assert "1 done" in out
    assert ": already done" not in out
    assert len(jobs(slurm) - before) == 1


def test_what_slurm_refuses_is_one_line(slurm, command):
    ended = command("train.py", "-m", *SMALL, *LAUNCHER, "seed=0", "hydra.launcher.partition=nowhere", **slurm)
    assert ended.returncode == 2
    assert ended.stderr == "error: Slurm takes no jobs: Invalid partition name specified\n"


def test_nothing_of_a_cluster_is_left(slurm):
    with pytest.raises(ZeroDivisionError), real_slurm.cluster() as environment:  # noqa: PT012
        subprocess.run(["sbatch", "--wrap", "sleep 12345"], env=environment, check=True, capture_output=True)
        folder = Path(environment["SLURM_CONF"]).parent
        wait_for(lambda: len(real_slurm.processes_of(folder)) == 7)  # four daemons, the job, its sleep and its keeper
        raise ZeroDivisionError
    assert real_slurm.processes_of(folder) == []
    assert not folder.exists()
    assert ["sleep", "12345"] not in [each.info["cmdline"] for each in psutil.process_iter(["cmdline"])]
