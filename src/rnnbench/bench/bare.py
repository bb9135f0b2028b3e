"""Bare loops of PyTorch, as one writes them without a suite: python -m rnnbench.bench.bare OVERRIDES -- CELL:SEED ...

The kernels of torch.nn, Adam and clipping on the batches of the suite, one run after the other, on one thread; no
validation, no probe, nothing is logged.
"""

import sys

import torch
from torch import nn

from rnnbench.sweep.configuration import configure

KERNELS = {"elman": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}


def train(cell: str, overrides: list[str]) -> None:
    """Train one network of torch.nn as ``overrides`` say."""
    config = configure(f"cell={cell}", *overrides)
    torch.manual_seed(config.seed)
    hidden = config.network.hidden_size
    assert hidden is not None
    layer, head = KERNELS[cell](config.task.input_size, hidden), nn.Linear(hidden, config.task.output_size)
    parameters = [*layer.parameters(), *head.parameters()]
    optimizer = torch.optim.Adam(parameters, config.optimizer.lr)
    for step in range(config.trainer.max_steps):
        batch = config.task.batch("train", config.seed, step)
        outputs, _ = layer(torch.from_numpy(batch.inputs))
        loss = nn.functional.mse_loss(head(outputs[-1]), torch.from_numpy(batch.targets))
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, config.clip.threshold or 1.0)
        optimizer.step()


if __name__ == "__main__":
    torch.set_num_threads(1)
    split = sys.argv.index("--")
    for run in sys.argv[split + 1 :]:
        cell, seed = run.split(":")
        train(cell, [*sys.argv[1:split], f"seed={seed}"])
