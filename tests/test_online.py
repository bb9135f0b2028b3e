"""What the real W&B client brings to a server, against the local records, and what it survives on the way."""

import csv
import json
import re
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import wandb

import offline_wandb
import wandb_server
from rnnbench import records, tracking
from rnnbench.errors import UserError
from rnnbench.report import write_report
from rnnbench.run import run
from rnnbench.tracking import wandb_files, wandb_run

ROOT = Path(__file__).parents[1]
SMALL = ["task.length=10", "network.hidden_size=8", "trainer.max_steps=20", "trainer.evaluation_batches=2"]
ENVIRONMENT = {
    "WANDB__FILE_STREAM_TRANSMIT_INTERVAL": "0.05",  # rows travel during these short runs, not at their end alone
    **{
        f"WANDB__{part}_RETRY_WAIT_{bound}_SECONDS": "1"
        for part in ("FILE_STREAM", "FILE_TRANSFER", "GRAPHQL")
        for bound in ("MIN", "MAX")
    },
}


@pytest.fixture
def server(monkeypatch, tmp_path_factory):
    """A W&B server that this process and those it starts log in to, with no trace of the user's own settings."""
    server = wandb_server.Server()
    home = tmp_path_factory.mktemp("home")
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    for name in ("WANDB_CONFIG_DIR", "WANDB_CACHE_DIR", "WANDB_DATA_DIR"):
        monkeypatch.setenv(name, str(home))
    monkeypatch.setenv("NETRC", str(home / "netrc"))
    monkeypatch.setenv("WANDB_BASE_URL", server.url)
    monkeypatch.setenv("WANDB_API_KEY", server.key)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    wandb.teardown()  # the client reads all this only once a process
    yield server
    wandb.teardown()
    server.stop()


@pytest.fixture
def config(configure):
    return configure("tracking=online", "name=sweep")


def folder(config):
    return Path(config.runs_dir) / config.name / config.run_id


def the_only_run(server):
    (arrived,) = server.runs.values()
    return arrived


def metric_rows(path):
    """The rows of metrics.csv as W&B gets them."""
    with (path / "metrics.csv").open(newline="") as lines:
        rows = [{name: float(value) for name, value in row.items() if value} for row in csv.DictReader(lines)]
    return [{"trainer/global_step": row.pop("step")} | row for row in rows]


def logged_rows(arrived):
    """The scalar rows over training steps, in the order in which they were logged."""
    rows = [
        {key: value for key, value in row.items() if not key.startswith("_") and not isinstance(value, dict)}
        for row in sorted(arrived.history, key=lambda row: row["_step"])
    ]
    return [row for row in rows if row.keys() > {"trainer/global_step"} and "lag" not in row]


def assert_all_arrived(arrived, path):
    """That W&B has what the run's own folder has."""
    record = records.read(path)
    assert arrived.display_name == record.run_id
    assert (arrived.project, arrived.group) == ("rnnbench", record.experiment)
    assert {key: value for key, value in arrived.config.items() if key != "_wandb"} == record.config
    assert [row["_step"] for row in arrived.history] == list(range(len(arrived.history)))
    assert logged_rows(arrived) == metric_rows(path)
    curves = [row for row in arrived.history if "lag" in row]
    with np.load(path / "gradients.npz") as arrays:
        assert [row["lag"] for row in curves] == list(arrays["lag"])
        for moment, probe in (("initial", 0), ("final", -1)):
            key = f"grad_lag/{moment}/h-layer0-forward"
            np.testing.assert_array_equal([row[key] for row in curves], arrays["h"][probe, 0, 0])
    summary = arrived.summary
    assert (summary["status"], summary["score"]) == (record.status, record.score)
    assert summary.get("solved_at_step") == record.solved_at_step
    assert summary["test/loss"] == record.final["test/loss"]
    for name in ("gradient_profile", "gradient_heat_map"):
        picture = arrived.files[summary[name]["path"]]
        assert picture.startswith(b"\x89PNG")
        assert len(picture) == summary[name]["size"]
    assert arrived.exit_code == 0


def test_runs_arrive_as_they_were_recorded(configure, server, tmp_path):
    """And the same configuration in two experiments is two runs."""
    configs = [
        configure("tracking=online", f"name={name}", f"seed={seed}")
        for name, seed in (("one", 0), ("one", 1), ("two", 0))
    ]
    for config in configs:
        run(config)
    assert configs[0].run_id == configs[2].run_id
    assert len(server.runs) == 3
    for config, arrived in zip(configs, server.runs.values(), strict=True):
        assert_all_arrived(arrived, folder(config))
        assert len(arrived.id) <= 128
        assert not set(arrived.id) & set("/\\#?%:")


def test_a_failed_run_arrives_as_failed(config, server, monkeypatch):
    def broken(*_):
        raise RuntimeError("broken")

    monkeypatch.setattr("rnnbench.run._train", broken)
    with pytest.raises(RuntimeError):
        run(config)
    assert the_only_run(server).exit_code == 1
    assert the_only_run(server).summary["status"] == "failed"


@pytest.mark.parametrize("what", [500, 429, "request lost", "answer lost"])
def test_nothing_is_lost_where_requests_fail(config, server, what):
    server.faults = {kind: wandb_server.Fault(1, what) for kind in wandb_server.KINDS}
    run(config)
    assert all(server.answers[kind, what] == 1 for kind in wandb_server.KINDS)
    assert_all_arrived(the_only_run(server), folder(config))


def test_nothing_is_lost_where_the_server_is_slow(config, server):
    server.delay = 0.3
    run(config)
    assert_all_arrived(the_only_run(server), folder(config))


def test_nothing_is_lost_where_the_server_restarts(config, server, monkeypatch):
    """It goes when half of the run is logged, and comes back only when the run has ended."""
    finish = tracking.finish

    def finish_without_server(*arguments, **options):
        threading.Timer(1, server.start).start()
        finish(*arguments, **options)

    def stop_once(learner):
        if learner.global_step == 10:
            server.stop()

    monkeypatch.setattr("rnnbench.training.Learner.on_validation_start", stop_once)
    monkeypatch.setattr("rnnbench.tracking.finish", finish_without_server)
    run(config)
    assert_all_arrived(the_only_run(server), folder(config))


def test_what_the_server_refuses_is_said_and_uploaded_later(config, server, capsys):
    """The client itself says nothing of it."""
    server.faults = {"file_stream": wandb_server.Fault(1, 400)}
    run(config)
    said = capsys.readouterr().err
    assert re.match(rf"{config.run_id}: not all of it is in W&B \(filestream: .*400 Bad Request.*\); upload", said)
    assert sync(config).returncode == 0
    assert_all_arrived(the_only_run(server), folder(config))


def test_a_server_that_never_comes_back_does_not_hold_a_run(config, server, capsys, monkeypatch):
    monkeypatch.setattr(wandb_run, "FINISH_TIMEOUT", 2)
    server.faults = {"file_stream": wandb_server.Fault(10**9, "request lost")}
    record = run(config)
    assert record.status == "done"
    assert "not all of it is in W&B (the server did not take it within 2 s)" in capsys.readouterr().err
    wandb.teardown()
    server.faults = {}
    assert sync(config).returncode == 0
    assert_all_arrived(the_only_run(server), folder(config))


class TestNoServer:
    """One line, before training and before anything is written."""

    @pytest.fixture(params=["away", "wrong key", "malformed key", "no key", "out of order"])
    def reason(self, request, server, monkeypatch):
        if request.param == "away":
            server.stop()
            request.addfinalizer(server.start)
            return "no W&B server at http://127.0.0.1:.* check the network and WANDB_BASE_URL"
        if request.param == "no key":
            monkeypatch.delenv("WANDB_API_KEY")
            return "no W&B key; use 'wandb login'"
        if request.param == "out of order":
            server.faults = {"graphql": wandb_server.Fault(10**9, 500)}
            monkeypatch.setenv("WANDB_HTTP_TIMEOUT", "2")
        else:
            monkeypatch.setenv("WANDB_API_KEY", "0" * 40 if request.param == "wrong key" else "0")
        return "W&B at http://127.0.0.1:.* refuses the login .*; use 'wandb login --relogin'"

    def test_a_run(self, config, reason, tmp_path):
        with pytest.raises(UserError, match=f"tracking=online: {reason}, or use tracking=offline") as error:
            run(config)
        assert "\n" not in str(error.value)
        assert not list(tmp_path.iterdir())


def command(tmp_path, script, *arguments):
    return subprocess.run(
        [sys.executable, ROOT / "scripts" / script, *arguments], cwd=tmp_path, capture_output=True, text=True
    )


def sync(config, *arguments):
    return command(config.runs_dir, "sync.py", config.name, "--runs-dir", config.runs_dir, *arguments)


def test_a_sweep_says_once_that_there_is_no_server(server, tmp_path):
    server.stop()
    result = command(tmp_path, "train.py", "-m", "seed=0,1", "tracking=online", *SMALL)
    server.start()
    assert result.returncode == 2
    assert result.stdout == ""
    assert result.stderr.startswith("error: tracking=online: no W&B server at")
    assert result.stderr.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_the_key_is_in_no_file(config, server, tmp_path, capfd):
    """W&B's own logs, the report and the page as code included; and the process that starts a sweep checks it first."""
    tracking.check_sweep()
    run(config)
    write_report(config.name, tmp_path, tmp_path / "results")
    for script in ("workspace.py", "sync.py"):
        assert command(tmp_path, script, config.name, "--runs-dir", tmp_path).returncode == 0
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    names = {path.name for path in files}
    assert {"record.json", "workspace.json", "report.html", "debug-internal.log", "debug.log"} <= names
    assert [path for path in files if server.key.encode() in path.read_bytes()] == []
    assert server.key not in "".join(capfd.readouterr())
    assert server.key not in json.dumps(the_only_run(server).config)


@pytest.mark.parametrize("arrived", [2, 6])
@pytest.mark.parametrize("mode", ["online", "offline"])
def test_a_run_that_goes_on_is_whole(configure, server, mode, arrived):
    """Of the rows before the checkpoint some are missing in W&B, or rows after it are there, which come again."""
    record = run(configure("name=sweep"))  # what is to arrive
    config = configure("name=sweep", f"tracking={mode}")
    path = folder(config)
    rows = metric_rows(path)
    interrupted = tracking.open_logger(config, path.parent)
    for row in rows[:arrived]:
        interrupted.log_metrics(row, step=int(row["trainer/global_step"]))
    interrupted.experiment.finish(exit_code=1)

    kept = 4
    file = path / "metrics.csv"
    file.write_text("".join(file.read_text().splitlines(keepends=True)[: 1 + kept]))
    logger = tracking.open_logger(config, path.parent, goes_on=True)
    tracking.replay(logger, path)
    for row in rows[kept:]:
        logger.log_metrics(row, step=int(row["trainer/global_step"]))
    tracking.finish(logger, record, exit_code=0)
    if mode == "offline":
        wait_for_the_end(path.parent)
        assert sync(config).stdout.endswith("1 uploaded\n")
    assert logged_rows(the_only_run(server)) == rows
    assert [row["_step"] for row in the_only_run(server).history] == list(range(len(rows)))
    assert the_only_run(server).exit_code == 0


def wait_for_the_end(experiment):
    """W&B's service may still write when `finish` has returned."""
    for path in wandb_files.folders(experiment):
        offline_wandb.entries(path)


class TestSync:
    @pytest.fixture
    def offline(self, configure, server):
        """Two finished runs of a sweep."""
        configs = [configure("tracking=offline", "name=sweep", f"seed={seed}") for seed in (0, 1)]
        for config in configs:
            run(config)
        wait_for_the_end(folder(configs[0]).parent)
        return configs

    def test_a_sweep_is_uploaded_once(self, offline, server):
        first, second = (wandb_run.wandb_id(config) for config in offline)
        planned = sync(offline[0], "--dry-run")
        assert planned.stdout == f"{first}: to upload\n{second}: to upload\n2 to upload\n"
        assert planned.returncode == 1
        assert not server.runs
        result = sync(offline[0], "--rate", "6000")
        assert result.stdout == f"{first}: uploaded\n{second}: uploaded\n2 uploaded\n", result.stderr
        assert result.returncode == 0
        for config in offline:
            assert_all_arrived(server.runs[wandb_run.wandb_id(config)], folder(config))
        server.answers.clear()
        again = sync(offline[0])
        assert (again.stdout.splitlines()[-1], again.returncode) == ("2 already uploaded", 0)
        assert not server.answers

    def test_what_failed_is_named_and_uploaded_the_next_time(self, offline, server):
        """The client ends with success and marks the run as uploaded."""
        server.faults = {"file_stream": wandb_server.Fault(1, 400)}
        result = sync(offline[0], "--rate", "6000")
        assert result.returncode == 1
        assert re.search(
            r": failed, filestream: .*400 Bad Request.*\n.*: uploaded\n1 failed, 1 uploaded", result.stdout
        )
        again = sync(offline[0])
        assert again.returncode == 0
        assert again.stdout.endswith("1 uploaded, 1 already uploaded\n")
        for config in offline:
            assert_all_arrived(server.runs[wandb_run.wandb_id(config)], folder(config))

    def test_a_picture_that_is_refused_is_a_failure(self, offline, server):
        server.faults = {"upload": wandb_server.Fault(1, 403)}
        result = sync(offline[0], "--rate", "6000")
        assert result.returncode == 1
        assert "failed, file transfer: upload: failed to upload: status: 403 Forbidden" in result.stdout

    def test_an_interrupted_run_is_named(self, offline, server):
        path, _ = wandb_files.folders(Path(offline[0].runs_dir) / "sweep")
        (log,) = path.glob("*.wandb")
        log.write_bytes(log.read_bytes()[:-20])  # the exit record, cut off
        result = sync(offline[0], "--rate", "6000")
        assert result.returncode == 1
        assert f"{wandb_run.wandb_id(offline[0])}: interrupted, it has no end; run it again\n" in result.stdout
        assert list(server.runs) == [wandb_run.wandb_id(offline[1])]

    @pytest.mark.parametrize("reason", ["no key", "away"])
    def test_nothing_can_be_uploaded(self, offline, server, monkeypatch, reason):
        if reason == "no key":
            monkeypatch.delenv("WANDB_API_KEY")
        else:
            server.stop()
        result = sync(offline[0])
        if reason == "away":
            server.start()
        assert result.returncode == 2
        message = {"no key": "no W&B key; use 'wandb login'", "away": "no W&B server at"}[reason]
        assert result.stderr.startswith(f"error: nothing was uploaded: {message}")
        assert result.stderr.count("\n") == 1
        assert result.stdout == ""

    def test_no_such_experiment(self, tmp_path):
        result = command(tmp_path, "sync.py", "nothing")
        assert result.returncode == 2
        assert result.stderr.startswith("error: no W&B runs under runs/nothing/wandb")
        assert not list(tmp_path.iterdir())
