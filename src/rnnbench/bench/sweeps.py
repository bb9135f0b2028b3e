"""What a sweep costs beside its training: against bare loops of PyTorch, and where it has a thousand runs."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path

import pandas as pd
import psutil

from rnnbench.bench.engines import SIZES
from rnnbench.bench.part import Goal, Part, Row
from rnnbench.config import CONF
from rnnbench.store import records
from rnnbench.sweep.compose import plan
from rnnbench.sweep.run_states import add_to_plan, read_all

COMMAND = [sys.executable, "-m", "rnnbench.cli.main", "train", "-m"]
BARE = [sys.executable, "-m", "rnnbench.bench.bare"]
CELL_NAMES, SEEDS = ("elman", "lstm", "gru"), (0, 1)
STEPS = {"small": 800, "large": 400}
"""Of each run."""
TINY = ["network.hidden_size=4", "task.length=10", "task.batch_size=2", "trainer.max_steps=1",
        "trainer.validate_every=1", "task.validation_sequences=16", "task.test_sequences=16", "probe=off",
        "tracking=disabled"]  # fmt: skip
THOUSAND = ["cell=elman,lstm,gru,mgu,lem", "task.length=10,12", "optimizer.lr=0.1,0.01", "seed=range(50)"]


def timed(command: list[str], folder: str) -> tuple[float, int]:
    """Return how long a command takes, and the most memory, in MiB, that its own process had."""
    started, most = time.perf_counter(), 0
    with tempfile.TemporaryFile("w+", encoding="utf-8") as output:  # a pipe that nobody reads would fill up
        process = subprocess.Popen(command, cwd=folder, stdout=output, stderr=subprocess.STDOUT)
        watched = psutil.Process(process.pid)
        while process.poll() is None:
            most = max(most, watched.memory_info().rss)
            time.sleep(0.01)
        seconds = time.perf_counter() - started
        output.seek(0)
        if process.returncode:
            raise RuntimeError(f"{' '.join(command)}: {output.read()[-500:]}")
    return seconds, most // 2**20


def measure_sweep(_device: str) -> Iterator[Row]:
    """Yield the time of a sweep with everything on over that of bare loops: the same networks, batches and steps."""
    for size, trained in STEPS.items():
        steps, batch, hidden = SIZES[size]
        settings = [f"task.length={steps}", f"task.batch_size={batch}", f"network.hidden_size={hidden}",
                    f"trainer.max_steps={trained}"]  # fmt: skip
        with tempfile.TemporaryDirectory() as folder:
            choices = [f"cell={','.join(CELL_NAMES)}", f"seed={','.join(map(str, SEEDS))}"]
            sweep, _memory = timed(
                [*COMMAND, *choices, *settings, "trainer.stop_when_solved=false", "name=six"], folder
            )
            started = time.perf_counter()
            runs = [(cell, seed) for cell, seed in product(CELL_NAMES, SEEDS)]
            shares = [runs[n :: os.cpu_count() or 1] for n in range(os.cpu_count() or 1)]
            loops = [
                subprocess.Popen([*BARE, *settings, "--", *(f"{cell}:{seed}" for cell, seed in share)], cwd=folder)
                for share in shares
                if share
            ]
            if any(loop.wait() for loop in loops):
                raise RuntimeError("a bare loop failed")
            yield {"size": size, "steps": trained, "ratio": sweep / (time.perf_counter() - started)}


def measure_planning(_device: str) -> Iterator[Row]:
    """Yield seconds: of planning 1000 runs, of the status of 1000, of skipping 1000, and what 60 cost against 6."""
    started = time.perf_counter()
    planned = plan(CONF, [*TINY, *THOUSAND, "name=many"])
    yield {"what": "planning and checking 1000 runs, seconds", "number": time.perf_counter() - started}
    with tempfile.TemporaryDirectory() as folder:
        few, _memory = timed([*COMMAND, "seed=range(6)", *TINY, "name=few"], folder)
        many, _memory = timed([*COMMAND, "seed=range(60)", *TINY, "name=more"], folder)
        yield {"what": "60 short runs over 6", "number": many / few}
        pattern = next(each for each in records.read_all(Path(folder) / "runs/few") if each.complete)
        sweep = Path(folder) / "runs/many"
        for run_id, job in planned.candidates.items():
            (sweep / run_id).mkdir(parents=True)
            told = replace(pattern, run_id=run_id, experiment="many", config=job.config.to_dict(), seed=job.config.seed)
            records.write(sweep / run_id, told)
        add_to_plan(sweep, planned.candidates, None)
        started = time.perf_counter()
        if len(read_all(sweep)) != len(planned.candidates):
            raise RuntimeError("the status lacks runs")
        yield {"what": "status of 1000 runs, seconds", "number": time.perf_counter() - started}
        skipping, memory = timed([*COMMAND, *TINY, *THOUSAND, "name=many"], folder)
        yield {"what": "skipping 1000 finished runs, seconds", "number": skipping}
        yield {"what": "memory of the process that does, MiB", "number": memory}


LIMITS = {
    "planning and checking 1000 runs, seconds": 5,
    "status of 1000 runs, seconds": 2,
    "skipping 1000 finished runs, seconds": 10,
    "memory of the process that does, MiB": 500,
    "60 short runs over 6": 10.5,
}


def planned_goal(what: str) -> Goal:
    """Return the goal of a row of ``measure_planning``."""
    return Goal(what, lambda rows: float(rows.number[rows.what == what].iloc[0]), LIMITS[what])


SWEEP = Part(
    title="What a sweep costs against bare loops",
    text=f"The time of six runs ({', '.join(CELL_NAMES)}, two seeds, on adding) with records, W&B "
    "offline, the default probe and validation, over that of loops of PyTorch with the kernels of torch.nn on the same "
    "batches, one process a core in both. Sizes as in the table of engines. The start of all processes is in it, which "
    "counts less the longer the runs are.",
    measure=measure_sweep,
    table=lambda rows: rows.round(2),
    goals=(
        Goal("the sweep over bare loops, small", lambda rows: rows.ratio[rows["size"] == "small"].max(), 0.9),
        Goal("the sweep over bare loops, large", lambda rows: rows.ratio[rows["size"] == "large"].max(), 0.8),
    ),
)
PLANNING = Part(
    title="What many runs cost",
    text="With one process a core. The 1000 runs are 5 cells, 2 lengths, 2 learning rates and 50 seeds.",
    measure=measure_planning,
    table=lambda rows: pd.DataFrame({"what": rows.what, "number": rows.number.round(2)}),
    goals=tuple(map(planned_goal, LIMITS)),
)
