"""Runs one configuration: trains a model and writes a record."""

from __future__ import annotations

import math
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import pytorch_lightning as lightning
import torch
import yaml
from pytorch_lightning.callbacks import Callback
from pytorch_lightning.loggers import Logger

from rnnbench import tracking
from rnnbench.builders.training import build_learner, build_probe
from rnnbench.config import sources
from rnnbench.config.identity import flatten
from rnnbench.config.schema import Config
from rnnbench.interruption import StopRequest, stoppable
from rnnbench.network.budget import off_budget
from rnnbench.network.costs import COSTS
from rnnbench.outcomes import lengths
from rnnbench.outcomes.reuse import ended_record
from rnnbench.store import records
from rnnbench.store.files import locked, replacing
from rnnbench.store.provenance import provenance
from rnnbench.store.records import Record
from rnnbench.store.run_log import DETAIL, LOGGER, PROGRESS, SAID, heading, logged
from rnnbench.store.status import Status
from rnnbench.tasks import Task
from rnnbench.tracking.lengths import log_lengths
from rnnbench.tracking.profiles import log_profiles
from rnnbench.training import checkpoint, device
from rnnbench.training.checkpoint import Checkpoint
from rnnbench.training.data import Stream, held_out_stream
from rnnbench.training.learner import Learner
from rnnbench.training.plugins import Plugins, plugins
from rnnbench.training.probe import Probe
from rnnbench.training.progress import Progress
from rnnbench.training.resume import source_run
from rnnbench.training.sampling import continue_text
from rnnbench.training.trainer import build_trainer, stopped_by

CLIPPING = ("clip_rate", "clip_scale", "grad_norm_before", "grad_norm_after")
"""What is logged over training and summed up in the record."""


def run(config: Config, retry: bool = True, log: bool = True) -> Record:
    """Train what ``config`` describes and return its record; a run that has ended returns its old record.

    A failed run has ended unless ``retry``. What it says it also writes to log.txt with ``log``, which is where stdout
    goes without. An interrupted one has no record, and goes on from its last checkpoint.
    Raises UserError before anything is written where the configuration cannot be run, HeldElsewhereError where another
    process runs it, Interrupted once it is asked to stop. Any other error is recorded as ``failed`` and raised.
    """
    sweep = Path(config.runs_dir) / config.name
    folder = sweep / config.run_id
    old = ended_record(config, retry)
    if old is not None:
        return old
    device.check(config.trainer.accelerator, config.trainer.precision)
    device.one_process()
    device.prepare(config.trainer.threads)
    lightning.seed_everything(config.seed, verbose=False)
    with device.enough_memory():
        learner, probe = build_learner(config), build_probe(config)
        if config.trainer.precision != "32":
            example = torch.from_numpy(config.task.batch("train", config.seed, 0).inputs[:2, :2])
            device.try_out(learner.model, example, config.trainer.accelerator, config.trainer.precision)
    own = plugins(config, folder)
    for length in config.task.test_lengths:
        config.task.at_length(length).baseline("test")  # says now what cannot be tested later
    record = _new_record(config, learner)
    start = source_run(config, record.sources)
    record.resumed_from = None if start is None else start.resolve().name
    tracking.check(config)
    with locked(folder), stoppable() as stop:
        old = ended_record(config, retry)  # by another process, meanwhile
        with logged(folder / records.LOG if log else None):
            return old if old is not None else _run(config, learner, probe, own, start, folder, record, stop)


def _run(
    config: Config, learner: Learner, probe: Probe | None, own: Plugins, start: Path | None, folder: Path,
    record: Record, stop: StopRequest,
) -> Record:  # fmt: skip
    """Run a configuration whose folder is locked."""
    fresh = config.force or (folder / records.FILE).exists()
    last = None if fresh else checkpoint.read(folder, config.run_id, record.sources, record.config["probe"])
    logger = tracking.open_logger(config, folder.parent, record, goes_on=last is not None)
    try:
        if last is None:
            records.clear(folder)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / records.CONFIG).write_text(yaml.safe_dump(config.to_dict(), sort_keys=False), encoding="utf-8")
        for line in heading(record):
            LOGGER.log(DETAIL, line)
        history = checkpoint.History(folder)
        keeper = checkpoint.Checkpoint(folder, record, config.trainer.checkpoint_every, stop, history)
        if last is None and start is not None:
            last = keeper.begin_from(start)
        for each in own.loggers:
            each.log_hyperparams(flatten(record.config))
        loggers = [history, *([logger] if logger else []), *own.loggers]
        _train(config, learner, [*own.callbacks, *([probe] if probe else [])], loggers, keeper, last, record)
        if probe is not None and probe.surveys:
            with _surviving(record, "gradients.npz"), replacing(folder / "gradients.npz") as temporary:
                record.gradients = {moment: records.finite(numbers) for moment, numbers in probe.summary().items()}
                probe.save(temporary)
            if logger is not None:
                with _surviving(record, "gradients in W&B"):
                    log_profiles(logger.experiment, probe)
        if logger is not None:
            with _surviving(record, "accuracy over length in W&B"):
                log_lengths(logger.experiment, record)
    except BaseException as error:
        if not isinstance(error, Exception):  # it has no record: it goes on later
            record.status = Status.INTERRUPTED
            with _surviving(record, "end in W&B"):
                tracking.finish(logger, record, exit_code=1)
            LOGGER.log(SAID, f"{record.run_id}: interrupted; the same command goes on with it")
            raise
        record.status = Status.FAILED
        record.error = traceback.format_exc()
        with _surviving(record, "end in W&B"):
            tracking.finish(logger, record, exit_code=1)
        records.write(folder, record)
        LOGGER.error(f"{record.run_id}: failed, {error!r}; see {folder / records.FILE}")
        raise
    with _surviving(record, "end in W&B"):
        tracking.finish(logger, record, exit_code=0)
    records.write(folder, record)
    LOGGER.log(SAID, f"{record.run_id}: {record.outcome}, {record.seconds:.0f} s")
    return record


def _train(
    config: Config, learner: Learner, callbacks: list[Callback], loggers: list[Logger], keeper: Checkpoint,
    last: Path | None, record: Record,
) -> None:  # fmt: skip
    """Train, from the checkpoint ``last`` if there is one, test, and fill in the record.

    The last step is always followed by a validation, so that ``val/...`` speaks of the network that is tested.
    """
    task, options = config.task, config.trainer
    progress = Progress(options.max_steps) if options.progress else None
    trainer = build_trainer(config, [*callbacks, keeper, *([progress] if progress else [])], loggers)
    validation = held_out_stream(task, "validation")
    batches = options.max_steps * options.accumulate_grad_batches
    training = Stream(task, "train", config.seed, batches, options.steps_per_execution)
    if last is not None:
        LOGGER.log(PROGRESS, f"{record.run_id}: goes on from {last}")
    with progress or nullcontext():
        trainer.fit(learner, training, validation, ckpt_path=last, weights_only=True)
    if not keeper.history.has("val/loss", trainer.global_step):
        trainer.validate(learner, validation, verbose=False)
    record.started, record.seconds, record.resumed = keeper.started, keeper.seconds, keeper.resumed
    record.steps = trainer.global_step
    record.steps_per_second = record.steps / record.seconds
    record.stopped_by = stopped_by(config, learner, trainer)
    keeper.save(trainer)
    _test(learner, trainer, task, "test", whole=bool(task.test_lengths))
    if learner.diverged_at is None and _exploded(task, learner.last):
        learner.diverged_at = trainer.global_step
    record.best = records.finite(learner.best)
    record.solved_at_step, record.diverged_at_step = learner.solved_at, learner.diverged_at
    record.status = Status.DONE if learner.diverged_at is None else Status.DIVERGED
    record.training = records.finite(keeper.history.means(CLIPPING))
    record.engine = ", ".join(sorted(learner.engines))
    record.peak_memory = device.peak_memory(learner.device)
    for length in task.test_lengths:
        with _surviving(record, f"test at length {length}"):
            _test(learner, trainer, task.at_length(length), f"test_{length}", whole=True)
    record.final = records.finite(learner.last | lengths.summary(task, learner.last))
    with _surviving(record, "sample"):
        record.sample = _sample(config, learner) if record.status == Status.DONE else None


def _test(learner: Learner, trainer: lightning.Trainer, task: Task, prefix: str, *, whole: bool) -> None:
    learner.test_on(task, prefix, whole=whole)
    test = held_out_stream(task, "test")
    trainer.test(learner, test, verbose=False)


def _exploded(task: Task, values: dict[str, float]) -> bool:
    """Return whether the last loss is not finite, or above ``records.EXPLODED`` times the loss of a guess."""
    guess = math.log(task.output_size) if task.loss == "cross_entropy" else 0.0  # all classes alike
    validation, test = (records.EXPLODED * max(task.baseline(split), guess) for split in ("validation", "test"))
    return not (values["val/loss"] <= validation and values["test/loss"] <= test)  # nan is neither


def _sample(config: Config, learner: Learner) -> str | None:
    """Return the text that the trained model writes; None if the task asks for none."""
    request = config.task.continuation()
    if request is not None and request.note:
        LOGGER.error(f"{config.run_id}: {request.note}")
    return None if request is None else continue_text(config.task, request, learner.model, config.seed)


@contextmanager
def _surviving(record: Record, what: str) -> Iterator[None]:
    """Note in the record that ``what`` is missing if an error occurs: the run's result exists without it."""
    try:
        yield
    except Exception as error:
        reason = next(iter(str(error).strip().splitlines()), "")
        record.warnings.append(f"no {what}: {type(error).__name__}: {reason}")


def _new_record(config: Config, learner: Learner) -> Record:
    spent = {kind: cost(learner.model) for kind, cost in COSTS.items()}
    return Record(
        run_id=config.run_id,
        experiment=config.name,
        status=Status.FAILED,
        started=records.now(),
        config=config.to_dict(),
        seed=config.seed,
        data=config.task.provenance(),
        sources=sources.fingerprints(config),
        hidden_size=learner.model.stack.layer_directions()[0][0].cell.hidden_size,
        parameters=spent["parameters"],
        state_size=spent["state"],
        flops=spent["flops"],
        off_budget=off_budget(config.network.budget, spent),
        metric=config.task.metric,
        baseline=config.task.baseline("test"),
        validation_baseline=config.task.baseline("validation"),
        test_sequences=config.task.held_out_sequences("test"),
        validation_sequences=config.task.held_out_sequences("validation"),
        **provenance(device.name(config.trainer.accelerator)),
    )
