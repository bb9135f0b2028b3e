"""Lightning's Trainer of a run: how long it trains, what it calls, and why it ended."""

from __future__ import annotations

import logging
import warnings

import pytorch_lightning as lightning
from pytorch_lightning.callbacks import Callback, Checkpoint, EarlyStopping, ModelSummary, ProgressBar
from pytorch_lightning.callbacks.early_stopping import EarlyStoppingReason
from pytorch_lightning.loggers import Logger
from torch.optim.lr_scheduler import LambdaLR

from rnnbench.config.early_stop import EarlyStopConfig, PatienceConfig
from rnnbench.config.schema import Config
from rnnbench.training import device
from rnnbench.training.learner import Learner


def build_trainer(config: Config, callbacks: list[Callback], loggers: list[Logger]) -> lightning.Trainer:
    """Return Lightning's trainer of the run."""
    _quiet()
    options = config.trainer
    batches = options.accumulate_grad_batches / options.steps_per_execution  # of Lightning, in a step
    clips = options.steps_per_execution == 1  # else the learner does
    return lightning.Trainer(
        accelerator=options.accelerator,
        devices=1,
        precision=device.PRECISIONS.get(options.precision, options.precision),
        max_steps=options.max_steps,
        accumulate_grad_batches=options.accumulate_grad_batches,
        val_check_interval=round(min(options.validate_every, options.max_steps) * batches),
        check_val_every_n_epoch=None,
        log_every_n_steps=1,  # the learner itself logs once a window
        num_sanity_val_steps=0,
        gradient_clip_val=config.clip.threshold if clips else None,
        gradient_clip_algorithm=config.clip.kind if clips and config.clip.kind != "none" else None,
        logger=loggers,
        callbacks=[*_early_stop(config.early_stop), *callbacks],
        enable_checkpointing=any(isinstance(each, Checkpoint) for each in callbacks),  # of the user's own
        enable_model_summary=any(isinstance(each, ModelSummary) for each in callbacks),
        enable_progress_bar=any(isinstance(each, ProgressBar) for each in callbacks),
        plugins=[device.one_process()],  # in a Slurm job too
    )


def _early_stop(config: EarlyStopConfig) -> list[Callback]:
    """Return the callback for the validation loss; the learner itself watches for a solved task and a loss of nan."""
    if not isinstance(config, PatienceConfig):
        return []
    return [
        EarlyStopping("val/loss", min_delta=config.min_delta, patience=config.patience, check_finite=False,
                      check_on_train_epoch_end=False)
    ]  # fmt: skip


def stopped_by(config: Config, learner: Learner, trainer: lightning.Trainer) -> str:
    """Return why training ended, as in ``Record.stopped_by``."""
    if learner.diverged_at is not None:
        return "not finite"
    if config.trainer.stop_when_solved and learner.solved_at == trainer.global_step:
        return "solved"
    if any(each.stopping_reason == EarlyStoppingReason.PATIENCE_EXHAUSTED for each in trainer.early_stopping_callbacks):
        return "patience"
    return "max_steps" if trainer.global_step >= config.trainer.max_steps else "callback"


def train_on(trainer: lightning.Trainer, patience: int | None) -> None:
    """Prepare a training that goes on from the checkpoint of one that had ended.

    ``patience`` is that of this training, None where it watches nothing; one that had run out begins again. The next
    step has the rate of this training's schedule: the checkpoint has that of a schedule with another last step.
    """
    if patience is not None:
        for callback in trainer.early_stopping_callbacks:
            callback.patience = patience
            if callback.stopping_reason != EarlyStoppingReason.NOT_STOPPED:
                callback.stopping_reason, callback.wait_count = EarlyStoppingReason.NOT_STOPPED, 0
    for scheduler in (each.scheduler for each in trainer.lr_scheduler_configs):
        if isinstance(scheduler, LambdaLR):
            rates = zip(scheduler.base_lrs, scheduler.lr_lambdas, strict=True)
            for group, (lr, multiplier) in zip(scheduler.optimizer.param_groups, rates, strict=True):
                group["lr"] = lr * multiplier(scheduler.last_epoch)


def _quiet() -> None:
    """Silence messages of Lightning at every start that a user cannot act on."""
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", "The '.*_dataloader' does not have many workers")  # batches cost microseconds
    warnings.filterwarnings("ignore", ".*GPU available but not used")  # the configuration decides
    warnings.filterwarnings("ignore", "Be aware that when using `ckpt_path`")  # training on with other callbacks
    warnings.filterwarnings("ignore", "The `srun` command is available")  # a machine with Slurm, used without it
    warnings.filterwarnings("ignore", "Experiment logs directory .* exists and is not empty")  # config.yaml is there
    warnings.filterwarnings("ignore", "`isinstance.treespec, LeafSpec.` is deprecated")  # Lightning 2.6 on torch 2.13
