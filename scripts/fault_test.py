"""Kills a sweep repeatedly and compares its results with those of an undisturbed one: python scripts/fault_test.py

24 runs with W&B offline; ten times, at a random moment, SIGKILL for every process of the sweep, and the same command
again. In the end each run must have one record, equal in every result to the undisturbed one, and one finished W&B run.
Takes some minutes and a temporary folder; exits with 1 on a difference.
"""

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import psutil
import torch

from rnnbench.outcomes import runfiles
from rnnbench.store import records
from rnnbench.tracking import wandb_files

TRAIN = Path(__file__).parent / "train.py"
SWEEP = ["task=adding,char_lm", "cell=elman,lstm,gru", "network.depth=1,2", "name=faults", "task.length=20",
         "network.hidden_size=16", "network.dropout=0.2", "trainer.max_steps=200", "trainer.validate_every=70",
         "task.validation_sequences=32", "task.test_sequences=32",
         "trainer.checkpoint_every=40", "trainer.log_every=30", "probe.every=90",
         "optimizer.lr=0.01"]  # fmt: skip
TIMES = ("started", "ended", "seconds", "steps_per_second", "peak_memory", "resumed", "command", "config")


def start(folder: Path, seeds: int) -> subprocess.Popen[str]:
    seed = "seed=" + ",".join(map(str, range(seeds)))
    command = [sys.executable, str(TRAIN), "-m", *SWEEP, seed, f"runs_dir={folder}"]
    return subprocess.Popen(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def kill_tree(process: subprocess.Popen[str]) -> int:
    """Kill the process and all that it started, W&B's service too, with SIGKILL; return how many there were."""
    tree = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    for each in tree:
        if each.is_running():
            each.kill()
    psutil.wait_procs(tree, timeout=10)
    process.communicate()
    return 1 + len(tree)


def results(folder: Path) -> dict[str, dict[str, str]]:
    """Return everything that the runs produced, as text by name, by run_id."""
    found: dict[str, dict[str, str]] = {}
    for record in records.read_all(folder):
        place = folder / record.run_id
        weights = torch.load(place / "last.ckpt", weights_only=True)["state_dict"]
        values = {key: value for key, value in vars(record).items() if key not in TIMES}
        values |= {f"weights {name}": weight.tolist() for name, weight in weights.items()}
        with np.load(place / "gradients.npz") as file:
            values |= {f"gradients {name}": array.tolist() for name, array in file.items()}
        found[record.run_id] = {name: json.dumps(value) for name, value in values.items()} | _curves(place)
    return found


def _curves(place: Path) -> dict[str, str]:
    """Return all that was logged, without the times."""
    tables, damaged = runfiles.read(place)
    curves = tables["curves"].sort_values(["split", "metric", "step"]).groupby(["split", "metric"])
    found = {f"curve {split} {metric}": rows.to_csv(index=False) for (split, metric), rows in curves}
    return found | {"damaged": "; ".join(damaged)}


def differences(expected: dict[str, str], found: dict[str, str]) -> list[str]:
    """Return a line for each result that is not the same."""
    names = [name for name in expected | found if expected.get(name) != found.get(name)]
    return [f"  {name}: {expected.get(name)!s:.200} and {found.get(name)!s:.200}" for name in names]


def finished(folder: Path, run_id: str) -> bool:
    """Return whether the run has one W&B folder, and that one was finished: its log ends with an exit record."""
    logs = [log for log in wandb_files.folders(folder) if wandb_files.name(log) == run_id]
    deadline = time.monotonic() + 30  # W&B's service may still write
    while logs and not wandb_files.ended(logs[0]) and time.monotonic() < deadline:
        time.sleep(0.1)
    return len(logs) == 1 and list(wandb_files.entries(logs[0]))[-1].exit.exit_code == 0


def _done(folder: Path) -> int:
    return len(list((folder / "faults").glob("*/record.json")))


def _at_work(process: subprocess.Popen[str]) -> int:
    """Return the runs that are running, with W&B's services; two more processes serve them."""
    return max(0, len(psutil.Process(process.pid).children(recursive=True)) - 2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seeds", type=int, default=2, help="of each of the twelve settings")
    parser.add_argument("--random", type=int, default=0, help="the seed of the moments")
    options = parser.parse_args()
    moments = random.Random(options.random)
    with tempfile.TemporaryDirectory() as temporary:
        whole, killed = Path(temporary) / "whole", Path(temporary) / "killed"
        began = time.monotonic()
        print(start(whole, options.seeds).communicate()[0])
        undisturbed = time.monotonic() - began
        print(f"undisturbed: {undisturbed:.0f} s", flush=True)
        for kill in range(options.kills):
            process = start(killed, options.seeds)
            more = _done(killed) + moments.randint(0, 1)
            while process.poll() is None and (_at_work(process) == 0 or _done(killed) < more):
                time.sleep(0.1)
            time.sleep(moments.uniform(0, 2 * undisturbed / (12 * options.seeds)))
            count = kill_tree(process) if process.poll() is None else 0
            print(f"kill {kill + 1}: {count} processes, {_done(killed)} runs done", flush=True)
        print(start(killed, options.seeds).communicate()[0])
        expected, found = results(whole / "faults"), results(killed / "faults")
        resumed = sum(record.resumed for record in records.read_all(killed / "faults"))
        unfinished = [run_id for run_id in expected if not finished(killed / "faults", run_id)]
        twice = [
            path.parent.name
            for path in (killed / "faults").glob("*/log.txt")
            if path.read_text(encoding="utf-8").count(": done, ") > 1
        ]
        different = [run_id for run_id in expected if found.get(run_id) != expected[run_id]]
        for run_id in different:
            print(run_id, "undisturbed and killed:", *differences(expected[run_id], found.get(run_id, {})), sep="\n")
        print(f"{len(expected)} runs, went on from a checkpoint {resumed} times; different: {different}; "
              f"run twice: {twice}; W&B not finished once: {unfinished}")  # fmt: skip
        sys.exit(1 if different or twice or unfinished or len(found) != 12 * options.seeds else 0)


if __name__ == "__main__":
    main()
