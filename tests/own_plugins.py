"""Callbacks and loggers as a user may write them."""

from pathlib import Path

import pytorch_lightning as lightning
from pytorch_lightning.loggers.logger import DummyLogger


class Count(lightning.Callback):
    """Writes how many batches it saw, by ``step``, and stops training after ``most`` steps."""

    def __init__(self, path, most=None):
        self.path, self.most, self.seen = path, most, 0

    def on_train_batch_end(self, trainer, learner, *_):
        self.seen += 1
        trainer.should_stop |= self.most is not None and trainer.global_step >= self.most

    def on_train_end(self, trainer, learner):
        with Path(self.path).open("w", encoding="utf-8") as file:
            file.write(str(self.seen))

    def state_dict(self):
        return {"seen": self.seen}

    def load_state_dict(self, state):
        self.seen = state["seen"]


class Lines(DummyLogger):
    """Appends each row to a file."""

    def __init__(self, path, save_dir=None):
        super().__init__()
        self.path, self.folder = path, save_dir

    def log_hyperparams(self, params, *_, **__):
        self.write("hyperparameters", params["task.name"], self.folder)

    def log_metrics(self, metrics, step=None):
        self.write(step, *sorted(metrics))

    def write(self, *words):
        with Path(self.path).open("a", encoding="utf-8") as file:
            print(*words, file=file)


class Broken(lightning.Callback):
    def __init__(self):
        raise ValueError("no\nluck")


def nothing():
    """No callback."""
