"""A run and its record: what is written, what is skipped, what is reproduced, how failures are reported."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
import wandb
import yaml
from pytorch_lightning.utilities.rank_zero import rank_zero_only

from histories import curve
from rnnbench.builders.network import build_model
from rnnbench.builders.training import build_learner
from rnnbench.errors import UserError
from rnnbench.gradients import Measurement, gradient_profile
from rnnbench.runner import run
from rnnbench.store import records
from rnnbench.sweep.configuration import read
from rnnbench.training.data import held_out_stream
from rnnbench.training.learner import Learner

pytestmark = pytest.mark.whole


def folder(config):
    return Path(config.runs_dir) / config.name / config.run_id


def test_what_a_run_leaves_behind(configure):
    config = configure("network.depth=2", "network.bidirectional=true", "name=trial")
    record = run(config)
    assert {path.name for path in folder(config).iterdir()} == {
        "config.yaml", "record.json", "metrics.csv", "gradients.npz", "last.ckpt", "best.ckpt", "log.txt",
    }  # fmt: skip
    assert records.read(folder(config)) == record
    assert yaml.safe_load((folder(config) / "config.yaml").read_text()) == record.config == config.to_dict()
    assert read(folder(config) / "config.yaml") == config
    assert (record.status, record.experiment, record.run_id) == ("done", "trial", config.run_id)
    assert record.steps == 20
    assert record.parameters == sum(p.numel() for p in build_model(config).parameters())
    assert (record.hidden_size, record.off_budget) == (8, None)
    assert record.flops > record.state_size == 2 * 2 * 2 * 8
    assert record.score == max(-1, 1 - record.final["test/loss"] / (1 / 6))
    assert json.loads((folder(config) / "record.json").read_text())["score"] == record.score
    assert record.best["val/loss"] <= record.final["val/loss"]
    assert record.best["step"] in (10, 20)
    assert record.seconds > 0
    assert record.peak_memory > 10**7
    assert record.engine == "fused"  # so small an LSTM
    assert record.versions["torch"] == torch.__version__
    assert set(record.gradients) == {"initial", "final"}

    with np.load(folder(config) / "gradients.npz") as arrays:
        assert list(arrays["h.axes"]) == ["probe", "layer", "direction", "lag"]
        assert arrays["h"].shape == arrays["c"].shape == (3, 2, 2, 10)
        assert list(arrays["step"]) == [0, 10, 20]
        assert list(arrays["lag"]) == list(range(10))
        assert (arrays["h"][:, 1, :, 0] > 0).all()

    weights = torch.load(folder(config) / "last.ckpt", weights_only=True)["state_dict"]
    learner = build_learner(config)
    learner.load_state_dict(weights)


def test_the_probe_sees_the_weights_of_its_moment(configure):
    """Its first profile is that of the drawn weights, its last that of the saved ones, and it changes no training."""
    config = configure("cell=gru")
    record = run(config)
    learner = build_learner(config)
    from rnnbench.builders.training import build_probe

    batch = build_probe(config).batch
    assert batch.inputs.shape == (10, 4, 2)
    learner.load_state_dict(torch.load(folder(config) / "last.ckpt", weights_only=True)["state_dict"])
    with np.load(folder(config) / "gradients.npz") as arrays:
        np.testing.assert_allclose(
            arrays["h"][-1], gradient_profile(Measurement(learner.model, batch, "mse"))["h"], rtol=1e-3
        )
    silent = configure("cell=gru", "probe=off", "name=silent")
    assert run(silent).final == record.final
    assert not (folder(silent) / "gradients.npz").exists()


def test_the_full_probe_measures_everything(configure):
    config = configure("probe=full", "probe.every=10", "probe.sequences=2", "probe.exponents=3", "network.engine=fused")
    record = run(config)
    with np.load(folder(config) / "gradients.npz") as arrays:
        assert arrays["lyapunov"].shape == (3, 1, 1, 3)
        assert arrays["jacobian_largest"].shape == (3, 1, 1, 10)
        assert arrays["time_constant"].shape == (3, 1, 1, 8)
        for name in arrays:
            if not name.endswith(".axes"):
                assert arrays[name].ndim == len(arrays[f"{name}.axes"])
        assert record.gradients["final"]["lyapunov_max"] == arrays["lyapunov"][-1, 0, 0, 0]
    for name in ("half_life", "horizon", "lyapunov_max", "omega", "time_constant_median", "saliency_share"):
        found = curve(folder(config), name)
        assert list(found) == [0, 10, 20]
        assert found[20] == pytest.approx(record.gradients["final"][name])
    silent = configure("probe=off", "network.engine=fused", "name=silent")
    assert run(silent).final == record.final


def test_a_state_too_large_for_a_diagnostic_is_said_before_anything_is_written(configure):
    config = configure("cell=linear_attention", "cell.heads=1", "network.hidden_size=23", "probe=full")
    with pytest.raises(UserError, match=r"jacobian takes states of at most 512 numbers, .* has 552 here"):
        run(config)
    assert not folder(config).exists()


def test_a_single_step_can_be_probed(configure):
    record = run(configure("task=char_lm", "task.length=1", "task.batch_size=4", "probe=full"))
    assert record.gradients["final"]["horizon"] is None  # there is no lag but 0
    assert record.gradients["final"]["half_life"] is None


def test_a_diverged_run_is_recorded_with_the_full_probe(configure):
    record = run(configure("probe=full", "optimizer=sgd", "optimizer.lr=1000", "clip=none", "probe.every=5"))
    assert record.status == "diverged"
    assert record.gradients["initial"]["half_life"] > 0


def test_the_same_configuration_gives_the_same_run(configure, tmp_path):
    """Bit for bit, whatever ran in the process before, and seed 0 is a seed like any other."""
    torch.manual_seed(123)
    first = run(configure("task=copy", "network.dropout=0.5", "network.depth=2"))
    again = run(configure("task=copy", "network.dropout=0.5", "network.depth=2", f"runs_dir={tmp_path}/again"))
    other = run(configure("task=copy", "network.dropout=0.5", "network.depth=2", "seed=1"))
    assert first.final == again.final
    assert first.gradients == again.gradients
    assert first.final != other.final


def test_what_is_done_is_not_run_again(configure, capsys, monkeypatch):
    record = run(configure())
    monkeypatch.setattr("rnnbench.runner._train", lambda *_: pytest.fail("trained again"))
    capsys.readouterr()
    assert run(configure("name=scratch")) == record
    assert f"{record.run_id}: already done, score {record.score:.3f} (force=true" in capsys.readouterr().out
    with pytest.raises(BaseException, match="trained again"):
        run(configure("force=true"))


def test_an_error_is_recorded_and_raised_and_the_run_is_tried_again(configure, monkeypatch, capsys):
    config = configure()

    def broken(*_):
        raise RuntimeError("the moon is full")

    with monkeypatch.context() as patch:
        patch.setattr("rnnbench.runner._train", broken)
        with pytest.raises(RuntimeError):
            run(config)
    record = records.read(folder(config))
    assert record.status == "failed"
    assert "the moon is full" in record.error
    assert "in broken" in record.error
    assert "failed, RuntimeError('the moon is full')" in capsys.readouterr().err
    assert run(config).status == "done"


def broken(*_, **__):
    raise RuntimeError("the moon\nis full")


def broken_at_length_12(task, split, draw=held_out_stream):
    return broken() if split == "test" and task.length == 12 else draw(task, split)


@pytest.mark.parametrize(
    ("what", "fails", "lost"),
    [
        ("rnnbench.network.model.Model.generate", broken, "sample"),
        ("rnnbench.training.probe.Probe.save", broken, "gradients.npz"),
        ("rnnbench.runner.log_profiles", broken, "gradients in W&B"),
        ("rnnbench.tracking.finish", broken, "end in W&B"),
        ("rnnbench.runner.held_out_stream", broken_at_length_12, "test at length 12"),
    ],
)
def test_what_fails_after_the_test_does_not_lose_the_result(configure, monkeypatch, capsys, what, fails, lost):
    tracking = "offline" if "W&B" in lost else "disabled"
    config = configure(
        "task=char_lm", "task.sample_length=5", "task.test_lengths=[12,13]", f"tracking={tracking}", "probe.every=20"
    )
    with monkeypatch.context() as patch:
        patch.setattr(what, fails)
        record = run(config)
    wandb.teardown()  # one of them leaves the run open
    assert record.status == "done"
    assert record.score == max(-1, record.final["test/score"]) != record.final["test_13/score"]
    assert ("test_12/loss" in record.final) == (lost != "test at length 12")
    assert record.gradients["final"]["half_life"] > 0
    assert record.warnings == [f"no {lost}: RuntimeError: the moon"]
    assert records.read(folder(config)) == record
    assert (record.sample is None) == (lost == "sample")
    assert f"done, score {record.score:.3f}; no {lost}: RuntimeError: the moon, " in capsys.readouterr().out
    assert (folder(config) / "gradients.npz").exists() == (lost != "gradients.npz")
    assert not list(folder(config).glob(".*"))


def test_a_failure_is_recorded_though_wandb_fails_too(configure, monkeypatch):
    config = configure()
    monkeypatch.setattr("rnnbench.runner._train", broken)
    monkeypatch.setattr("rnnbench.tracking.finish", lambda *_, **__: 1 / 0)
    with pytest.raises(RuntimeError, match="the moon"):
        run(config)
    record = records.read(folder(config))
    assert record.outcome == "failed, is full; no end in W&B: ZeroDivisionError: division by zero"


@pytest.mark.parametrize("variable", ["RANK", "LOCAL_RANK", "SLURM_PROCID", "JSM_NAMESPACE_RANK"])
def test_a_run_is_alone_whatever_the_environment_says(configure, monkeypatch, variable):
    """As below srun or torchrun, where Lightning takes its rank from a variable when it is imported."""
    monkeypatch.setenv(variable, "1")
    monkeypatch.setattr(rank_zero_only, "rank", 1)
    config = configure("tracking=offline")
    record = run(config)
    assert (record.status, record.warnings) == ("done", [])
    assert list(curve(folder(config), "val/loss")) == [10, 20]


def test_a_run_that_ended_and_died_before_its_record_is_validated_once(configure, monkeypatch):
    config = configure("trainer.validate_every=7")
    write = records.write

    def die(*_):
        monkeypatch.setattr(records, "write", write)
        raise SystemExit(9)

    monkeypatch.setattr(records, "write", die)
    with pytest.raises(SystemExit):
        run(config)
    assert run(config).resumed == 1
    assert list(curve(folder(config), "val/loss")) == [7, 14, 20]


def test_an_interrupted_run_has_no_record(configure, monkeypatch):
    config = configure()

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("rnnbench.runner._train", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(config)
    assert records.read(folder(config)) is None


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["cell=gru", "init=forget_one"], "the cell GRU has no gate 'forget'"),
        (["cell.name=lsmt"], "unknown cell 'lsmt': did you mean 'lstm'"),
        (["init.recurrent=orthogonl"], "did you mean 'orthogonal'"),
        (["trainer.accelerator=gpu"], "trainer.accelerator=gpu: no GPU here; use trainer.accelerator=cpu"),
        (["trainer.accelerator=cuda"], "trainer.accelerator=cuda: no CUDA GPU here"),
        (["trainer.accelerator=mps"], "trainer.accelerator=mps: no Apple GPU here"),
        (["trainer.accelerator=tpu"], "trainer.accelerator=tpu: no TPU here"),
        (
            ["trainer.precision=16-mixed"],
            "trainer.precision=16-mixed: needs a CUDA GPU, trainer.accelerator=cpu has none",
        ),
        (
            ["trainer.precision=bf16-mixed", "network.engine=fused", "cell=gru"],
            "fused cannot run the cell GRU in torch.bf",
        ),
        (["init=uniform_gate", "network.hidden_size=1"], "init.memory=uniform_gate: needs a width of at least 2"),
        (["tracking=online"], "tracking=online: .* or use tracking=offline"),
    ],
)
def test_a_users_mistake_writes_nothing(configure, tmp_path, monkeypatch, overrides, message):
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "no-netrc"))
    for kind in ("CUDA", "MPS", "XLA"):
        monkeypatch.setattr(f"rnnbench.training.device.{kind}Accelerator.is_available", lambda: False)
    with pytest.raises(UserError, match=message):
        run(configure(*overrides))
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


@pytest.mark.parametrize(("precision", "dtype"), [("64", torch.float64), ("bf16-mixed", torch.float32)])
@pytest.mark.parametrize("overrides", [["cell=lru"], ["cell=orthogonal", "task=char_lm"]])
def test_other_precisions_train(configure, monkeypatch, precision, dtype, overrides):
    """With parameters of the precision; what they compute in shows in the prediction."""
    seen, original = [], Learner._forward

    def forward(learner, batch, split):
        loss, prediction = original(learner, batch, split)
        seen.append((next(learner.model.parameters()).dtype, prediction.dtype))
        return loss, prediction

    monkeypatch.setattr(Learner, "_forward", forward)
    config = configure(*overrides, f"trainer.precision={precision}", "trainer.max_steps=3", "task.length=12")
    assert run(config).status == "done"
    assert set(seen) == {(dtype, torch.float64 if precision == "64" else torch.bfloat16)}
    assert config.run_id != configure(*overrides, "trainer.max_steps=3", "task.length=12").run_id


def test_a_network_that_cannot_run_in_a_precision_is_named_before_it_trains(configure, tmp_path, monkeypatch):
    def broken(*_):
        raise RuntimeError('"tanh" not implemented for BFloat16\nat line 5')

    monkeypatch.setattr("rnnbench.network.model.Model.forward", broken)
    with pytest.raises(UserError, match='cannot run in torch.bfloat16 ."tanh" not implemented for BFloat16.; use'):
        run(configure("trainer.precision=bf16-mixed"))
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    ("error", "raised"),
    [
        (MemoryError("Unable to allocate 72 TiB"), UserError),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"), UserError),
        (RuntimeError("the moon"), RuntimeError),
    ],
)
def test_what_does_not_fit_into_memory_is_a_users_mistake(configure, monkeypatch, tmp_path, error, raised):
    def build(_):
        raise error

    monkeypatch.setattr("rnnbench.runner.build_probe", build)
    with pytest.raises(raised, match="needs more memory than this machine has" if raised is UserError else "the moon"):
        run(configure())
    assert not list(tmp_path.iterdir())


def test_text_is_written_by_the_trained_model(configure, capsys):
    overrides = ["task=char_lm", "task.prompt='The dog'", "task.sample_length=15"]
    record = run(configure(*overrides))
    assert record.sample.startswith("The dog")
    assert len(record.sample) == len("The dog") + 15
    assert record.data["corpus"] == "docs"
    assert len(record.data["sha256"]) == 64
    assert run(configure(*overrides, "task.sample_length=0")).sample is None
    assert "task.prompt" not in capsys.readouterr().err
    record = run(configure("task=char_lm", "task.prompt='漢字'", "task.sample_length=5"))
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(
        f"{record.run_id}: task.prompt='漢字': '字' does not occur in task.corpus=docs; the sample goes on"
    )
    assert line.endswith(repr(record.sample[:2]))


NAMED = {"task": {"name": "adding"}, "cell": {"name": "lstm"}}
"""What every configuration names."""


class TestRecords:
    def make(self, **changes):
        values = {"run_id": "a", "experiment": "e", "status": "done", "config": NAMED, "seed": 0}
        return records.Record(**(values | changes))

    def test_numbers_that_are_not_finite_are_refused(self, tmp_path):
        with pytest.raises(ValueError, match="not JSON compliant"):
            records.write(tmp_path, self.make(seconds=float("nan")))
        assert records.read(tmp_path) is None

    def test_a_damaged_record_is_named(self, tmp_path):
        for text in ("", "{", "[]", json.dumps({"run_id": "a"})):
            (tmp_path / "record.json").write_text(text)
            with pytest.raises(UserError, match=r"record.json: not a valid record .*; delete it"):
                records.read(tmp_path)

    def test_writing_replaces_at_once(self, tmp_path):
        records.write(tmp_path, self.make(seconds=0.1))
        records.write(tmp_path, self.make(seconds=0.2))
        assert records.read(tmp_path).seconds == 0.2
        assert [path.name for path in tmp_path.iterdir()] == ["record.json"]

    def test_only_ended_runs_are_read(self, tmp_path):
        for name in ("b", "a", "unfinished"):
            (tmp_path / name).mkdir()
        records.write(tmp_path / "b", self.make(run_id="b"))
        records.write(tmp_path / "a", self.make(run_id="a", status="failed"))
        assert [record.run_id for record in records.read_all(tmp_path)] == ["a", "b"]
        assert [record.complete for record in records.read_all(tmp_path)] == [False, True]
