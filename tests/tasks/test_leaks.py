"""No input gives a target away but those that the definition says: by statistics of what the batches hold.

For every variant of every task that names its informative inputs: at each position, from the start and from the end,
the inputs that are not informative are independent of the last target; so are the sequences' lengths. And where each
step predicts the next symbol, the target is the input that follows and is not among what has been fed.
"""

import numpy as np
import pytest
from scipy.stats import chi2_contingency

from catalogue import TASK_ROWS, make_task
from rnnbench.tasks import SPLITS, TASKS

SIZE = 20_000
VARIANTS = [(name, variant) for name in TASK_ROWS for variant in TASKS[name].variants or (None,)]


def sample(name, variant):
    changes = {"batch_size": SIZE} if variant is None else {"batch_size": SIZE, "variant": variant}
    return make_task(name, **changes)


INFORMED = [pair for pair in VARIANTS if make_task(pair[0]).batch("train", 0, 0).informative is not None]
PREDICTING = [pair for pair in VARIANTS if sample(*pair).causal and sample(*pair).tokens]


def last_targets(task, batch):
    """The last target of each sequence as a class; a real one by its quarter."""
    targets = batch.targets
    if task.every_step:
        rows = np.arange(targets.shape[1])
        targets = targets[-1] if batch.lengths is None else targets[batch.lengths - 1, rows]
    return classes(targets.reshape(len(targets), -1)[:, 0])


def classes(values):
    """Values as few classes: as they are, or by their quarter where they are many."""
    found, numbers = np.unique(values, return_inverse=True)
    if len(found) <= 16:
        return numbers
    return np.searchsorted(np.quantile(values, [0.25, 0.5, 0.75]), values)


def p_value(values, targets):
    """Of the hypothesis that both are independent; 1 where there is nothing to compare."""
    a, b = classes(values), classes(targets)
    table = np.zeros((a.max(initial=0) + 1, b.max(initial=0) + 1))
    np.add.at(table, (a, b), 1)
    table = table[table.sum(axis=1) > 0][:, table.sum(axis=0) > 0]
    table = table[table.sum(axis=1) >= 100]  # the approximation needs counts
    return chi2_contingency(table).pvalue if min(table.shape, default=0) > 1 else 1.0


@pytest.mark.parametrize(("name", "variant"), INFORMED)
def test_other_inputs_are_independent_of_the_last_target(name, variant):
    task = sample(name, variant)
    batch = task.batch("train", 0, 0)
    steps = len(batch.inputs)
    lengths = np.full(SIZE, steps) if batch.lengths is None else batch.lengths
    targets, channels = last_targets(task, batch), batch.inputs.reshape(steps, SIZE, -1)
    informative = np.zeros(steps * SIZE, dtype=bool)
    informative[batch.informative] = True
    informative = informative.reshape(steps, SIZE)
    found = {"length": p_value(lengths, targets)}
    for offset in range(min(steps, 40)):
        for end, places in (("start", np.full(SIZE, offset)), ("end", lengths - 1 - offset)):
            rows = np.flatnonzero((places >= 0) & (places < lengths))
            rows = rows[~informative[places[rows], rows]]
            for channel in range(channels.shape[2]):
                values = channels[places[rows], rows, channel]
                found[end, offset, channel] = p_value(values, targets[rows])
    worst = min(found, key=found.get)
    assert found[worst] > 0.001 / len(found), worst


@pytest.mark.parametrize(("name", "variant"), INFORMED)
def test_the_informative_inputs_are_not(name, variant):
    """So the test above can fail. A single bit of a parity says nothing, however."""
    if name in ("parity", "delayed_xor", "even_pairs"):
        return
    task = sample(name, variant)
    batch = task.batch("train", 0, 0)
    flat = batch.inputs.reshape(len(batch.inputs) * SIZE, -1)[:, 0]
    per_sequence = len(batch.informative) // SIZE
    order = np.argsort(batch.informative % SIZE, kind="stable")
    values = flat[batch.informative[order]].reshape(SIZE, per_sequence)
    assert min(p_value(column, last_targets(task, batch)) for column in values.T) < 1e-10


@pytest.mark.parametrize(("name", "variant"), PREDICTING)
@pytest.mark.parametrize("split", SPLITS)
def test_a_next_symbol_is_fed_one_step_later(name, variant, split):
    task = make_task(name) if variant is None else make_task(name, variant=variant)
    batch = task.batch(split, 1, 2)
    steps, size = batch.targets.shape
    counted = np.ones(steps * size, dtype=bool)
    if batch.counted is not None:
        counted[:] = False
        counted[batch.counted] = True
    both = counted.reshape(steps, size)[1:]
    assert np.array_equal(batch.targets[:-1][both], batch.inputs[1:][both])
    share = (batch.targets == batch.inputs)[counted.reshape(steps, size)].mean()
    assert share < 0.8  # the target is not what is fed now, though a run of one letter is
