"""scripts/train.py with faults: what goes wrong in a run is chosen by its seed. Jobs import this file too."""

import os
import signal
import sys
import time
from pathlib import Path

import hydra

from rnnbench.entry import execute, launch
from rnnbench.tasks.adding import Adding

draw = Adding.batch
hoard = []


def allocate():
    while True:
        hoard.append(bytearray(os.urandom(1)) * 2**27)
        time.sleep(0.02)


FAULTS = {
    101: lambda: os._exit(0),
    102: lambda: os.kill(os.getpid(), signal.SIGKILL),
    103: allocate,
    104: lambda: time.sleep(1000),
    105: lambda: 1 / 0,
}


def batch(self, split, seed, step):
    if "MENDED" not in os.environ and split == "train" and step == 12 and seed in FAULTS:
        print(f"the fault of seed {seed}", flush=True)
        FAULTS[seed]()
    if split == "train" and step == 0 and "CUDA_VISIBLE_DEVICES" in os.environ:
        print("GPU", os.environ["CUDA_VISIBLE_DEVICES"], flush=True)
    if split == "train" and seed >= 200:  # slow runs, to be interrupted
        time.sleep(0.02)
    return draw(self, split, seed, step)


Adding.batch = batch


@hydra.main(config_path=str(Path(__file__).parents[1] / "conf"), config_name="train", version_base="1.3")
def main(composed):
    return execute(composed)


if __name__ == "__main__":
    sys.argv[0] = "train.py"
    launch(main)
