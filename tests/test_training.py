"""The learner: metrics against brute force, clipping against its law, carried states, divergence, learning."""

import copy
import csv
import re
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import pytorch_lightning as lightning
import torch

from catalogue import CELL_ROWS, TASK_ROWS, make_task, task_overrides
from histories import curve
from rnnbench.builders.training import build_learner
from rnnbench.errors import UserError
from rnnbench.runner import _exploded, build_trainer, run
from rnnbench.store import records
from rnnbench.store.status import Status
from rnnbench.tasks import TASKS, Batch
from rnnbench.tasks.adding import Adding
from rnnbench.training.data import Stream, held_out_stream, to_torch
from rnnbench.training.meters import GradientMeter, Meter


def fit(learner, config, *callbacks):
    """Trains as a run does, without its record."""
    trainer = build_trainer(config, callbacks=list(callbacks), loggers=[])
    train = Stream(config.task, "train", config.seed, config.trainer.max_steps)
    trainer.fit(learner, train, held_out_stream(config.task, "validation"))


@pytest.fixture
def trained(configure):
    """Trains with overrides; returns the record and a function from a metric to its curve."""

    def train(*overrides):
        config = configure(*overrides)
        record = run(config)
        folder = Path(config.runs_dir) / config.name / config.run_id
        return record, partial(curve, folder)

    return train


class TestMeter:
    def test_a_sequence_is_right_where_all_its_scored_positions_are(self):
        """Over two batches of three sequences: one without an error, one without a scored position."""
        task = make_task("group_word", length=2, batch_size=3)
        meter = Meter(task, 1.0)
        for wrong in (3, 4):  # at step 1 of sequence 0, or of sequence 1
            targets = torch.tensor([[0, 1, 2], [3, 4, 5]])
            prediction = torch.nn.functional.one_hot(targets, 6).float()
            prediction[wrong // 3, wrong % 3] = torch.eye(6)[0]
            prediction[0] = 0  # not scored
            batch = Batch(targets, targets, scored=torch.tensor([3, 4]))
            meter.update(torch.tensor(0.0), prediction, batch)
        values = meter.flush("test")
        assert values["test/sequence_accuracy"] == 0.5
        assert values["test/accuracy"] == 0.5

    def test_the_error_of_reads_is_one_less_their_accuracy(self):
        meter = Meter(make_task("flip_flop", length=4, batch_size=2), 1.0)
        targets = torch.tensor([[3, 4], [1, 1], [3, 3]])
        prediction = torch.nn.functional.one_hot(torch.tensor([[3, 4], [1, 1], [3, 4]]), 5).float()
        meter.update(torch.tensor(0.0), prediction, Batch(targets, targets, scored=torch.tensor([4, 5])))
        assert meter.flush("test")["test/read_error"] == 0.5

    def test_a_series_is_measured_where_it_is_scored(self):
        meter = Meter(make_task("narma"), 1.0)
        random = np.random.default_rng(0)
        prediction, targets = random.normal(size=(2, 5, 4, 1)).astype(np.float32)
        scored = np.arange(8, 20)
        batch = Batch(None, torch.tensor(targets), scored=torch.tensor(scored), counted=torch.tensor(scored))
        for half in (slice(0, 4), slice(4, 12)):  # in two batches
            part = batch._replace(scored=batch.scored[half], counted=batch.counted[half])
            meter.update(torch.tensor(2.0), torch.tensor(prediction), part)
        values = meter.flush("test")
        errors = (prediction - targets).reshape(-1)[scored]
        assert values["test/mse"] == pytest.approx(np.mean(errors**2), rel=1e-5)
        assert values["test/nrmse"] == pytest.approx(
            np.sqrt(np.mean(errors**2)) / targets.reshape(-1)[scored].std(), rel=1e-5
        )
        assert values["test/loss"] == 2

    def test_the_excess_is_the_loss_above_the_floor(self):
        task = make_task("counting")
        meter = Meter(task, task.baseline("test"), task.floor("test"))
        batch = to_torch(task.batch("test", 0, 0))
        meter.update(torch.tensor(1.0), torch.zeros(*batch.targets.shape, 3), batch)
        assert meter.flush("test")["test/excess_loss"] == pytest.approx(1 - task.floor("test"))

    def test_accuracy_counts_the_recalled_span_alone(self):
        task = make_task("copy", length=5, batch_size=7)
        meter = Meter(task, task.baseline("test"))
        right = total = 0
        losses = []
        for step in range(3):  # over batches, not of the last one
            batch = to_torch(task.batch("test", 0, step))
            prediction = torch.randn(25, 7, 9)
            loss = torch.rand(())
            meter.update(loss, prediction, batch)
            losses.append(loss.item())
            guess = prediction.argmax(-1)
            right += sum(int(guess[t, b] == batch.targets[t, b]) for t in range(15, 25) for b in range(7))
            total += 70
        values = meter.flush("val")
        assert values["val/accuracy"] == pytest.approx(right / total)
        assert values["val/loss"] == pytest.approx(np.mean(losses))
        assert values["val/score"] == pytest.approx(1 - np.mean(losses) / task.baseline("test"))

    def test_predicting_blanks_is_worth_nothing(self):
        task = make_task("copy", length=50)
        meter = Meter(task, 1.0)
        batch = to_torch(task.batch("test", 0, 0))
        blanks = torch.nn.functional.one_hot(torch.full_like(batch.targets, 8), 9).float()
        meter.update(torch.tensor(0.0), blanks, batch)
        assert meter.flush("val")["val/accuracy"] == 0

    def test_bits_per_character_and_perplexity(self):
        task = make_task("char_lm")
        meter = Meter(task, 1.0)
        batch = to_torch(task.batch("test", 0, 0))
        logits = torch.randn(*batch.targets.shape, task.output_size)
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), batch.targets.flatten())
        meter.update(loss, logits, batch)
        values = meter.flush("val")
        assert values["val/bits_per_character"] == pytest.approx(loss.item() / np.log(2), rel=1e-5)
        assert values["val/perplexity"] == pytest.approx(np.exp(loss.item()), rel=1e-5)

    def test_a_flush_starts_over(self):
        task = make_task("adding")
        meter = Meter(task, 1.0)
        batch = to_torch(task.batch("test", 0, 0))
        for loss in (3.0, 5.0):
            meter.update(torch.tensor(loss), batch.targets + loss, batch)
            values = meter.flush("train")
            assert values["train/loss"] == loss
            assert values["train/mse"] == pytest.approx(loss**2)


class TestClipping:
    def gradients(self, configure, *overrides):
        """One training step: the gradient before clipping, after it, and the learner."""
        config = configure("trainer.max_steps=1", "trainer.validate_every=1", *overrides)
        learner = build_learner(config)
        seen = {}

        class Watch(lightning.Callback):
            def on_before_optimizer_step(self, trainer, learner, optimizer):
                seen["before"] = [p.grad.clone() for p in learner.model.parameters()]

            def on_train_batch_end(self, trainer, learner, *_):
                seen["after"] = [p.grad.clone() for p in learner.model.parameters()]

        fit(learner, config, Watch())
        return seen["before"], seen["after"], learner.gradients.flush()

    @staticmethod
    def norm(gradients):
        return torch.cat([g.flatten().double() for g in gradients]).norm().item()

    @pytest.mark.parametrize("threshold", [0.01, 1e3])
    def test_norm(self, configure, threshold):
        before, after, measured = self.gradients(configure, "clip=norm", f"clip.threshold={threshold}")
        assert self.norm(after) == pytest.approx(min(self.norm(before), threshold), rel=1e-4)
        assert measured["grad_norm_before"] == pytest.approx(self.norm(before), rel=1e-5)
        assert measured["grad_norm_after"] == pytest.approx(self.norm(after), rel=1e-5)
        assert measured["clip_rate"] == (threshold < 1)
        ratio = self.norm(after) / self.norm(before)
        for a, b in zip(after, before, strict=True):  # the direction stays
            torch.testing.assert_close(a, b * ratio)

    @pytest.mark.parametrize("threshold", [0.001, 1e3])
    def test_value(self, configure, threshold):
        before, after, measured = self.gradients(configure, "clip=value", f"clip.threshold={threshold}")
        for a, b in zip(after, before, strict=True):
            assert torch.equal(a, b.clamp(-threshold, threshold))
        assert measured["clip_rate"] == (threshold < 1)

    def test_none(self, configure):
        before, after, measured = self.gradients(configure, "clip=none")
        assert all(torch.equal(a, b) for a, b in zip(after, before, strict=True))
        assert measured["clip_rate"] == 0
        assert measured["grad_norm_before"] == measured["grad_norm_after"] == pytest.approx(self.norm(before), rel=1e-5)

    def test_the_window_is_a_mean_over_its_steps(self):
        meter = GradientMeter()
        for before, after in ((4.0, 1.0), (0.5, 0.5), (3.0, 1.0)):
            meter.update(torch.tensor([before] * 5), torch.tensor([after] * 5))
        values = meter.flush()
        assert values["grad_norm_before"] == values["grad_norm_before/head"] == 2.5
        assert values["grad_norm_after"] == values["grad_norm_after/bias"] == pytest.approx(2.5 / 3)
        assert values["clip_rate"] == pytest.approx(2 / 3)
        assert values["clip_scale"] == pytest.approx((1 / 4 + 1 / 3) / 2)
        meter.update(torch.ones(5), torch.ones(5))
        assert "clip_scale" not in meter.flush()


def test_the_state_carries_on_through_a_text_and_the_gradient_does_not(configure, tmp_path):
    """Truncated backpropagation by hand, two steps beyond the point where the text begins again."""
    (tmp_path / "text").write_text("the cat sat on the mat " * 14)
    config = configure("task=char_lm", f"task.corpus={tmp_path}/text", "task.prompt=the", "task.length=5",
                       "task.batch_size=2", "optimizer=sgd", "optimizer.lr=0.5", "clip=none",
                       "trainer.max_steps=30")  # fmt: skip
    chunks = config.task.batches("train")
    assert chunks == 28
    learner = build_learner(config)
    model = copy.deepcopy(learner.model)
    steps = [to_torch(config.task.batch("train", 0, step)) for step in range(30)]
    fit(learner, config)

    optimizer, state = torch.optim.SGD(model.parameters(), 0.5), []
    for step, batch in enumerate(steps):
        state = None if step % chunks == 0 else [type(s)(*(part.detach() for part in s)) for s in state]
        prediction, state = model(batch.inputs, state=state)
        loss = torch.nn.functional.cross_entropy(prediction.flatten(0, 1), batch.targets.flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    for ours, theirs in zip(learner.model.parameters(), model.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-6)


def test_a_vanishing_gradient_is_computed_without_subnormal_numbers(configure, monkeypatch):
    """They are slow and change no parameter: the same training with them ends at the same bits."""

    def train():
        config = configure("cell=elman", "task.length=200", "trainer.max_steps=8", "trainer.validate_every=8")
        torch.manual_seed(0)
        learner = build_learner(config)
        fit(learner, config)
        return learner

    learner = train()
    parameter = torch.tensor(1e-30, requires_grad=True)
    learner.backward(parameter * 1e-30 * 1e-10)
    assert parameter.grad == 0
    assert torch.tensor(1e-30) * 1e-10 > 0
    monkeypatch.setattr(torch, "set_flush_denormal", lambda mode: False)
    subnormal = train()
    learner.backward(parameter * 1e-30 * 1e-10)
    assert parameter.grad > 0
    for a, b in zip(learner.parameters(), subnormal.parameters(), strict=True):
        assert torch.equal(a, b)


def test_windows_are_logged_at_their_ends(trained):
    _, curve = trained("clip.threshold=0.05")
    assert list(curve("train/loss")) == list(curve("grad_norm_before")) == [5, 10, 15, 20]
    assert list(curve("val/loss")) == [10, 20]
    assert all(value <= 0.0501 for value in curve("grad_norm_after").values())
    assert all(0 <= value <= 1 for value in curve("clip_rate").values())
    assert all(value > 0 for value in curve("steps_per_second").values())


def test_a_loss_that_is_not_finite_ends_the_run_as_diverged(trained):
    record, curve = trained("optimizer=sgd", "optimizer.lr=1000", "clip=none", "trainer.max_steps=1000")
    assert record.status == Status.DIVERGED
    assert list(curve("val/loss")) == [record.steps]
    assert record.outcome == f"diverged, loss not finite at step {record.steps}"
    assert record.steps == record.diverged_at_step <= 10
    assert record.score == -1
    assert record.error is None


def test_a_loss_that_explodes_is_a_divergence(trained):
    record, _ = trained("optimizer.lr=1000", "task.test_lengths=[12]")
    assert record.status == Status.DIVERGED
    assert record.score == -1
    assert record.diverged_at_step == record.steps == 20  # training went on: it might have recovered
    assert min(record.final[f"{split}/loss"] for split in ("val", "test", "test_12")) > 1000 / 6
    assert re.match(r"diverged, loss \d.*, far above the baseline, at step 20$", record.outcome)


def test_a_large_loss_on_the_way_is_none(trained, monkeypatch):
    overrides = ["optimizer.lr=0.02", "network.hidden_size=16", "task.length=2", "trainer.max_steps=100"]
    record, curve = trained(*overrides)
    largest, last = max(curve("train/loss").values()), record.final["test/loss"]
    assert last < largest / 4
    monkeypatch.setattr(records, "EXPLODED", 6 * (largest * last) ** 0.5)
    again, _ = trained(*overrides, "force=true")
    assert (again.status, again.final) == (Status.DONE, record.final)


def test_a_test_that_is_not_finite_is_a_divergence(trained, monkeypatch):
    draw = Adding.batch

    def broken(self, split, seed, step):
        batch = draw(self, split, seed, step)
        return batch._replace(targets=batch.targets * np.float32(np.nan)) if split == "test" else batch

    monkeypatch.setattr(Adding, "batch", broken)
    monkeypatch.setattr(Adding, "baseline", lambda self, split: 1 / 6)
    record, _ = trained()
    assert (record.status, record.score, record.diverged_at_step) == (Status.DIVERGED, -1, 20)
    assert record.final["val/loss"] > 0
    assert record.final["test/loss"] is None


def test_an_untrained_network_has_not_diverged():
    """However long the task, which lets the memoryless baseline go to zero."""
    task = make_task("copy", length=10**6)
    guess = np.log(9)
    assert guess > records.EXPLODED * task.baseline("test")
    assert not _exploded(task, {"val/loss": guess, "test/loss": guess})
    assert _exploded(task, {"val/loss": guess, "test/loss": 1001 * guess})
    assert _exploded(task, {"val/loss": np.nan, "test/loss": guess})


def test_no_published_result_is_near_an_explosion():
    tables = list((Path(__file__).parents[1] / "results").glob("*/runs.csv"))
    assert tables
    for path in tables:
        with path.open(newline="", encoding="utf-8") as lines:
            for row in csv.DictReader(lines):
                losses = [float(row[key]) for key in ("validation_loss", "test_loss") if row["status"] == "done"]
                assert all(loss < 10 * float(row["baseline"]) for loss in losses)


def test_the_last_step_is_validated(trained):
    """As if it had been due; and once alone, where it is."""
    odd, curve = trained("trainer.max_steps=10", "trainer.validate_every=7")
    assert list(curve("val/loss")) == [7, 10]
    due, expected = trained("trainer.max_steps=10", "trainer.validate_every=5")
    assert list(expected("val/loss")) == [5, 10]
    assert odd.final == due.final
    assert odd.final["val/loss"] == curve("val/loss")[10] == expected("val/loss")[10]
    assert odd.best["step"] in (7, 10)


def test_a_task_may_be_solved_at_the_last_step(trained, monkeypatch):
    overrides = ["optimizer.lr=0.02", "task.length=2", "trainer.max_steps=10", "trainer.validate_every=7"]
    _, curve = trained(*overrides)
    before, after = curve("val/loss").values()
    monkeypatch.setattr(Adding, "solved_below", (before + after) / 2)
    record, curve = trained(*overrides, "force=true")
    assert (record.steps, record.solved_at_step) == (10, 10)
    assert list(curve("val/loss")) == [7, 10]


def test_training_stops_when_solved(trained):
    overrides = ["optimizer.lr=0.02", "network.hidden_size=16", "task.length=2", "trainer.max_steps=100"]
    record, curve = trained(*overrides)
    assert record.status == Status.DONE
    assert record.steps == record.solved_at_step < 100
    losses = curve("val/loss")
    assert losses[record.solved_at_step] < 0.05 / 6
    assert all(loss >= 0.05 / 6 for step, loss in losses.items() if step < record.solved_at_step)
    longer, _ = trained(*overrides, "trainer.stop_when_solved=false")
    assert longer.steps == 100
    assert longer.solved_at_step == record.solved_at_step


@pytest.mark.whole
@pytest.mark.parametrize("name", TASK_ROWS)
def test_a_small_lstm_learns_every_task(trained, monkeypatch, name):
    """It stops once it is clearly above what it must beat."""
    row = TASK_ROWS[name]
    enough = property(lambda task: (1 - row.beats - 0.1 * (1 - row.beats)) * task.baseline("validation"))
    monkeypatch.setattr(TASKS[name], "solved_below", enough)
    record, _ = trained(
        f"task={name}", *task_overrides(name), f"trainer.max_steps={row.steps}", "trainer.validate_every=25",
        "network.hidden_size=32", f"optimizer.lr={row.lr}", "probe=off", "task.batch_size=32", "init=orthogonal",
        "task.validation_sequences=200", "task.test_sequences=500", "trainer.log_every=400",
    )  # fmt: skip
    assert record.score > row.beats
    assert record.final["val/score"] > row.beats


@pytest.mark.whole
@pytest.mark.parametrize(
    "row", {row.name: row for row in reversed(CELL_ROWS.values())}.values(), ids=lambda row: row.name
)
def test_every_cell_learns_to_add_ten_steps_back(configure, row):
    options = [f"cell.{key}={value}" for key, value in row.options.items()]
    init = "orthogonal" if row.make().recurrent_gates else "default"
    config = configure(
        f"cell={row.name}", *options, f"init={init}", "task.length=10", "network.hidden_size=16",
        f"network.depth={row.depth}", f"network.block={row.block}",
        f"optimizer.lr={row.lr}", f"trainer.max_steps={row.steps}", "trainer.validate_every=25",
        "trainer.log_every=400", "task.validation_sequences=32", "task.test_sequences=32", "probe=off",
    )  # fmt: skip
    learner = build_learner(config)
    learner.solved_below = config.task.baseline("validation") / 2
    fit(learner, config)
    assert learner.best["val/loss"] < learner.solved_below


def test_the_trained_network_is_tested_at_other_lengths(trained):
    record, _ = trained("task=copy", "task.length=3", "task.test_lengths=[3,40]")
    assert record.final["test_3/loss"] == record.final["test/loss"]
    assert record.final["test_3/accuracy"] == record.final["test/accuracy"]
    assert record.final["test_40/loss"] != record.final["test/loss"]
    baseline = 10 * np.log(8) / 60
    assert record.final["test_40/score"] == pytest.approx(1 - record.final["test_40/loss"] / baseline)


def test_what_goes_on_from_sequences_with_lengths_goes_on_from_their_ends(configure, monkeypatch):
    learner = build_learner(configure("task=parity"))
    first, second = (to_torch(learner.task.batch("train", 0, step)) for step in (0, 1))
    learner._forward(first, "train")
    with pytest.raises(UserError, match="task=parity: goes on from sequences with lengths; it must state carries"):
        learner._forward(second._replace(fresh=False), "train")
    monkeypatch.setattr(type(learner.task), "carries", True)
    learner._forward(first, "train")
    _, ends = learner.model(first.inputs, first.lengths)
    expected, _ = learner.model(second.inputs, second.lengths, ends)
    assert torch.equal(learner._forward(second._replace(fresh=False), "train")[1], expected)


def test_only_counted_targets_are_trained_on(configure):
    learner = build_learner(configure("task=copy"))
    batch = to_torch(learner.task.batch("train", 0, 0))
    every, _ = learner._forward(batch, "train")
    recalled, prediction = learner._forward(batch._replace(counted=batch.scored), "train")
    expected = torch.nn.functional.cross_entropy(prediction[-10:].flatten(0, 1), batch.targets[-10:].flatten())
    torch.testing.assert_close(recalled, expected)
    assert not torch.equal(recalled, every)


def test_options_reach_the_network(configure):
    learner = build_learner(
        configure("cell=elman", "cell.nonlinearity=relu", "network.depth=3", "network.bidirectional=true",
                  "network.dropout=0.3", "init=identity")
    )  # fmt: skip
    ways = learner.model.stack.layer_directions()
    assert [len(layer) for layer in ways] == [2, 2, 2]
    assert [way.reverse for way in ways[1]] == [False, True]
    assert learner.model.stack.dropout.p == 0.3
    for layer in ways:
        for way in layer:
            assert way.cell.nonlinearity == "relu"
            assert torch.equal(way.cell.recurrent_projection.weight, torch.eye(8))
