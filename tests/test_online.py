"""What the real W&B client brings to a server, against the local records, and what it survives on the way."""

import csv
import json
import re
import threading
from pathlib import Path

import numpy as np
import pytest
import wandb

import offline_wandb
import wandb_server
from rnnbench import runner, tracking
from rnnbench.config.plain import from_dict
from rnnbench.errors import UserError
from rnnbench.report import write_report
from rnnbench.runner import run
from rnnbench.store import records
from rnnbench.tracking import wandb_files, wandb_run
from rnnbench.tracking.sync import sync
from rnnbench.tracking.wandb_run import facts
from rnnbench.training.learner import Learner

pytestmark = pytest.mark.whole

ROOT = Path(__file__).parents[1]
SMALL = [
    "task.length=10",
    "network.hidden_size=8",
    "trainer.max_steps=20",
    "task.validation_sequences=32",
    "task.test_sequences=32",
]
ENVIRONMENT = {
    "WANDB__FILE_STREAM_TRANSMIT_INTERVAL": "0.05",  # rows travel during these short runs, not at their end alone
    **{
        f"WANDB__{part}_RETRY_WAIT_{bound}_SECONDS": "0.1"
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
        for row in arrived.history
    ]
    return [row for row in rows if row.keys() > {"trainer/global_step"} and "lag" not in row]


def without_empty(config):
    """The client sends no empty dictionary."""
    return {
        key: without_empty(value) if isinstance(value, dict) else value for key, value in config.items() if value != {}
    }


def assert_all_arrived(arrived, path):
    """That W&B has what the run's own folder has."""
    record = records.read(path)
    name = f"lstm · adding · seed {record.seed}"
    assert (arrived.project, arrived.display_name) == ("rnnbench", name)
    assert (arrived.group, arrived.job_type) == (f"{record.experiment}: lstm · adding", "report")
    assert arrived.tags == ["adding", "lstm", record.experiment]
    known = facts(from_dict(record.config), record)
    assert {key: value for key, value in arrived.config.items() if key != "_wandb"} == without_empty(known)
    assert {key: known[key] for key in record.config} == record.config
    assert [row["_step"] for row in arrived.history] == list(range(len(arrived.history)))
    assert logged_rows(arrived) == metric_rows(path)
    if record.config["probe"]["kind"] != "off":
        assert_gradients_arrived(arrived, path)
    summary = arrived.summary
    assert (summary["status"], summary["score"]) == (record.status, record.score)
    assert summary.get("solved_at_step") == record.solved_at_step
    assert summary["test/loss"] == record.final["test/loss"]
    assert arrived.exit_code == 0


def assert_gradients_arrived(arrived, path):
    curves = [row for row in arrived.history if "lag" in row]
    with np.load(path / "gradients.npz") as arrays:
        assert [row["lag"] for row in curves] == list(arrays["lag"])
        for moment, probe in (("initial", 0), ("final", -1)):
            key = f"grad_{moment}/layer1_forward"
            np.testing.assert_allclose([row[key] for row in curves], np.log10(arrays["state"][probe, 0, 0]))
    for name, begin in (("gradient_profiles", b'{"columns":["step"'), ("gradient_heat_map", b"\x89PNG")):
        file = arrived.files[arrived.summary[name]["path"]]
        assert file.startswith(begin)
        assert len(file) == arrived.summary[name]["size"]
    (files,) = [files for name, files in arrived.artifacts.items() if name.startswith("rnnbench-run-")]
    assert files.keys() == {"config.yaml", "gradients.npz", "record.json", "manifest"}
    for name in ("config.yaml", "gradients.npz"):
        assert files[name] == (path / name).read_bytes()


def test_runs_arrive_as_they_were_recorded(configure, server, tmp_path, capsys):
    """And the same configuration in two experiments is two runs."""
    configs = [
        configure("tracking=online", f"name={name}", f"seed={seed}")
        for name, seed in (("one", 0), ("one", 1), ("two", 0))
    ]
    for config in configs:
        run(config)
    assert re.findall(r"http://\S+/runs/(\S+)", capsys.readouterr().out) == list(server.runs)  # of each run, once
    assert configs[0].run_id == configs[2].run_id
    assert len(server.runs) == 3
    for config, arrived in zip(configs, server.runs.values(), strict=True):
        assert_all_arrived(arrived, folder(config))
        assert len(arrived.id) <= 64
        assert not set(arrived.id) & set("/\\#?%:")
        assert upload(config)[config.run_id] == "already uploaded"


def test_a_failed_run_arrives_as_failed(config, server, monkeypatch):
    def broken(*_):
        raise RuntimeError("broken")

    monkeypatch.setattr("rnnbench.runner._train", broken)
    with pytest.raises(RuntimeError):
        run(config)
    assert the_only_run(server).exit_code == 1
    summary = the_only_run(server).summary
    assert (summary["status"], summary["reason"]) == ("failed", "RuntimeError: broken")
    assert summary["error"].startswith("Traceback")
    (alert,) = the_only_run(server).alerts
    assert (alert["title"], alert["text"]) == ("lstm · adding · seed 0: failed", "RuntimeError: broken")


@pytest.mark.parametrize("what", [500, 429, "request lost", "answer lost"])
def test_nothing_is_lost_where_requests_fail(config, server, what):
    server.faults = {kind: wandb_server.Fault(1, what) for kind in wandb_server.KINDS}
    run(config)
    assert all(server.answers[kind, what] == 1 for kind in wandb_server.KINDS)
    assert_all_arrived(the_only_run(server), folder(config))


def test_nothing_is_lost_where_the_server_is_slow(config, server):
    server.delay = 0.15
    run(config)
    assert_all_arrived(the_only_run(server), folder(config))


def test_nothing_is_lost_where_the_server_restarts(config, server, monkeypatch):
    """It goes when half of the run is logged, and comes back only when training has ended."""
    log, start = runner.log_profiles, Learner.on_validation_start

    def log_without_server(*arguments):
        threading.Timer(1, server.start).start()
        log(*arguments)

    def stop_halfway(learner):
        start(learner)
        if learner.global_step == 10:
            server.stop()

    monkeypatch.setattr(Learner, "on_validation_start", stop_halfway)
    monkeypatch.setattr(runner, "log_profiles", log_without_server)
    run(config)
    assert_all_arrived(the_only_run(server), folder(config))


def test_what_the_server_refuses_is_said_and_uploaded_later(config, server, capsys):
    """The client itself says nothing of it."""
    server.faults = {"file_stream": wandb_server.Fault(1, 400)}
    run(config)
    said = capsys.readouterr().err
    assert re.match(rf"{config.run_id}: not all of it is in W&B \(filestream: .*400 Bad Request.*\); upload", said)
    wait_for_the_end(folder(config).parent)
    assert upload(config) == {config.run_id: "uploaded"}
    assert_all_arrived(the_only_run(server), folder(config))


def test_a_server_that_never_comes_back_does_not_hold_a_run(config, server, capsys, monkeypatch):
    monkeypatch.setattr(wandb_run, "FINISH_TIMEOUT", 2)
    server.faults = {"file_stream": wandb_server.Fault(10**9, "request lost")}
    record = run(config)
    assert record.status == "done"
    assert "not all of it is in W&B (the server did not take it within 2 s)" in capsys.readouterr().err
    wait_for_the_end(folder(config).parent)
    server.faults = {}
    assert upload(config) == {config.run_id: "uploaded"}
    assert_all_arrived(the_only_run(server), folder(config))


class TestNoServer:
    """One line, before training and before anything is written."""

    @pytest.fixture(params=["away", "wrong key", "malformed key", "no key", "out of order"])
    def reason(self, request, server, monkeypatch):
        refused = "W&B at http://127.0.0.1:.* refuses the login .*; use 'wandb login --relogin'"
        match request.param:
            case "away":
                server.stop()
                return "no W&B server at http://127.0.0.1:.* check the network and WANDB_BASE_URL"
            case "no key":
                monkeypatch.delenv("WANDB_API_KEY")
                return "no W&B key; use 'wandb login'"
            case "out of order":
                server.faults = {"graphql": wandb_server.Fault(10**9, 500)}
                monkeypatch.setenv("WANDB_HTTP_TIMEOUT", "2")
            case "wrong key":
                monkeypatch.setenv("WANDB_API_KEY", "0" * 40)
            case "malformed key":
                monkeypatch.setenv("WANDB_API_KEY", "0")
        return refused

    def test_a_run(self, config, reason, tmp_path):
        with pytest.raises(UserError, match=f"tracking=online: {reason}, or use tracking=offline") as error:
            run(config)
        assert "\n" not in str(error.value)
        assert not list(tmp_path.iterdir())


def upload(config):
    """What scripts/sync.py says of each run."""
    return {name: status for name, status, _ in sync(Path(config.runs_dir) / config.name, rate=6000, dry_run=False)}


def wait_for_the_end(experiment):
    """W&B's service may still write when `finish` has returned."""
    for path in wandb_files.folders(experiment):
        offline_wandb.entries(path)


def test_a_sweep_says_once_that_there_is_no_server(server, tmp_path, command):
    server.stop()
    result = command("train.py", "-m", "seed=0,1", "tracking=online", *SMALL)
    assert result.returncode == 2
    assert result.stdout == ""
    assert result.stderr.startswith("error: tracking=online: no W&B server at")
    assert result.stderr.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_the_key_is_in_no_file(config, server, tmp_path, capfd, command):
    """W&B's own logs, the report and the page as code included; and the process that starts a sweep checks it first."""
    tracking.check_sweep([config])
    run(config)
    write_report(config.name, tmp_path)
    for script in ("workspace.py", "sync.py"):
        assert command(script, config.name, "--runs-dir", tmp_path).returncode == 0
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    names = {path.name for path in files}
    assert {"record.json", "workspace.json", "report.html", "debug-internal.log", "debug.log"} <= names
    assert [path for path in files if server.key.encode() in path.read_bytes()] == []
    assert server.key not in "".join(capfd.readouterr())
    assert server.key not in json.dumps(the_only_run(server).config)


@pytest.mark.parametrize("arrived", [2, 6])
@pytest.mark.parametrize("mode", ["online", "offline"])
def test_a_run_that_goes_on_is_whole(configure, server, mode, arrived):
    """It logs all its rows again, those before its checkpoint and those after it; some are in W&B already."""
    record = run(configure("name=sweep"))  # what is to arrive
    config = configure("name=sweep", f"tracking={mode}")
    path = folder(config)
    rows = metric_rows(path)

    def log(logger, rows):
        for row in rows:
            logger.log_metrics(row, step=int(row["trainer/global_step"]))

    interrupted = tracking.open_logger(config, path.parent, record)
    log(interrupted, rows[:arrived])
    interrupted.experiment.finish(exit_code=1)

    logger = tracking.open_logger(config, path.parent, record, goes_on=True)
    log(logger, rows)
    tracking.finish(logger, record, exit_code=0)
    if mode == "offline":
        wait_for_the_end(path.parent)
        assert upload(config) == {config.run_id: "uploaded"}
    assert logged_rows(the_only_run(server)) == rows
    assert len(the_only_run(server).streams["wandb-history.jsonl"]) == len(rows)
    assert the_only_run(server).exit_code == 0


class TestSync:
    @pytest.fixture
    def offline(self, configure, server):
        """Two finished runs of a sweep."""
        configs = [configure("tracking=offline", "name=sweep", "probe=off", f"seed={seed}") for seed in (0, 1)]
        for config in configs:
            run(config)
        wait_for_the_end(folder(configs[0]).parent)
        return configs

    def test_a_sweep_is_uploaded_once(self, offline, server, tmp_path, command):
        first, second = (config.run_id for config in offline)
        arguments = ["sync.py", "sweep", "--runs-dir", tmp_path, "--rate", "6000"]
        planned = command(*arguments, "--dry-run")
        assert planned.stdout == f"{first}: to upload\n{second}: to upload\n2 to upload\n"
        assert planned.returncode == 1
        assert not server.runs
        result = command(*arguments)
        assert result.stdout == f"{first}: uploaded\n{second}: uploaded\n2 uploaded\n", result.stderr
        assert result.returncode == 0
        for config in offline:
            assert_all_arrived(server.runs[wandb_run.wandb_id(config)], folder(config))
        server.answers.clear()
        assert upload(offline[0]) == {first: "already uploaded", second: "already uploaded"}
        assert not server.answers

    @pytest.mark.parametrize(
        ("kind", "status", "reason"),
        [
            ("graphql", 400, "runupserter: failed to init run returned error 400"),
            ("file_stream", 400, "filestream: fatal error: .* 400 Bad Request"),
            ("upload", 403, "file transfer: upload: failed to upload: status: 403 Forbidden"),
        ],
    )
    def test_what_failed_is_named_and_uploaded_the_next_time(self, offline, server, kind, status, reason):
        """The client itself ends with success, and marks the run as uploaded."""
        (log,) = wandb_files.folders(folder(offline[1]).parent)[1].glob("*.wandb")
        log.write_bytes(log.read_bytes()[:-20])  # interrupted: its last record is cut off
        uploads = sync(folder(offline[0]).parent, rate=6000, dry_run=False)
        assert wandb.login(prompt=False, verify=True)
        server.faults = {kind: wandb_server.Fault(1, status)}
        failed, interrupted = uploads
        assert failed[:2] == (offline[0].run_id, "failed")
        assert re.match(reason, failed.reason)
        assert "\n" not in failed.reason
        assert interrupted == (offline[1].run_id, "interrupted", "it has no end; run it again")
        assert list(upload(offline[0]).values()) == ["uploaded", "interrupted"]
        assert_all_arrived(the_only_run(server), folder(offline[0]))

    def test_a_file_that_is_gone_is_said(self, configure, server):
        """The client left its files elsewhere, and the runs were moved to another machine, say."""
        config = configure("tracking=offline", "name=sweep")
        run(config)
        wait_for_the_end(folder(config).parent)
        (folder(config) / "gradients.npz").unlink()
        (uploaded,) = sync(folder(config).parent, rate=6000, dry_run=False)
        assert uploaded[:2] == (config.run_id, "uploaded")
        assert re.fullmatch(r"without its table or its artifact \(.*gradients.npz: no such file.*\)", uploaded.reason)
        assert the_only_run(server).summary["status"] == "done"

    def test_a_damaged_run_is_named_and_the_others_go(self, offline, server):
        damaged, _ = wandb_files.folders(folder(offline[0]).parent)
        (log,) = damaged.glob("*.wandb")
        log.write_bytes(log.read_bytes()[:14] + b"\xff" * 100)
        assert upload(offline[0]) == {offline[0].run_id: "failed", offline[1].run_id: "uploaded"}
        assert_all_arrived(the_only_run(server), folder(offline[1]))

    @pytest.mark.parametrize("reason", ["no W&B key; use 'wandb login'", "no W&B server at"])
    def test_nothing_can_be_uploaded(self, offline, server, monkeypatch, reason):
        wandb.teardown()
        if "key" in reason:
            monkeypatch.delenv("WANDB_API_KEY")
        else:
            server.stop()
        with pytest.raises(UserError, match=f"nothing was uploaded: {reason}"):
            upload(offline[0])
        assert not server.runs

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["nothing"], "error: no W&B runs under runs/nothing/wandb"),
            (["nothing", "--rate", "0"], "error: Invalid value for '--rate': 0.0 is not in the range x>0"),
        ],
    )
    def test_a_mistake_is_exit_code_2(self, tmp_path, arguments, message, command):
        result = command("sync.py", *arguments)
        assert result.returncode == 2
        assert message in result.stderr.splitlines()[-1]
        assert not list(tmp_path.iterdir())


def test_the_pages_of_a_sweep_are_saved(configure, server, tmp_path, command):
    """The workspace and the report as the server gets them: the runs of the sweep, by setting, with its findings."""
    for cell in ("lstm", "gru"):
        run(configure("tracking=online", "name=sweep", f"cell={cell}", "tracking.factors=[cell.name]"))
    assert {arrived.config["setting"] for arrived in server.runs.values()} == {"lstm", "gru"}
    result = command("workspace.py", "sweep", "--save", "--report", "--runs-dir", tmp_path)
    assert result.returncode == 0, result.stderr
    assert result.stdout.count("saved: http://127.0.0.1:") == 2
    workspace, report = (server.views[kind]["spec"] for kind in ("project-view", "runs"))
    for spec in (workspace, report):
        for part in ("What is the answer?", "within 20 steps none of 2 runs solves the task", "setting.value",
                     "grad_final/layer1_forward", "experiment.value"):  # fmt: skip
            assert part in spec
    assert "| cell | runs | score |" in report
    assert "| gru | 1 | " in report
