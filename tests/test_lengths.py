"""Training at a range of lengths, tests at others, and the area under accuracy over the logarithm of length."""

import math
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch

import rnnbench
from catalogue import make_task
from rnnbench.builders.training import build_learner
from rnnbench.errors import UserError
from rnnbench.network.engines.compiled import programs
from rnnbench.outcomes import lengths as curves
from rnnbench.outcomes import provenance, result, rows
from rnnbench.outcomes.columns import row
from rnnbench.outcomes.lengths import area, curve, scaled, trained
from rnnbench.outcomes.settings import settings
from rnnbench.report.charts.design import design
from rnnbench.report.charts.over_length import accuracy_over_length
from rnnbench.report.over_length import table
from rnnbench.runner import run
from rnnbench.tasks import TASKS, lengths
from rnnbench.tracking.lengths import log_lengths
from rnnbench.training.data import Stream
from rnnbench.training.meters import Meter

RANGED = [name for name, kind in TASKS.items() if kind.drawn is True and kind.longer is True and not kind.lengths_by]
LOW, HIGH = 24, 36


def ranged(name, low=LOW, high=HIGH, **options):
    return make_task(name, train_lengths=[low, high], **options)


class TestTheLengthOfABatch:
    def test_is_a_function_of_the_seed_and_the_step(self):
        """Written down once: another machine, or another version of NumPy, must draw the same."""
        task = ranged("copy", 3, 40)
        assert [lengths.drawn(task, 0, step) for step in range(8)] == [31, 5, 3, 20, 37, 27, 14, 29]
        assert lengths.drawn(task, 0, 4) == 37
        assert lengths.drawn(task, 1, 4) != 37

    @pytest.mark.parametrize("name", ["copy", "mqar"])
    def test_is_uniform_and_never_outside_the_range(self, name):
        task = ranged(name)
        drawn = np.array([lengths.drawn(task, 3, step) for step in range(4000)])
        expected = range(LOW, HIGH + 1, 2 if name == "mqar" else 1)
        counts = np.array([(drawn == length).sum() for length in expected])
        assert counts.sum() == 4000
        mean = 4000 / len(expected)
        assert ((counts - mean) ** 2 / mean).sum() < 45  # chi-square of 12 degrees of freedom: p = 1e-5

    def test_what_was_drawn_ahead_is_kept_and_changes_nothing(self):
        """However many lengths there are: the tasks of those that were not asked for lately are made again."""
        few, many = ranged("group_word", 4, 8), ranged("narma", 31, 31 + 2 * lengths.MOST)
        for task in (few, many):
            for step in range(3 * lengths.MOST):
                drawn = lengths.batch(task, "train", 1, step)
                again = task.at_length(drawn.length).batch("train", 1, step)
                assert np.array_equal(drawn.inputs, again.inputs)
        kept = dict(few.of_lengths)
        lengths.batch(few, "train", 1, 0)
        assert kept.keys() == set(range(4, 9))
        assert all(few.of_lengths[length] is task for length, task in kept.items())
        assert len(many.of_lengths) == lengths.MOST

    @pytest.mark.parametrize("name", RANGED)
    def test_is_that_of_the_task_at_this_length(self, name):
        task = ranged(name)
        batches = list(Stream(task, "train", 5, 6))
        assert len({len(batch.inputs) for batch in batches}) > 1
        for step, batch in enumerate(batches):
            assert LOW <= batch.length <= HIGH
            alone = task.at_length(batch.length).batch("train", 5, step)
            np.testing.assert_array_equal(batch.inputs, alone.inputs)
            np.testing.assert_array_equal(batch.targets, alone.targets)

    def test_is_one_alone_in_validation(self):
        task = ranged("copy", length=30)
        assert {len(batch.inputs) for batch in Stream(task, "validation", 0, 4)} == {50}
        assert all(batch.length is None for batch in Stream(task, "validation", 0, 4))


class TestTheScoreOfARange:
    @pytest.mark.parametrize("name", ["copy", "flip_flop", "group_word", "adding"])
    def test_is_zero_without_memory(self, name):
        """Whichever lengths come: each batch has its own baseline."""
        options = {"loss_on": "all"} if name == "flip_flop" else {}
        task = ranged(name, **options)
        meter = Meter(task, math.nan, math.nan)
        for batch in Stream(task, "train", 0, 9):
            alone = task.at_length(batch.length)
            prediction = torch.zeros(*batch.targets.shape[: 1 + task.every_step], task.output_size)
            meter.update(torch.tensor(alone.baseline("train"), dtype=torch.float64), prediction, batch)
        assert meter.flush("train")["train/score"] == pytest.approx(0, abs=1e-6)

    def test_has_the_mean_of_the_baselines(self):
        """All batches of this task have as many targets, so that each length counts alike."""
        task = ranged("adding", variant="half")
        meter = Meter(task, math.nan, math.nan)
        baselines = []
        for batch in Stream(task, "train", 0, 5):
            meter.update(torch.tensor(0.1), torch.zeros(batch.targets.shape), batch)
            baselines.append(task.at_length(batch.length).baseline("train"))
        assert meter.flush("train")["train/score"] == pytest.approx(1 - 0.1 / np.mean(baselines))

    def test_has_the_baseline_of_many_short_answers(self):
        """Of copy at T, (T + 20) targets a sequence cost 10 ln 8 together."""
        task = ranged("copy", 1, 30)
        meter, targets = Meter(task, math.nan), 0
        for batch in Stream(task, "train", 1, 7):
            meter.update(torch.tensor(1.0), torch.zeros(*batch.targets.shape, 10), batch)
            targets += batch.length + 20
        assert meter.flush("train")["train/score"] == pytest.approx(1 - 1 / (7 * 10 * math.log(8) / targets), rel=1e-5)


class TestTheArea:
    def test_of_a_perfect_network_is_one_and_of_chance_zero(self):
        for chance in (None, 0.5, 0.2):
            assert area({length: scaled(1.0, chance) for length in (40, 64, 256)}) == pytest.approx(1)
            assert area({length: scaled(chance or 0.0, chance) for length in (40, 64, 256)}) == pytest.approx(0)

    def test_is_the_trapezoidal_rule_over_the_logarithm(self):
        points = {64: 0.9, 16: 1.0, 32: 0.95, 1000: 0.1}
        x = np.log(sorted(points))
        expected = np.trapezoid([points[length] for length in sorted(points)], x) / (x[-1] - x[0])
        assert area(points) == pytest.approx(expected)

    def test_counts_every_doubling_alike(self):
        assert area({8: 1, 16: 0, 32: 0}) == pytest.approx(area({8: 0, 16: 0, 32: 1})) == pytest.approx(0.25)

    def test_of_one_length_is_none(self):
        assert area({40: 1.0}) is None

    def test_needs_every_length(self):
        task = make_task("parity", length=8, test_lengths=[16, 32])
        values = {"test/accuracy": 1.0, "test_16/accuracy": 0.75, "test_32/accuracy": 0.5}
        assert curves.summary(task, values)["length_area"] == pytest.approx(0.5)
        del values["test_32/accuracy"]
        assert "length_area" not in curves.summary(task, values)

    def test_is_at_least_minus_one(self):
        """Where a guess is nearly always right, as within a^n b^n, what is worse would be far below."""
        assert scaled(0.5, 0.98) == area({2: scaled(0.5, 0.98), 4: -1.0}) == -1

    def test_is_none_where_no_memory_is_needed(self):
        assert scaled(0.9, 1.0) is None
        task = make_task("counting", variant="anbn", length=4, shortest=4, test_lengths=[6])
        assert task.chance == 1
        assert "length_area" not in curves.summary(task, {"test/accuracy": 1.0, "test_6/accuracy": 1.0})

    def test_of_a_read_error(self):
        task = make_task("flip_flop", length=8, test_lengths=[32])
        values = {"test/read_error": 0.0, "test_32/read_error": 0.5}
        assert curves.summary(task, values) == {"test/chance": 0.5, "test_32/chance": 0.5, "length_area": 0.5}


@pytest.fixture(scope="module")
def record(configure_in, tmp_path_factory):
    overrides = ["task=group_word", "task.length=6", "task.train_lengths=[3,8]", "task.test_lengths=[12,4]"]
    config = configure_in(tmp_path_factory.mktemp("runs"), *overrides, "trainer.max_steps=6", "trainer.log_every=3")
    return run(config)


class TestARun:
    def test_is_measured_at_every_length(self, record):
        points = curve(row(record))
        assert [point.length for point in points] == [4, 6, 12]
        for point, prefix in zip(points, ("test_4", "test", "test_12"), strict=True):
            assert point.accuracy == record.final[f"{prefix}/accuracy"]
            assert point.sequence_accuracy == record.final[f"{prefix}/sequence_accuracy"]
            assert (point.loss, point.chance) == (record.final[f"{prefix}/loss"], pytest.approx(1 / 6))
        expected = area({point.length: point.scaled_accuracy for point in points})
        assert row(record)["length_area"] == record.final["length_area"] == pytest.approx(expected)

    def test_of_one_answer_has_the_accuracy_of_whole_sequences_too(self, configure):
        found = run(configure("task=parity", "task.length=6", "task.test_lengths=[9]", "trainer.max_steps=2"))
        for point in curve(row(found)):
            assert point.sequence_accuracy == pytest.approx(point.accuracy) is not None

    def test_is_tested_at_one_length_by_default(self, configure):
        found = run(configure("task=parity", "task.length=6", "trainer.max_steps=2"))
        assert curve(row(found)) == []
        assert not {"length_area", "test/sequence_accuracy", "test/chance"} & found.final.keys()

    def test_says_what_it_was_trained_at(self, record, configure):
        assert trained(row(record)) == (3, 8)
        parity = run(configure("task=parity", "task.length=6", "task.shortest=2", "trainer.max_steps=2"))
        assert trained(row(parity)) == (2, 6)

    def test_logs_its_curve_for_charts(self, record):
        logged, defined = [], {}
        fake = SimpleNamespace(log=logged.append, define_metric=lambda name, **facts: defined.update({name: facts}))
        log_lengths(fake, record)
        assert [each["test_length"] for each in logged] == [4, 6, 12]
        assert [each["over_length/accuracy"] for each in logged] == [each.accuracy for each in curve(row(record))]
        assert defined["over_length/sequence_accuracy"]["step_metric"] == "test_length"

    def test_is_published_as_a_table_and_a_chart(self, record, tmp_path):
        folder = tmp_path / "one"
        folder.mkdir()
        found = rows_of(record)
        result.write(folder, found)
        written = pd.read_csv(folder / "lengths.csv")
        pd.testing.assert_frame_equal(
            written, rnnbench.results("one", tmp_path).lengths, check_exact=True, check_dtype=False
        )
        assert written["length"].tolist() == [4, 6, 12]
        groups = settings(found.rows)
        (first, second) = table(groups).rows
        assert first[-6:-4] == ["3 to 8", "positions"]
        assert second[-5:-3] == ["sequences", "–"]
        chart = accuracy_over_length(design(groups))
        lines = {(line["facet"], line["kind"]): line for line in chart.data["lengths"]}
        facets = list(dict.fromkeys(facet for facet, _ in lines))
        assert len(facets) == 2
        assert lines[facets[0], "trained"] | {"x": [3], "y": [8]} == lines[facets[0], "trained"]
        assert lines[facets[0], "chance"]["y"] == pytest.approx([1 / 6] * 3, abs=1e-3)
        assert (facets[1], "chance") not in lines
        assert lines[facets[0], "all"]["x"] == [4, 6, 12]


def rows_of(record):
    place = provenance.environment(record)
    listed = [row(record) | {"environment": 0, "phase": "report"}]
    return result.Result("one", rows.frame(listed), commands=[record.command], environments=[place])


def test_a_kernel_serves_every_length(configure, monkeypatch):
    """A range of lengths must not make a kernel for each."""
    monkeypatch.setattr(programs, "_programs", {})
    config = configure("task=copy", "task.train_lengths=[2,9]", "cell=lstm_peephole", "network.engine=compiled")
    learner, made = build_learner(config), []
    for batch in Stream(config.task, "train", 0, 6):
        learner.model(batch.inputs)[0].sum().backward()
        made.append([each.program for each in programs._programs.values()])
    assert len(made[0]) == 1
    assert made == made[:1] * 6


@pytest.mark.parametrize(
    ("task", "given", "message"),
    [
        ("parity", [3, 9], "task=parity draws a length for each string; give task.shortest and task.length"),
        ("counting", [4, 8], "draws a length for each string"),
        ("char_lm", [3, 9], "task=char_lm is trained at one length"),
        ("long_lag", [3, 9], "task=long_lag is trained at one length"),
        ("copy", [9, 3], r"task.train_lengths=\[9, 3\]: must be \[low, high\]"),
        ("copy", [9], r"must be \[low, high\]"),
        ("copy", [1, 2, 3], r"must be \[low, high\]"),
        ("mqar", [17, 32], r"task.train_lengths=\[17, 32\]: task.length=17: must be even"),
    ],
)
def test_a_range_that_cannot_be_trained_on_is_an_error(task, given, message):
    with pytest.raises(UserError, match=message):
        lengths.check(make_task(task, train_lengths=given))
