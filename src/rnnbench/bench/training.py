"""What is beside the steps in training: the share of probes, of validation, and of generating batches.

All in training runs of Lightning: blocks of steps alternate with what is measured, so that both meet the same weather
on a noisy machine. Whole runs, one with and one without, differ by ten percent here without any cause.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import pairwise
from statistics import median
from typing import Any

import pandas as pd
import pytorch_lightning as lightning

from rnnbench.bench.engines import SIZES
from rnnbench.bench.part import Goal, Part, Row
from rnnbench.builders.training import build_learner, build_probe
from rnnbench.config.schema import Config
from rnnbench.errors import UserError
from rnnbench.runner import build_trainer
from rnnbench.sweep.configuration import configure
from rnnbench.tasks import TASKS, Batch
from rnnbench.training import device as devices
from rnnbench.training.data import Stream, held_out_stream

BLOCK, BLOCKS = 20, 11
BATCHES = 30
PROBED = ("elman", "gru", "lstm")


class Stopwatch(lightning.Callback):
    """Take a probe after every BLOCK steps, when Lightning validates too, and the time of all three."""

    def __init__(self, config: Config) -> None:
        probe = build_probe(config)
        assert probe is not None
        self.probe, self.trainer_options, self.every = probe, config.trainer, config.probe.every
        self.rows: list[Row] = []
        self.validation = 0.0

    def on_train_start(self, trainer: Any, learner: Any) -> None:
        self.probe.measure(learner)  # warms up
        self.started = time.perf_counter()

    def on_validation_start(self, *_: Any) -> None:
        self.stopped = self.validating = time.perf_counter()

    def on_validation_end(self, trainer: Any, learner: Any) -> None:
        self.validation = time.perf_counter() - self.validating
        step = (self.stopped - self.started) / BLOCK
        started = time.perf_counter()
        self.probe.measure(learner)
        probe = time.perf_counter() - started
        self.rows.append({
            "probe_percent": 100 * probe / (self.every * step),
            "validation_percent": 100 * self.validation / (self.trainer_options.validate_every * step),
        })  # fmt: skip
        self.started = time.perf_counter()


def measure_beside(_: str) -> Iterator[Row]:
    """Yield the shares of each block, less the first, which warms up, at the default cadences of both."""
    for size, cell in ((size, cell) for size in ("small", "large") for cell in PROBED):
        steps, batch, hidden = SIZES[size]
        config = configure(
            f"cell={cell}", f"task.length={steps}", f"network.hidden_size={hidden}", f"task.batch_size={batch}",
            f"trainer.max_steps={BLOCK * (BLOCKS + 1)}",
        )  # fmt: skip
        devices.prepare(config.trainer.threads)
        stopwatch = Stopwatch(config)
        config.trainer.validate_every, cadence = BLOCK, config.trainer.validate_every
        trainer = build_trainer(config, callbacks=[stopwatch], loggers=[])
        config.trainer.validate_every = cadence
        train = Stream(config.task, "train", config.seed, config.trainer.max_steps)
        trainer.fit(build_learner(config), train, held_out_stream(config.task, "validation"))
        yield from ({"size": size, "cell": cell, "block": n} | row for n, row in enumerate(stopwatch.rows[1:]))


class TimedStream(Stream):
    """A stream of batches that takes the time of each."""

    def __init__(self, config: Config, steps: int) -> None:
        super().__init__(config.task, "train", config.seed, steps)
        self.seconds: list[float] = []

    def __iter__(self) -> Iterator[Batch]:
        batches = super().__iter__()
        for _ in range(len(self)):
            started = time.perf_counter()
            batch = next(batches)
            self.seconds.append(time.perf_counter() - started)
            yield batch


class Clock(lightning.Callback):
    """The moments at which training steps ended."""

    def __init__(self) -> None:
        self.moments: list[float] = []

    def on_train_batch_end(self, *_: Any) -> None:
        self.moments.append(time.perf_counter())


def step_seconds(config: Config, stream: Stream | None = None) -> float:
    """Return the seconds of a training step: the median of the last BATCHES of one run."""
    devices.prepare(config.trainer.threads)
    clock, steps = Clock(), config.trainer.max_steps
    trainer = build_trainer(config, callbacks=[clock], loggers=[])
    at_once = config.trainer.steps_per_execution
    train = stream or Stream(config.task, "train", config.seed, steps, at_once)
    trainer.fit(build_learner(config), train, Stream(config.task, "validation", config.seed, 1))
    return median(end - start for start, end in pairwise(clock.moments[-BATCHES - 1 :])) / at_once


def short(*overrides: str) -> Config:
    """Return the configuration of a run that is just long enough for ``step_seconds``."""
    steps = BATCHES + 3  # the first ones read data and warm up
    return configure(f"trainer.max_steps={steps}", f"trainer.validate_every={steps}", *overrides)


def measure_batches(_: str) -> Iterator[Row]:
    """Yield what a batch costs in every variant of every task whose data are on this machine."""
    for name, task in TASKS.items():
        try:
            for variant in task.variants or ("-",):
                config = short(
                    f"task={name}", "network.hidden_size=64", *[f"task.variant={variant}"] * bool(task.variants)
                )
                stream = TimedStream(config, config.trainer.max_steps)
                step = step_seconds(config, stream)
                yield {"task": name, "variant": variant, "percent": 100 * median(stream.seconds[-BATCHES:]) / step}
        except UserError as error:
            yield {"task": name, "variant": "-", "percent": float("nan"), "missing": str(error)}


def shares(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the median shares of each size and cell."""
    return rows.groupby(["size", "cell"], sort=False).median().drop(columns="block").round(1).reset_index()


BESIDE = Part(
    title="What probe and validation cost",
    text=f"Percent of the time of training steps, at the default cadences, with one thread: medians of {BLOCKS} blocks "
    f"of {BLOCK} steps. Sizes as in the table of engines.",
    measure=measure_beside,
    table=lambda rows: shares(rows).rename(columns=lambda name: name.replace("_percent", ", percent")),
    goals=(
        Goal(
            "probe=default, percent of training",
            lambda rows: rows.groupby(["size", "cell"]).probe_percent.median().max(),
            5,
        ),
        Goal(
            "validation, percent of training",
            lambda rows: rows.groupby(["size", "cell"]).validation_percent.median().max(),
            5,
        ),
    ),
)
TASK_BATCHES = Part(
    title="What a batch costs",
    text="Generating it, in percent of the whole training step of an LSTM with H=64 at the default sizes of each task: "
    f"medians of {BATCHES} steps. The reading of data is not in it.",
    measure=measure_batches,
    table=lambda rows: rows.round(1).fillna("-"),
    goals=(Goal("a batch, percent of a step", lambda rows: rows.percent.max(), 5),),
)
