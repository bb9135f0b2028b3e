"""Schedules of the learning rate against their papers' formulas, as a whole training applies them."""

import math
from functools import partial
from pathlib import Path

import pytest
import torch
from torch.optim.lr_scheduler import CosineAnnealingLR, LinearLR, ReduceLROnPlateau

from histories import curve
from rnnbench.errors import UserError
from rnnbench.runner import run
from rnnbench.sweep import configuration

LR, STEPS = 0.002, 20


@pytest.fixture
def logged(configure):
    """A function from overrides to the curves of a run of 20 steps, every one of them logged."""

    def train(*overrides):
        config = configure("trainer.log_every=1", "probe=off", *overrides)
        run(config)
        return partial(curve, Path(config.runs_dir) / config.name / config.run_id)

    return train


def of_torch(make, steps):
    """The rates of one of torch's own schedulers."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], LR)
    scheduler, rates = make(optimizer), []
    for _ in range(steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return rates


def rising(steps):
    return [LR * (step + 1) / steps for step in range(steps)]


def vaswani(step, warmup):
    """Equation 3 of arXiv:1706.03762, the factor that makes its peak the configured rate in front."""
    return LR * math.sqrt(warmup) * min(step**-0.5, step * warmup**-1.5)


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        ([], [LR] * 20),
        (["schedule=warmup", "schedule.warmup_steps=8"], rising(8) + [LR] * 12),
        (["schedule=cosine"], of_torch(lambda o: CosineAnnealingLR(o, 20), 20)),
        (
            ["schedule=cosine", "schedule.warmup_steps=5", "schedule.min_lr=0.1"],
            rising(5) + of_torch(lambda o: CosineAnnealingLR(o, 15, eta_min=0.1 * LR), 15),
        ),
        (
            ["schedule=linear", "schedule.warmup_steps=4", "schedule.min_lr=0.25"],
            rising(4) + of_torch(lambda o: LinearLR(o, 1.0, 0.25, 16), 16),
        ),
        (["schedule=inverse_sqrt", "schedule.warmup_steps=4"], [vaswani(step, 4) for step in range(1, 21)]),
        (
            ["schedule=wsd", "schedule.warmup_steps=4", "schedule.decay_share=0.5"],
            rising(4) + [LR] * 6 + of_torch(lambda o: LinearLR(o, 1.0, 0.0, 10), 10),
        ),
        (
            ["schedule=wsd", "schedule.warmup_steps=0", "schedule.decay_share=0.2", "schedule.shape=sqrt",
             "schedule.min_lr=0.5"],
            [LR] * 16 + [LR * (1 - 0.5 * math.sqrt(step / 4)) for step in range(4)],
        ),
    ],
)  # fmt: skip
def test_the_rate_of_every_step(logged, overrides, expected):
    rates = logged(*overrides)("lr")
    assert list(rates) == list(range(1, STEPS + 1))
    assert list(rates.values()) == pytest.approx(expected, rel=1e-9)


def test_a_plateau_follows_the_validations(logged):
    """As torch's own scheduler does that is given the losses by hand."""
    curves = logged("schedule=plateau", "schedule.patience=0", "schedule.factor=0.5", "schedule.min_lr=0.1",
                    "optimizer=sgd", "optimizer.lr=0.8", "trainer.validate_every=2", "trainer.stop_when_solved=false",
                    "clip=none")  # fmt: skip
    losses = curves("val/loss")
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], 0.8)
    scheduler = ReduceLROnPlateau(optimizer, factor=0.5, patience=0, min_lr=0.08)
    expected = []
    for step in range(1, STEPS + 1):
        expected.append(optimizer.param_groups[0]["lr"])
        if step in losses:
            scheduler.step(losses[step])
    assert list(curves("lr").values()) == pytest.approx(expected)
    assert len(set(expected)) > 2


def test_the_rate_is_what_the_weights_move_by(configure):
    """Plain SGD whose gradient is clipped to one norm: a step is as long as its rate."""
    import pytorch_lightning as lightning

    from rnnbench.builders.training import build_learner
    from rnnbench.runner import build_trainer
    from rnnbench.training.data import Stream, held_out_stream

    config = configure("schedule=linear", "optimizer=sgd", "optimizer.lr=0.1", "clip.threshold=1e-3")
    learner, moved = build_learner(config), []

    class Watch(lightning.Callback):
        def on_train_batch_start(self, trainer, learner, *_):
            self.before = torch.nn.utils.parameters_to_vector(learner.model.parameters()).detach().double()

        def on_train_batch_end(self, trainer, learner, *_):
            after = torch.nn.utils.parameters_to_vector(learner.model.parameters()).detach().double()
            moved.append((after - self.before).norm().item())

    trainer = build_trainer(config, [Watch()], [])
    trainer.fit(learner, Stream(config.task, "train", 0, 20), held_out_stream(config.task, "validation"))
    expected = [1e-4 * (1 - step / 20) for step in range(20)]
    assert moved == pytest.approx(expected, rel=0.02)


@pytest.mark.parametrize(
    ("overrides", "line"),
    [
        (["schedule=cosin"], "unknown schedule 'cosin': did you mean 'cosine'?"),
        (["schedule=warmup"], r"schedule.warmup_steps=100: must be less than trainer.max_steps=20"),
        (["schedule=inverse_sqrt", "schedule.warmup_steps=0"], "schedule.warmup_steps=0: must be at least 1"),
        (["schedule=cosine", "schedule.min_lr=2"], "schedule.min_lr=2.0: must be at most 1"),
        (["schedule=wsd", "schedule.warmup_steps=18"], "its 4 steps and schedule.warmup_steps=18 are more than"),
        (["schedule=wsd", "schedule.warmup_steps=1", "schedule.shape=cubic"], "unknown value for schedule.shape"),
        (["schedule=plateau", "trainer.validate_every=20"], "trainer.validate_every=20 is not less than"),
        (["schedule=constant", "+schedule.warmup_steps=3"], "unknown key 'schedule.warmup_steps'"),
    ],
)
def test_mistakes(configure, overrides, line):
    with pytest.raises(UserError, match=line.replace("?", r"\?")):
        configure(*overrides)


def test_a_configuration_from_before_there_were_schedules(configure, tmp_path):
    import yaml

    config = configure()
    values = config.to_dict()
    del values["schedule"], values["optimizer"]["decay"]
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(values))
    assert configuration.read(tmp_path / "config.yaml") == config
