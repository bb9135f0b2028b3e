"""Trains one network, or sweeps over many. Examples:

python scripts/train.py cell=lstm task=copy task.length=50
python scripts/train.py -m cell=elman,lstm,gru clip=none,norm seed=0,1 task=adding
python scripts/train.py experiment=demo
"""

from pathlib import Path

import hydra
from omegaconf import DictConfig

from rnnbench.cli.entry import execute, launch


@hydra.main(config_path="../conf", config_name="train", version_base="1.3")
def main(composed: DictConfig) -> float | None:
    return execute(composed)


if __name__ == "__main__":
    launch(main, Path(__file__).parents[1] / "conf")
