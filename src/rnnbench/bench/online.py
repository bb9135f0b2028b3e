"""What a step of online training costs: one short sequence at a time, as the papers of 1997 trained."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from itertools import pairwise, product
from statistics import median

import pandas as pd
from torch.nn.utils import clip_grad_norm_

from rnnbench.bench.engines import REPETITIONS
from rnnbench.bench.part import Goal, Part, Row
from rnnbench.bench.training import BATCHES, short, step_seconds
from rnnbench.builders.training import build_learner
from rnnbench.config.schema import Config
from rnnbench.network.model import per_target_loss
from rnnbench.training import device as devices
from rnnbench.training.data import Stream

CELL_NAMES = ("gru", "lstm_1997")
LENGTHS = (12, 50, 100)
AT_ONCE = 50
MANY = [f"trainer.steps_per_execution={AT_ONCE}", f"trainer.max_steps={4 * AT_ONCE}",
        f"trainer.validate_every={4 * AT_ONCE}"]  # fmt: skip


def bare_step_seconds(config: Config) -> float:
    """Return the seconds of a step by hand: network, loss, gradient, clipping and optimizer, and nothing else."""
    devices.prepare(config.trainer.threads)
    learner = build_learner(config)
    parameters = list(learner.model.parameters())
    optimizer = learner.make_optimizer(learner.model, fused=True)
    moments = []
    for batch in Stream(config.task, "train", config.seed, config.trainer.max_steps):
        loss = per_target_loss(config.task.loss, learner.model(batch.inputs).prediction, batch.targets).mean()
        optimizer.zero_grad()
        loss.backward()
        clip_grad_norm_(parameters, config.clip.threshold or 1.0)
        optimizer.step()
        moments.append(time.perf_counter())
    return median(end - start for start, end in pairwise(moments[-BATCHES - 1 :]))


def measure(_: str) -> Iterator[Row]:
    """Yield what a training step on one sequence takes: by the loop, as auto runs it, and by hand."""
    for cell, length in product(CELL_NAMES, LENGTHS):
        given = [f"cell={cell}", f"task.length={length}", "network.hidden_size=16", "task.batch_size=1", "probe=off"]
        loop, auto, many = short("network.engine=loop", *given), short(*given), short(*given, *MANY)
        seconds = pd.DataFrame(
            {"loop": step_seconds(loop), "auto": step_seconds(auto), "many": step_seconds(many),
             "bare": bare_step_seconds(auto)}
            for _ in range(REPETITIONS)
        )  # fmt: skip
        gains = seconds.rdiv(seconds.loop, axis=0).median()
        yield {
            "cell": cell, "steps": length, "one by one": gains.auto, f"{AT_ONCE} at once": gains.many,
            "by hand": gains.bare, "milliseconds, one by one": 1000 * seconds.auto.median(),
        }  # fmt: skip


def _gain(length: int) -> Callable[[pd.DataFrame], float]:
    """Return the number of a goal: the least gain at a length."""
    return lambda rows: float(rows[rows["steps"] == length][f"{AT_ONCE} at once"].min())


PART = Part(
    title="What a step of online training costs",
    text=f"B=1 and H=16: how many times faster a training step is, by the engine that auto takes, than a step of "
    f"Lightning with network.engine=loop. {AT_ONCE} at once is with trainer.steps_per_execution={AT_ONCE}. By hand is "
    "with the same engine and without Lightning, metrics and norms of gradients: what is left there are the calls of "
    f"torch for one step, whatever they compute. Medians of {REPETITIONS} repetitions.",
    measure=measure,
    table=lambda rows: rows.round(1),
    goals=tuple(
        Goal(f"{AT_ONCE} at once against the loop, T={length}", _gain(length), 5, at_least=True) for length in LENGTHS
    ),
)
