"""The columns of runs.csv, once: they drive rows, tables, pages, W&B's summary, comparisons and their documentation.

A name with a dot is no column of this list but a configuration key that varies (``cell.name``, ``clip.threshold``).
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from rnnbench.config.identity import OUTSIDE, below, flatten
from rnnbench.outcomes.column import Column
from rnnbench.outcomes.column import Row as Row
from rnnbench.outcomes.diagnostic_columns import DIAGNOSTICS, GRADIENTS, LAYER_DIRECTION, OWN, measured
from rnnbench.store.records import Record
from rnnbench.store.status import clipped

PHASES = TUNING, REPORT, UNUSED = "tuning", "report", "unused"
IDENTITY = (
    Column("run_id", str, "the task, the cell, the seed, and a hash of all that can change the result"),
    Column(
        "phase",
        str,
        "what a tuned experiment has the run for: tuning, report, or unused, of an earlier choice",
        path=(),
    ),
    Column("status", str, "how the run ended: done, diverged or failed"),
    Column("seed", int, "of the network's start and of the training data"),
    Column("task", str, "the task", path=("config", "task", "name")),
    Column("length", int, "the task's T", "steps", path=("config", "task", "length")),
    Column("cell", str, "the recurrent cell", path=("config", "cell", "name")),
)
OUTCOME = (
    Column(
        "score", float, "1 - test loss / memoryless baseline: 0 is memoryless, 1 is perfect; -1, the lowest, is also "
        "the score of a run that diverged or failed", "", "higher", ".3f",
    ),
    Column("test_loss", float, "the loss on the test split after training", "", "lower", ".4g", ("final", "test/loss")),
    Column("baseline", float, "the test loss of the best predictor without memory", format=".4g"),
    Column("metric", str, "the task's primary metric"),
    Column("test_metric", float, "that metric on the test split after training", format=".4g"),
    Column("validation_loss", float, "the validation loss after training", "", "lower", ".4g", ("final", "val/loss")),
    Column("validation_baseline", float, "the memoryless loss on the validation split", format=".4g", optional=True),
    Column("best_validation_loss", float, "the lowest validation loss", "", "lower", ".4g", ("best", "val/loss"),
           optional=True),
    Column("best_step", int, "where the validation loss was lowest", "steps", path=("best", "step"), optional=True),
    Column(
        "solved_at_step", int, "the first validation with a loss below 5 % of the baseline; none where the task was "
        "not solved, or has no such threshold", "steps", "lower", ".0f",
    ),
    Column("diverged_at_step", int, "where a loss was no longer finite, or had exploded", "steps", format=".0f"),
    Column("length_area", float, "the area under the accuracy over the logarithm of the length, from the shortest to "
           "the longest that was tested; of the accuracy scaled to 0 for chance: 0 is chance, 1 is always right", "",
           "higher", ".3f", ("final", "length_area"), optional=True),
    Column("test_sequences", int, "sequences of the test set, the same set for every run of a task", format=".0f",
           optional=True),
    Column("validation_sequences", int, "the same of the validation set", format=".0f", optional=True),
    Column("steps", int, "training steps taken; a run that solves its task may stop early", "steps", format=".0f"),
    Column("stopped_by", str, "why training ended: max_steps, solved, patience (the validation loss fell no more), "
           "not finite, or callback, one of the user's own", optional=True),
)  # fmt: skip
CLIPPING = tuple(
    replace(each, path=("training", each.name), optional=True)
    for each in (
        Column("clip_rate", float, "the share of training steps whose gradient was clipped", format=".3f"),
        Column("clip_scale", float, "by what a clipped gradient was multiplied, the mean", format=".3g"),
        Column("grad_norm_before", float, "the norm of the parameters' gradient, the mean over training", format=".3g"),
        Column("grad_norm_after", float, "the same after clipping", format=".3g"),
    )
)
COST = (
    Column("hidden_size", int, "units of each direction of each layer", format=".0f"),
    Column("parameters", int, "trained numbers of the network", "", "lower", ".0f"),
    Column("state_size", int, "real numbers carried from one step to the next", "", "lower", ".0f"),
    Column("flops", int, "floating-point operations of the matrix products of one step of one sequence", "", "lower",
           ".0f"),
    Column("off_budget", float, "the share by which the network misses its budget", format="+.1%"),
)  # fmt: skip
CIRCUMSTANCES = tuple(
    replace(each, circumstance=True)
    for each in (
        Column("reason", str, "why the run failed or diverged"),
        Column("seconds", float, "of training, over all sessions", "s", "lower", ".1f", digits=1),
        Column("steps_per_second", float, "training steps in a second", "1/s", "higher", ".1f", digits=2),
        Column("peak_memory", int, "the most memory that its process or its GPU held", "bytes", "lower", ".3g"),
        Column("engine", str, "what ran the cells in training, such as compiled or fused", optional=True),
        Column("resumed", int, "how often the run went on from a checkpoint", format=".0f"),
        Column(
            "resumed_from",
            str,
            "the run_id of the finished run that it trained on; none where it began by itself",
            optional=True,
        ),
        Column("started", str, "when its first session began, UTC"),
        Column("ended", str, "when its last session ended, UTC"),
        Column("commit", str, "the git commit of the code, with +dirty where it differed"),
        Column("environment", int, "which entry of provenance.json has its versions and machine", path=()),
    )
)
DATA = (
    Column("data_sha256", str, "the hash of the text or the files that the task read", path=("data", "sha256")),
    Column("sample", str, "text that the trained network wrote", optional=True),
    *(
        Column(f"order_{order}_bits", float, f"the test loss of a count model that knows the last {order} characters",
               "bits per character", format=".3f", path=("data", f"order_{order}_bits"), optional=True)
        for order in range(5)
    ),
)  # fmt: skip
COLUMNS = {
    each.name: each for each in (*IDENTITY, *OUTCOME, *GRADIENTS, *CLIPPING, *COST, *DATA, *CIRCUMSTANCES)
}  # fmt: skip
"""The columns of every run, by name, in the order of runs.csv."""

SPLITS = {
    "best_val": "validation split where its loss was lowest",
    "val": "validation split after training",
    "test": "test split after training",
}
OTHER = re.compile(
    r"(best_val|val|test|test_\d+)_"
    r"(loss|excess_loss|score|mse|nrmse|accuracy|sequence_accuracy|read_error|bits_per_character|perplexity|chance)"
)
"""The names of columns for other metrics, and tests at other lengths."""


def column(name: str) -> Column | None:
    """Return the column of that name; None where there is none."""
    if name in COLUMNS:
        return COLUMNS[name]
    if found := LAYER_DIRECTION.fullmatch(name):
        layer_direction, diagnostic, moment = found.groups()
        return measured(next(each for each in DIAGNOSTICS if each.name == diagnostic), moment, layer_direction)
    if found := OWN.fullmatch(name):
        layer_direction, diagnostic, moment = found.groups()
        meaning = f"{diagnostic.removeprefix('own_').replace('_', ' ')}, of a diagnostic of one's own"
        return measured(Column(diagnostic, float, meaning, format=".3g"), moment, layer_direction or "")
    found = OTHER.fullmatch(name)
    if found is None:
        return None
    split, metric = found.groups()
    where = SPLITS.get(split) or f"test split at length {split.removeprefix('test_')} after training"
    higher = ("score", "accuracy", "sequence_accuracy")
    better = "" if metric == "chance" else "higher" if metric in higher else "lower"
    path = ("best", f"val/{metric}") if split == "best_val" else ("final", f"{split}/{metric}")
    return Column(name, float, f"{metric.replace('_', ' ')} on the {where}", "", better, ".4g", path, optional=True)


def headline(name: str) -> str:
    """Return the name of a column less its layer and direction: that of the same number of the headline."""
    found = LAYER_DIRECTION.fullmatch(name)
    return name if found is None else f"{found[2]}_{found[3]}"


def row(record: Record) -> Row:
    """Return every column of one run, None where it has no value, and its configuration."""
    found: Row = {name: each.value(record) for name, each in COLUMNS.items()}
    taken = {each.path for each in COLUMNS.values()} | {("final", f"test/{record.metric}"), ("final", "test/score")}
    for held, prefix in (("final", ""), ("best", "best_")):
        for key, value in getattr(record, held).items():
            name = prefix + key.replace("/", "_")
            if (held, key) not in taken and column(name) is not None:
                found[name] = clipped(value) if value is not None and name.endswith("_score") else value
    for moment, numbers in record.gradients.items():
        for key in numbers:
            layer_direction, _, diagnostic = key.rpartition("/")
            of = column("_".join(filter(None, (layer_direction, diagnostic, moment))))
            if of is not None:
                found[of.name] = of.value(record)
    return found | configuration(record.config)


def configuration(config: dict[str, Any]) -> Row:
    """Return the part of a nested configuration that a row has, by dotted key: with the probe, without the seed.

    And without the run that it trained on, a column of its own: seeds that each train on from theirs are one setting.
    """
    return {
        key: value
        for key, value in flatten(config).items()
        if key not in ("seed", "resume_from") and (not below(key, OUTSIDE) or below(key, ("probe",)))
    }
