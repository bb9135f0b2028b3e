"""Sweeps and what can happen to them: every fault is recorded and explained, and the others are unharmed."""

import json
import os
import random
import shutil
import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

import numpy as np
import psutil
import pytest
import torch

from composing import config
from rnnbench.errors import UserError
from rnnbench.store import records
from rnnbench.sweep import display, scheduler
from rnnbench.sweep.run_states import add_to_plan, read_all
from rnnbench.sweep.scheduler import Options, run_all

pytestmark = pytest.mark.whole

HERE = Path(__file__).parent
SMALL = ["task.length=10", "network.hidden_size=8", "trainer.max_steps=20",
         "task.validation_sequences=32", "task.test_sequences=32",
         "trainer.log_every=5", "trainer.checkpoint_every=5", "probe.every=10", "tracking=disabled", "name=sweep",
         "runs_dir=runs"]  # fmt: skip
LONG = ["trainer.max_steps=150", "trainer.validate_every=150"]  # three seconds with a slow seed
FOLDER = Path("runs/sweep")
TIMES = ("started", "ended", "seconds", "steps_per_second", "peak_memory", "resumed", "command")


@pytest.fixture(autouse=True)
def _server_of_faults(monkeypatch, tmp_path):
    """One warm server for all sweeps that a test starts in its own process."""
    monkeypatch.setattr(scheduler, "PRELOAD", [*scheduler.PRELOAD, "faults"])
    monkeypatch.setenv("PYTHONPATH", str(HERE), prepend=os.pathsep)
    monkeypatch.chdir(tmp_path)


def configs(*seeds, overrides=()):
    return [config(*SMALL, *overrides, f"seed={seed}") for seed in seeds]


def sweep(*seeds, overrides=(), **options):
    return [each.status for each in run_all(configs(*seeds, overrides=overrides), Options(**options))]


@pytest.fixture
def start(shell, tmp_path):
    """A function that starts a sweep from the command line, in a session of its own."""

    def started(*arguments):
        pid = shell.start(tmp_path, [tmp_path / "out", tmp_path / "err"], HERE / "faults.py", "-m", *SMALL, *arguments)
        return psutil.Process(pid)

    return started


def status():
    """The counts of the runs' states."""
    return display.counted(read_all(FOLDER))


def found():
    """The records of a sweep by seed."""
    return {record.seed: record for record in records.read_all(FOLDER)}


def results():
    """All results of a sweep's runs, by seed."""
    facts = {record.seed: {k: v for k, v in asdict(record).items() if k not in TIMES} for record in found().values()}
    for record in found().values():
        folder = FOLDER / record.run_id
        weights = torch.load(folder / "last.ckpt", weights_only=True)["state_dict"]
        facts[record.seed]["weights"] = {name: weight.tolist() for name, weight in weights.items()}
        with np.load(folder / "gradients.npz") as arrays:
            facts[record.seed]["arrays"] = {name: values.tolist() for name, values in arrays.items()}
    return facts


def wait_for(condition, process):
    deadline = time.monotonic() + 60
    while not condition():
        assert process.status() != psutil.STATUS_ZOMBIE, "the sweep ended before"
        assert time.monotonic() < deadline
        time.sleep(0.02)


def kill_tree(process):
    """SIGKILL for a process and all that came from it, as when a machine goes down."""
    tree = [process, *process.children(recursive=True)]
    for each in tree:
        with suppress(psutil.NoSuchProcess):
            each.kill()
    psutil.wait_procs(tree[1:], timeout=10)


def test_each_fault_is_recorded_and_explained_and_mended(command, capsys):
    everything = (0, 101, 102, 103, 104, 105, 106)
    assert sweep(104, timeout=4) == ["failed"]  # by itself: the others may take as long as they need
    assert sweep(*everything, jobs=3, max_memory=1.5) == ["done", *5 * ["failed"], "done"]
    out = capsys.readouterr().out
    reasons = {
        101: "its process ended with exit code 0 and without a result",
        102: "killed by SIGKILL (out of memory?)",
        103: "GiB of memory, over hydra.launcher.max_memory=1.5",
        104: "over hydra.launcher.timeout=4 seconds",
        105: "ZeroDivisionError: division by zero",
    }
    for seed, reason in reasons.items():
        record = found()[seed]
        log = FOLDER / record.run_id / "log.txt"
        assert record.outcome.endswith(reason)
        assert f"the fault of seed {seed}" in log.read_text() or seed == 104  # which may have been slow to reach it
        (line,) = [line for line in out.splitlines() if line.startswith(f"{record.run_id}: failed, ")]
        assert line.endswith(f"{reason}; see {log}")
        assert any(reason in row and str(log) in row for row in out.partition("2 done, 5 failed")[2].splitlines())
    assert "in batch" in (FOLDER / found()[105].run_id / "log.txt").read_text()  # the whole traceback

    Path("mended").touch()
    written = {path: path.stat().st_mtime_ns for path in FOLDER.glob("*/record.json")}
    assert sweep(*everything) == ["done", *5 * ["failed"], "done"]
    out = capsys.readouterr().out
    assert out.count(": already done, ") == 2
    assert out.count(": already failed, ") == 5
    assert {path: path.stat().st_mtime_ns for path in written} == written
    assert sweep(*everything, overrides=["retry_failed=true"]) == 7 * ["done"]
    assert capsys.readouterr().out.count(": already done, ") == 2
    assert not any(record.config["retry_failed"] for record in found().values())
    shown = command("status.py", "sweep").stdout
    assert shown.endswith("\n7 done\n")
    assert all(record.run_id in shown for record in found().values())


def test_a_damaged_record_is_one_failure(capsys):
    sweep(0, 1)
    (path,) = FOLDER.glob("*seed0*/record.json")
    path.write_text("{")
    assert sweep(0, 1) == ["failed", "done"]
    assert f"{path.parent.name}: already failed, {path}: not a valid record" in capsys.readouterr().out
    assert status() == "1 done, 1 failed"
    assert sweep(0, 1, overrides=["retry_failed=true"]) == ["done", "done"]
    path.write_text("[]")
    assert sweep(0, 1, overrides=["force=true"]) == ["done", "done"]
    assert len(found()) == 2


def test_force_runs_everything_again():
    sweep(0, 1)
    before = [path.read_text() for path in FOLDER.glob("*/record.json")]
    inodes = {path: path.stat().st_ino for path in FOLDER.glob("*/log.txt")}
    assert sweep(0, 1, overrides=["force=true"]) == ["done", "done"]
    assert len(before) == len(found()) == 2
    assert all(path.read_text().count(": done, ") == 1 for path in inodes)  # the log is the new run's


def test_ctrl_c_stops_where_it_can_go_on(shell, start):
    process = start(*LONG, "seed=200,201,202,203", "hydra.launcher.jobs=2", "trainer.checkpoint_every=10000")
    wait_for(lambda: len(list(FOLDER.glob("*/metrics.csv"))) == 2, process)
    assert status() == "2 running, 2 waiting"
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to all of the group
    assert shell.wait(process.pid) == 130
    assert Path("err").read_text(encoding="utf-8") == ""
    out = Path("out").read_text(encoding="utf-8")
    assert out.count("interrupted, the same command goes on with it") == 2
    assert "2 interrupted, 2 not started" in out
    assert len(list(FOLDER.glob("*/last.ckpt"))) == 2  # made when they were asked to stop
    assert not found()
    assert status() == "2 interrupted, 2 waiting"
    assert sweep(200, 201, overrides=LONG) == ["done", "done"]
    assert [record.resumed for record in found().values()] == [1, 1]


def test_a_job_that_cannot_stop_is_killed(monkeypatch):
    """Its training hangs in step 12, before it could take a checkpoint."""
    monkeypatch.setattr(scheduler, "GRACE", 0.5)

    def stop_when_it_hangs(self, running):
        logs = [folder / "log.txt" for _, folder, _ in running]
        if any(log.exists() and "fault" in log.read_text() for log in logs):
            os.kill(os.getpid(), signal.SIGTERM)
            monkeypatch.setattr(display.Display, "update", lambda *_: None)

    monkeypatch.setattr(display.Display, "update", stop_when_it_hangs)
    with pytest.raises(SystemExit) as stopped:
        sweep(104)
    assert stopped.value.code == 143
    assert not found()
    Path("mended").touch()
    assert sweep(104) == ["done"]
    assert found()[104].resumed == 1


def test_two_at_once_share_the_work_and_a_killed_one_leaves_no_orphans(shell, start):
    process = start("seed=104,105", "hydra.launcher.jobs=1")  # the first hangs: it holds its run
    wait_for(lambda: any("fault" in path.read_text() for path in FOLDER.glob("*/log.txt")), process)
    children = process.children(recursive=True)
    assert len(children) >= 3
    assert sweep(104, 0) == ["running", "done"]
    process.kill()
    shell.wait(process.pid)
    _, alive = psutil.wait_procs(children, timeout=30)
    for orphan in alive:
        orphan.kill()
    assert not alive
    assert status() == "1 done, 1 interrupted, 1 waiting"
    Path("mended").touch()
    assert sweep(104, 0, 105) == 3 * ["done"]
    logs = [path.read_text() for path in FOLDER.glob("*/log.txt")]
    assert len(logs) == 3
    assert all(log.count(": done, ") == 1 for log in logs)  # nothing ran twice


def test_killed_again_and_again_it_ends_like_an_undisturbed_sweep(shell, start):
    """All processes die at once, at three random moments."""
    seeds = range(200, 206)
    assert sweep(*seeds, jobs=6) == 6 * ["done"]
    whole = results()
    shutil.rmtree("runs")
    moments = random.Random(0)
    for _ in range(3):
        process = start("seed=" + ",".join(map(str, seeds)), "hydra.launcher.jobs=2")
        before = len(list(FOLDER.glob("*/log.txt")))
        wait_for(lambda: len(list(FOLDER.glob("*/log.txt"))) > min(before, 5), process)  # noqa: B023
        time.sleep(moments.uniform(0, 0.8))
        kill_tree(process)
        assert shell.wait(process.pid) == -signal.SIGKILL
    assert sweep(*seeds, jobs=6) == 6 * ["done"]
    assert results() == whole
    assert sum(path.read_text().count(": done, ") for path in FOLDER.glob("*/log.txt")) == 6


def test_a_terminal_shows_all_runs_at_once(capsys, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr(display, "REFRESH", 0)
    assert sweep(200, 0, 101, jobs=2, overrides=LONG[:1]) == ["done", "done", "failed"]
    shown = capsys.readouterr().out
    for part in ("/150", "loss", "/3", "1 running", "left", "1 failed", "2 done", "exit code 0 and without a result"):
        assert part in shown, part


def test_what_cannot_be_written_is_one_line():
    Path("runs").write_text("a file", encoding="utf-8")
    with pytest.raises(UserError, match=r"runs/sweep/.locks/sweep.json.lock: cannot be written \(Not a directory\)"):
        add_to_plan(FOLDER, ["a"])


def test_a_full_disk_fails_the_run_and_the_next_launch_recovers(tmp_path):
    disk = tmp_path / "runs"
    disk.mkdir()
    if os.geteuid() or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", disk]).returncode:
        pytest.skip("mounting a small disk needs root")
    try:
        assert "failed" in sweep(0, 1, overrides=["network.hidden_size=64"])
        subprocess.run(["mount", "-o", "remount,size=20m", disk], check=True)
        assert sweep(0, 1, overrides=["network.hidden_size=64", "retry_failed=true"]) == ["done", "done"]
        assert len(found()) == 2
    finally:
        subprocess.run(["umount", disk], check=True)


def test_each_gpu_has_one_job(monkeypatch):
    """Without a GPU: what the jobs see of the environment."""
    begin = scheduler.Sweep._start

    def watched(self):
        begin(self)
        assert len({job.slot for job in self.jobs.values()}) == len(self.jobs) <= 2

    monkeypatch.setattr(scheduler.Sweep, "_start", watched)
    assert sweep(200, 201, 202, 203, devices=(3, 5)) == 4 * ["done"]
    logs = [path.read_text() for path in FOLDER.glob("*/log.txt")]
    seen = [line for log in logs for line in log.splitlines() if line.startswith("GPU")]
    assert sorted(set(seen)) == ["GPU 3", "GPU 5"]
    assert len(seen) == 4


def test_the_list_of_runs_is_data():
    """It may be damaged, and names nothing outside its folder."""
    add_to_plan(FOLDER, ["a", "b"])
    add_to_plan(FOLDER, ["b", "c"])
    assert [(each.run_id, each.status) for each in read_all(FOLDER)] == [(name, "waiting") for name in "abc"]
    (FOLDER / "sweep.json").write_text(json.dumps({"run_ids": ["../../x", "a"]}))
    assert [each.run_id for each in read_all(FOLDER)] == ["a"]
    for text in ("", "[]", '{"run_ids": 3}', '{"run_ids": ["a", 3]}', "\x80"):
        (FOLDER / "sweep.json").write_text(text)
        assert read_all(FOLDER) == []
