"""What a sweep on Slurm makes of what Slurm says, and what it checks first. None of it needs a Slurm."""

import os
import signal
from types import SimpleNamespace

import pytest

from rnnbench.errors import UserError
from rnnbench.interruption import Interrupted, stoppable
from rnnbench.store import records
from rnnbench.store.files import locked
from rnnbench.store.status import Status
from rnnbench.sweep import cluster, slurm
from rnnbench.sweep.cluster import Job, Options
from rnnbench.sweep.run_states import folder_of

pytestmark = [pytest.mark.whole, pytest.mark.slurm]

OPTIONS = {
    "partition": None, "account": None, "qos": None, "constraint": None, "timeout_min": 5, "signal_delay_s": 60,
    "mem_gb": None, "cpus_per_task": 1, "gpus_per_node": None, "array_parallelism": 8, "setup": None,
    "additional_parameters": {}, "poll": 0.01,
}  # fmt: skip


@pytest.fixture
def watch(monkeypatch, configure):
    """A function that runs a sweep of one run whose job goes through the given states; None: Slurm has forgotten it."""

    def run(*states):
        answers = iter(states)

        def answer(ids):
            state = next(answers) if list(ids) else None
            if isinstance(state, Exception):
                raise state
            return {"7": state} if state else {}

        monkeypatch.setattr(slurm, "TICK", 0.01)
        monkeypatch.setattr(slurm, "squeue", answer)
        monkeypatch.setattr(slurm, "_submit", lambda configs, options: {each.run_id: "7" for each in configs})
        (entry,) = slurm.run_all([configure()], Options(**OPTIONS))
        assert next(answers, "no more") == "no more"
        return entry

    return run


QUEUED = Job("PENDING", 0, "Resources")
RUNNING = Job("RUNNING", 0, "None")


@pytest.mark.parametrize(
    ("job", "reason"),
    [
        (Job("FAILED", 137 << 8, "NonZeroExitCode"), "FAILED, killed by SIGKILL (out of memory?)"),
        (Job("FAILED", 9, "None"), "FAILED, killed by SIGKILL (out of memory?)"),
        (
            Job("FAILED", 3 << 8, "NonZeroExitCode"),
            "FAILED, its process ended with exit code 3 and without a res",
        ),
        (Job("TIMEOUT", 15, "TimeLimit"), "TIMEOUT, TimeLimit"),
        (Job("OUT_OF_MEMORY", 125 << 8, "OutOfMemory"), "OUT_OF_MEMORY, OutOfMemory"),
        (None, "no longer known to Slurm, and without a result"),
    ],
)
def test_a_job_that_died_is_recorded_as_failed(watch, configure, job, reason):
    entry = watch(QUEUED, RUNNING, job, job)
    assert entry.status == Status.FAILED
    record = records.read(folder_of(configure()))
    assert record.status == Status.FAILED
    assert record.error.startswith(f"Slurm job 7: {reason}")
    assert record.error.endswith(".slurm/7_0_log.err")


@pytest.mark.parametrize("state", ["CANCELLED", "PREEMPTED", "NODE_FAIL", "COMPLETED"])
def test_a_job_that_was_stopped_can_go_on(watch, configure, state):
    job = Job(state, 15, "None")
    entry = watch(QUEUED, RUNNING, job, job)
    assert entry.status == Status.INTERRUPTED
    assert records.read(folder_of(configure())) is None


def test_a_job_that_is_queued_again_is_waited_for(watch):
    gone = Job("CANCELLED", 15, "None")
    assert watch(RUNNING, QUEUED, Job("COMPLETING", 0, "None"), RUNNING, gone, gone).status == "interrupted"


def test_a_record_may_come_late(watch, configure, monkeypatch):
    """A network file system shows it a moment after the job's end."""
    look, config = slurm.inspect, configure()
    record = records.Record(
        run_id=config.run_id, experiment=config.name, status="done", config=config.to_dict(), seed=0, baseline=1.0
    )  # fmt: skip
    seen = []

    def late(folder):
        if seen:
            folder.mkdir(parents=True, exist_ok=True)
            records.write(folder, record)
        seen.append(folder)
        return look(folder)

    monkeypatch.setattr(slurm, "inspect", late)
    job = Job("COMPLETED", 0, "None")
    assert watch(RUNNING, job, job).status == "done"


def test_a_run_of_another_launch_is_left_alone(watch, configure):
    job = Job("COMPLETED", 0, "None")
    with locked(folder_of(configure())):
        assert watch(job, job).status == Status.RUNNING


def test_nobody_waits_for_a_slurm_that_does_not_answer(watch, monkeypatch):
    monkeypatch.setattr(slurm, "MISSES", 2)
    error = UserError("Unable to contact slurm controller")
    gone = Job("CANCELLED", 15, "None")
    assert watch(error, error, RUNNING, error, error, gone, gone).status == "interrupted"
    with pytest.raises(UserError, match="Unable to contact"):
        watch(error, error, error)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("timeout_min=0", "error: hydra.launcher.timeout_min=0: must be greater than 0"),
        ("timeout_min=soon", "error: timeout_min: Value 'soon'"),
        ("signal_delay_s=3600", "error: hydra.launcher.signal_delay_s=3600: must be less than 3600"),
        ("partitoin=x", "error: unknown key 'hydra.launcher.partitoin': did you mean 'hydra.launcher.partition'?"),
        ("poll=1", "error: hydra/launcher=slurm needs sbatch, which is not here"),
    ],
)
def test_a_mistake_is_one_line_before_anything_is_written(command, tmp_path, override, message):
    result = command("train.py", "-m", "hydra/launcher=slurm", "seed=0,1", f"hydra.launcher.{override}", PATH="")
    assert result.returncode == 2
    assert result.stderr.startswith(message)
    assert result.stderr.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_a_slurm_that_does_not_answer_is_one_line(monkeypatch, tmp_path):
    (tmp_path / "squeue").write_text("#!/bin/sh\necho 'slurm_load_jobs error: Unable to contact' >&2\nexit 1\n")
    (tmp_path / "squeue").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    with pytest.raises(UserError, match="^slurm_load_jobs error: Unable to contact; jobs that Slurm has go on"):
        cluster.squeue(["1"])


def test_a_large_sweep_is_several_arrays(configure, monkeypatch):
    submitit = pytest.importorskip("submitit")
    arrays = []

    def map_array(self, work, configs):
        arrays.append([each.seed for each in configs])
        return [SimpleNamespace(job_id=f"{len(arrays)}_{index}") for index in range(len(configs))]

    monkeypatch.setattr(
        submitit.AutoExecutor, "__init__", lambda self, folder, cluster: folder.mkdir(parents=True, exist_ok=True)
    )
    monkeypatch.setattr(submitit.AutoExecutor, "update_parameters", lambda self, **parameters: None)
    monkeypatch.setattr(submitit.AutoExecutor, "map_array", map_array)
    monkeypatch.setattr(slurm, "ARRAY", 2)
    configs = [configure(f"seed={seed}") for seed in range(5)]
    ids = slurm._submit(configs, Options(**OPTIONS))
    assert arrays == [[0, 1], [2, 3], [4]]
    assert list(ids.values()) == ["1_0", "1_1", "2_0", "2_1", "3_0"]


def test_without_submitit_it_says_what_to_install(monkeypatch):
    monkeypatch.setattr(cluster.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"pip install 'rnnbench\[slurm\]'"):
        cluster.check_installed()


def test_a_warning_before_the_time_limit_is_no_insistence():
    with stoppable() as stop:
        for number in (signal.SIGUSR2, signal.SIGTERM):
            os.kill(os.getpid(), number)
            assert stop.signal == number
        with pytest.raises(Interrupted):
            os.kill(os.getpid(), signal.SIGTERM)
