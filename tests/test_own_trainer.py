"""The learner in a Lightning Trainer of the user's own, and back from a checkpoint."""

from pathlib import Path

import pytest
import pytorch_lightning as lightning
import torch
import yaml
from pytorch_lightning.callbacks import EarlyStopping, ModelCheckpoint

from rnnbench.builders.training import ConfiguredLearner, build_learner
from rnnbench.config.plain import from_dict
from rnnbench.runner import run
from rnnbench.training.data import Stream, held_out_stream, to_torch

pytestmark = [
    pytest.mark.filterwarnings("ignore:The '.*_dataloader' does not have many workers"),
    pytest.mark.filterwarnings("ignore:`isinstance.treespec, LeafSpec.` is deprecated"),
    pytest.mark.filterwarnings("ignore:Checkpoint directory .* exists"),
    pytest.mark.filterwarnings("ignore:The `srun` command is available"),
]


def trainer(*callbacks, **options):
    """As a person writes one who knows nothing of this package."""
    quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False}
    keeps = any(isinstance(each, ModelCheckpoint) for each in callbacks)
    given = {"max_steps": 20, "val_check_interval": 5, "check_val_every_n_epoch": None, "enable_checkpointing": keeps}
    return lightning.Trainer(accelerator="cpu", callbacks=list(callbacks), **quiet, **(given | options))


def streams(config, batches):
    return Stream(config.task, "train", config.seed, batches), held_out_stream(config.task, "validation")


def test_it_trains_as_a_run_does(configure):
    """With a sanity validation before it, which leaves no trace."""
    config = configure("trainer.validate_every=5", "probe=off", "schedule=cosine", "network.dropout=0.3",
                       "network.depth=2", "trainer.accumulate_grad_batches=2")  # fmt: skip
    record = run(config)
    lightning.seed_everything(config.seed, verbose=False)
    learner = build_learner(config)
    own = trainer(num_sanity_val_steps=2, gradient_clip_val=1.0, accumulate_grad_batches=2, val_check_interval=10)
    own.fit(learner, *streams(config, 40))
    saved = torch.load(Path(config.runs_dir) / config.name / config.run_id / "last.ckpt", weights_only=True)
    for name, weight in learner.state_dict().items():
        assert torch.equal(weight, saved["state_dict"][name]), name
    assert learner.best == record.best
    assert own.callback_metrics["val/loss"] == pytest.approx(record.final["val/loss"])
    assert own.callback_metrics["val/score"] == pytest.approx(record.final["val/score"])
    assert {"train/loss", "val/mse"} <= set(own.callback_metrics)


def test_sanity_validation_alone_leaves_nothing(configure):
    config = configure()
    learner = build_learner(config)
    seen = {}

    class Watch(lightning.Callback):
        def on_sanity_check_end(self, trainer, learner):
            seen.update(best=dict(learner.best), last=dict(learner.last), targets=learner.validation_meter.targets)

    trainer(Watch(), num_sanity_val_steps=1, max_steps=1).fit(learner, *streams(config, 1))
    assert seen == {"best": {}, "last": {}, "targets": 0}


@pytest.mark.parametrize(("precision", "fused"), [("32", True), ("64", True), ("bf16-mixed", None)])
def test_a_step_in_one_kernel_where_lightning_can_clip_before_it(configure, precision, fused):
    config = configure()
    own = trainer(precision=precision, max_steps=2, val_check_interval=2, gradient_clip_val=1.0)
    own.fit(build_learner(config), *streams(config, 2))
    assert own.optimizers[0].defaults["fused"] is fused


def test_early_stopping_and_checkpoints_on_the_validation_loss(configure, tmp_path):
    config = configure("optimizer=sgd", "optimizer.lr=0.3", "clip=none", "trainer.stop_when_solved=false")
    learner = build_learner(config)
    stopping = EarlyStopping("val/loss", patience=2)
    keeping = ModelCheckpoint(tmp_path / "own", "best", monitor="val/loss", mode="min", save_top_k=1)
    own = trainer(stopping, keeping, max_steps=200, val_check_interval=1)
    own.fit(learner, *streams(config, 200))
    assert own.global_step < 200
    assert stopping.wait_count == 2
    assert keeping.best_model_score.item() == pytest.approx(learner.best["val/loss"])
    assert torch.load(keeping.best_model_path, weights_only=True)["global_step"] == learner.best["step"]


@pytest.mark.parametrize(
    "overrides",
    [
        [],
        ["cell=gru", "network.depth=2", "network.bidirectional=true", "init=orthogonal"],
        ["cell=orthogonal", "network.hidden_size=null", "network.budget=parameters:300"],
        ["task=copy", "cell=lru", "network.block=residual", "optimizer=nadam", "schedule=wsd",
         "schedule.warmup_steps=3"],
        ["cell=external", "cell._target_=own_cells:MatrixMemory", "early_stop=patience", "early_stop.patience=1"],
    ],
)  # fmt: skip
def test_it_comes_back_from_a_checkpoint(configure, overrides):
    config = configure("probe=off", *overrides)
    run(config)
    path = Path(config.runs_dir) / config.name / config.run_id / "last.ckpt"
    loaded = ConfiguredLearner.load_from_checkpoint(path).eval()
    learner = build_learner(config).eval()
    learner.load_state_dict(torch.load(path, weights_only=True)["state_dict"])
    batch = to_torch(config.task.batch("test", 3, 0))
    with torch.no_grad():
        assert torch.equal(loaded.model(batch.inputs).prediction, learner.model(batch.inputs).prediction)
    own = trainer()
    own.test(loaded, held_out_stream(config.task, "test"), verbose=False)
    assert own.callback_metrics["test/loss"] == pytest.approx(run(config).final["test/loss"])


def test_a_checkpoint_without_a_configuration_takes_one(configure, tmp_path):
    config = configure("probe=off", "trainer.max_steps=2")
    run(config)
    folder = Path(config.runs_dir) / config.name / config.run_id
    old = torch.load(folder / "last.ckpt", weights_only=True)
    del old["hyper_parameters"]
    torch.save(old, tmp_path / "old.ckpt")
    values = yaml.safe_load((folder / "config.yaml").read_text())
    loaded = ConfiguredLearner.load_from_checkpoint(tmp_path / "old.ckpt", config=values)
    for name, weight in loaded.state_dict().items():
        assert torch.equal(weight, old["state_dict"][name])


@pytest.mark.parametrize("name", ["adding", "copy", "char_lm", "digits"])
def test_a_configuration_from_its_plain_values(configure, name):
    config = configure(f"task={name}", "task.length=16", "optimizer=adamw", "schedule=linear", "clip=none")
    assert from_dict(config.to_dict()) == config


@pytest.mark.parametrize("more", [[], ["callbacks=ema", "callbacks.ema.decay=0.3"]])
def test_the_best_network_is_kept(configure, more):
    """Its validation loss is the lowest of the run, which trains on into worse."""
    config = configure("optimizer=sgd", "optimizer.lr=0.3", "clip=none", "trainer.validate_every=1", "probe=off",
                       "trainer.stop_when_solved=false", "trainer.max_steps=30", *more)  # fmt: skip
    record = run(config)
    folder = Path(config.runs_dir) / config.name / config.run_id
    assert record.best["step"] < record.steps
    for name, values in (("best", record.best), ("last", record.final)):
        own = trainer()
        learner = ConfiguredLearner.load_from_checkpoint(folder / f"{name}.ckpt")
        own.validate(learner, held_out_stream(config.task, "validation"), verbose=False)
        assert own.callback_metrics["val/loss"] == pytest.approx(values["val/loss"])
    saved = torch.load(folder / "best.ckpt", weights_only=True)
    assert saved["global_step"] == record.best["step"]
    assert "optimizer_states" not in saved
