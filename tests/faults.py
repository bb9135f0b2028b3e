"""What goes wrong in a run is chosen by its seed: the jobs of a tested sweep import this file. As a script: a sweep.

A file called ``mended`` in the working directory ends all faults.
"""

import os
import signal
import time
from pathlib import Path

from rnnbench.tasks.adding import Adding

draw = Adding.batch
hoard: list[bytes] = []


def allocate():
    while True:
        hoard.append(os.urandom(1) * 2**27)
        time.sleep(0.02)


FAULTS = {
    101: lambda: os._exit(0),
    102: lambda: os.kill(os.getpid(), signal.SIGKILL),
    103: allocate,
    104: lambda: time.sleep(1000),
    105: lambda: 1 / 0,
}
SLOW = 200
"""Training takes 20 ms a step with seeds from here on: time enough to interrupt it."""


def batch(self, split, seed, step):
    if split == "train" and step == 0 and "CUDA_VISIBLE_DEVICES" in os.environ:
        print("GPU", os.environ["CUDA_VISIBLE_DEVICES"], flush=True)
    if split == "train" and step == 12 and seed in FAULTS and not Path("mended").exists():
        print(f"the fault of seed {seed}", flush=True)
        FAULTS[seed]()
    if split == "train" and seed >= SLOW:
        time.sleep(0.02)
    return draw(self, split, seed, step)


if __name__ in ("__main__", "__mp_main__", "faults"):  # a process of a sweep, and not the test that reads this
    Adding.batch = batch  # type: ignore[method-assign]

if __name__ == "__main__":
    import hydra

    from rnnbench.cli.entry import execute, launch

    conf = str(Path(__file__).parents[1] / "conf")
    launch(hydra.main(config_path=conf, config_name="train", version_base="1.3")(execute))
