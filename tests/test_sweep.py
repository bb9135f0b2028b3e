"""Sweeps and what can happen to them: every fault is recorded and explained, and the others are unharmed."""

import json
import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest

from rnnbench import records

HERE = Path(__file__).parent
SMALL = ["task.length=10", "network.hidden_size=8", "trainer.max_steps=20", "trainer.evaluation_batches=2",
         "trainer.checkpoint_every=5", "probe=off", "tracking=disabled", "name=sweep"]  # fmt: skip
SLOW = ["trainer.max_steps=150", "trainer.validate_every=150"]  # three seconds a run with a seed from 200 on


def start(folder, *arguments, **options):
    """The training script with faults by seed, as a process of its own session."""
    command = [sys.executable, HERE / "faulty_train.py", "-m", *SMALL, *arguments]
    return subprocess.Popen(command, cwd=folder, text=True, start_new_session=True, **options)


def sweep(folder, *arguments, mended=False):
    """A whole sweep: its exit code, standard output and standard error."""
    environment = os.environ | ({"MENDED": "1"} if mended else {})
    process = start(folder, *arguments, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    out, err = process.communicate(timeout=120)
    return process.returncode, out, err


def status(folder):
    """What scripts/status.py shows."""
    command = [sys.executable, HERE.parent / "scripts" / "status.py", "sweep", f"runs_dir={folder}/runs"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def runs(folder):
    """The records of a sweep by seed."""
    return {record.seed: record for record in records.read_all(folder / "runs" / "sweep")}


def wait_for(condition, process):
    deadline = time.monotonic() + 60
    while not condition():
        assert process.poll() is None, "the sweep ended before"
        assert time.monotonic() < deadline
        time.sleep(0.02)


def checkpoints(folder):
    return list((folder / "runs" / "sweep").glob("*/last.ckpt"))


@pytest.fixture(scope="module")
def faulty(tmp_path_factory):
    """A sweep in which five runs go wrong, each in another way."""
    folder = tmp_path_factory.mktemp("faulty")
    limits = ["hydra.launcher.jobs=3", "hydra.launcher.timeout=20", "hydra.launcher.max_memory=1.5"]
    return folder, sweep(folder, "seed=0,101,102,103,104,105,106", *limits)


def test_each_fault_is_recorded_and_explained(faulty):
    folder, (code, out, err) = faulty
    assert code == 1
    assert err == ""
    found = runs(folder)
    assert {seed: record.status for seed, record in found.items()} == {
        0: "done", 101: "failed", 102: "failed", 103: "failed", 104: "failed", 105: "failed", 106: "done",
    }  # fmt: skip
    reasons = {
        101: "its process ended with exit code 0 and without a result",
        102: "killed by SIGKILL (out of memory?)",
        103: "GiB of memory, over hydra.launcher.max_memory=1.5",
        104: "over hydra.launcher.timeout=20 seconds",
        105: "ZeroDivisionError: division by zero",
    }
    for seed, reason in reasons.items():
        assert found[seed].outcome.endswith(reason)
        log = folder / "runs" / "sweep" / found[seed].run_id / "log.txt"
        assert f"the fault of seed {seed}" in log.read_text()
        (line,) = [line for line in out.splitlines() if line.startswith(f"{found[seed].run_id}: failed, ")]
        assert line.endswith(f"{reason}; see runs/sweep/{found[seed].run_id}/log.txt")
        assert any(reason in line and "log.txt" in line for line in out.partition("2 done, 5 failed")[2].splitlines())
    assert "in batch" in (folder / "runs" / "sweep" / found[105].run_id / "log.txt").read_text()  # the whole traceback


def test_the_next_launch_skips_then_retries(faulty):
    folder, _ = faulty
    before = {path: path.stat().st_mtime_ns for path in (folder / "runs" / "sweep").glob("*/record.json")}
    code, out, _ = sweep(folder, "seed=0,101,102,103,104,105,106", mended=True)
    assert code == 1
    assert out.count(": already done, ") == 2
    assert out.count(": already failed, ") == 5
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert "2 done, 5 failed" in status(folder)

    code, out, _ = sweep(folder, "seed=0,101,102,103,104,105,106", "retry_failed=true", mended=True)
    assert code == 0, out
    assert out.count(": already done, ") == 2
    assert out.count(": done, ") == 5
    assert {record.config["retry_failed"] for record in runs(folder).values()} == {False}
    assert "7 done" in status(folder)


def test_a_damaged_record_is_one_failure(tmp_path):
    sweep(tmp_path, "seed=0,1")
    path = next((tmp_path / "runs" / "sweep").glob("*seed0*/record.json"))
    path.write_text("{")
    code, out, _ = sweep(tmp_path, "seed=0,1")
    assert code == 1
    assert f"{path.parent.name}: already failed, {path.relative_to(tmp_path)}: not a valid record" in out
    assert "1 done, 1 failed" in status(tmp_path)
    assert sweep(tmp_path, "seed=0,1", "retry_failed=true")[0] == 0
    assert len(runs(tmp_path)) == 2


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_stops_the_sweep_where_it_can_go_on(tmp_path, number, code):
    process = start(tmp_path, *SLOW, "seed=200,201,202,203", "hydra.launcher.jobs=2", "trainer.checkpoint_every=10000",
                    stdout=subprocess.PIPE, stderr=subprocess.PIPE)  # fmt: skip
    wait_for(lambda: len(list((tmp_path / "runs" / "sweep").glob("*/metrics.csv"))) == 2, process)
    seen = status(tmp_path)
    assert "2 running, 2 pending" in seen
    os.killpg(process.pid, number)  # as a terminal does: to all of the group
    out, err = process.communicate(timeout=60)
    assert process.returncode == code
    assert err == ""
    assert out.count("interrupted, the same command goes on with it") == 2
    assert "2 interrupted, 2 not started" in out
    assert len(checkpoints(tmp_path)) == 2  # made when they were asked to stop
    assert not runs(tmp_path)
    assert "2 interrupted, 2 pending" in status(tmp_path)
    code, out, _ = sweep(tmp_path, *SLOW, "seed=200,201,202,203")
    assert code == 0, out
    assert sorted(record.resumed for record in runs(tmp_path).values()) == [0, 0, 1, 1]


def test_two_sweeps_at_once_share_the_work(tmp_path):
    processes = [
        start(tmp_path, *SLOW, "seed=200,201,202", "hydra.launcher.jobs=1", f"++hydra.job.name={name}",
              stdout=subprocess.PIPE)
        for name in ("first", "second")
    ]  # fmt: skip
    outs = [process.communicate(timeout=120)[0] for process in processes]
    assert len(runs(tmp_path)) == 3
    logs = [path.read_text() for path in (tmp_path / "runs" / "sweep").glob("*/log.txt")]
    assert len(logs) == 3
    assert all(log.count(": done, ") == 1 for log in logs)  # nothing ran twice
    assert sum(out.count("s\n") for out in outs) > 0
    assert "3 done" in status(tmp_path)


def test_a_killed_sweep_leaves_no_orphans(tmp_path):
    process = start(tmp_path, *SLOW, "seed=200,201", "hydra.launcher.jobs=2", stdout=subprocess.PIPE)
    wait_for(lambda: len(checkpoints(tmp_path)) == 2, process)
    children = psutil.Process(process.pid).children(recursive=True)
    assert len(children) >= 3
    process.kill()
    process.communicate()
    _, alive = psutil.wait_procs(children, timeout=10)
    assert not alive
    assert "2 interrupted" in status(tmp_path)


def test_a_terminal_shows_all_runs_at_once(tmp_path):
    """In a terminal the runs are drawn while they run; what is left at the end are lines and counts."""
    master, slave = pty.openpty()
    process = start(tmp_path, *SLOW, "seed=200,0,101", "hydra.launcher.jobs=2", stdout=slave,
                    env=os.environ | {"TERM": "xterm", "COLUMNS": "200"})  # fmt: skip
    os.close(slave)
    shown = b""
    while True:
        try:
            shown += os.read(master, 4096)
        except OSError:  # its other end is closed
            break
    assert process.wait() == 1
    text = shown.decode()
    for part in ("/150", "loss", "/3", "1 running", "left", "1 failed", "2 done", "exit code 0 and without a result"):
        assert part in text, part


def test_what_cannot_be_written_is_one_line(tmp_path):
    (tmp_path / "runs").write_text("a file")
    code, out, err = sweep(tmp_path, "seed=0,1")
    assert code == 2
    assert err.startswith("error: runs/sweep/.locks/sweep.json.lock: cannot be written (Not a directory)")
    assert err.count("\n") == 1
    assert out == ""


def test_a_full_disk_fails_the_run_and_the_next_launch_recovers(tmp_path):
    disk = tmp_path / "runs"
    disk.mkdir()
    if os.geteuid() or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", disk]).returncode:
        pytest.skip("mounting a small disk needs root")
    try:
        code, out, _ = sweep(tmp_path, "seed=0,1", "network.hidden_size=64")
        assert code == 1
        assert out.count(": failed, ") >= 1
        assert "No space left" in out or "cannot be written" in out
        subprocess.run(["mount", "-o", "remount,size=20m", disk], check=True)
        code, out, _ = sweep(tmp_path, "seed=0,1", "network.hidden_size=64", "retry_failed=true")
        assert code == 0, out
        assert len(runs(tmp_path)) == 2
    finally:
        subprocess.run(["umount", disk], check=True)


def test_each_gpu_has_one_job(tmp_path, monkeypatch):
    """Without a GPU: what the jobs see of the environment."""
    code, _, _ = sweep(tmp_path, "seed=0,1,2", "hydra.launcher.devices=[3,5]", "hydra.launcher.jobs=2")
    assert code == 0
    logs = [path.read_text() for path in (tmp_path / "runs" / "sweep").glob("*/log.txt")]
    assert {line for log in logs for line in log.splitlines() if "GPU" in line} <= {"GPU 3", "GPU 5"}
    assert sum(log.count("GPU ") for log in logs) == 3


def test_no_file_is_unpickled(tmp_path):
    sweep(tmp_path, "seed=0")
    (folder,) = (tmp_path / "runs" / "sweep").glob("*seed0*")
    np.savez(folder / "gradients.npz", h=np.array([print], dtype=object))
    (tmp_path / "runs" / "sweep" / "sweep.json").write_text(json.dumps({"run_ids": ["../../x", 3, folder.name]}))
    assert "1 done" in status(tmp_path)
    assert sweep(tmp_path, "seed=0")[0] == 0
