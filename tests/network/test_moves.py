"""Where the compiled engine finds a number that operations of torch moved is where torch finds it."""

import itertools

import pytest
import torch

from rnnbench.network.engines.compiled import moves
from rnnbench.network.engines.compiled.index import BATCH, Box, Change, Index
from rnnbench.network.engines.compiled.record import Recorder, Unsupported

BATCHES, HEADS, KEYS, VALUES = 5, 2, 4, 3
CHAINS = {
    "reshaped": lambda x: x.reshape(BATCHES, -1).unflatten(-1, (KEYS, -1)).flatten(1),
    "merged with the batch": lambda x: x.reshape(BATCHES * HEADS, KEYS, VALUES).transpose(1, 2).flatten(1),
    "axes moved": lambda x: x.permute(3, 0, 2, 1).movedim(1, 0).reshape(BATCHES, -1),
    "the batch moved": lambda x: x.transpose(0, 1).reshape(HEADS, BATCHES, -1).transpose(0, 1),
    "parts": lambda x: torch.cat([x[..., 1:].flatten(1), x[:, 1, :, 0], x[..., :1, ::2].flatten(1)], dim=-1),
    "split": lambda x: torch.stack(x.split(2, dim=2), dim=1)[:, 1].flatten(1).split([5, 7], dim=-1)[1],
    "spread": lambda x: (x[:, :, :1] - x[..., :1].expand(-1, -1, -1, 3)).expand(-1, -1, KEYS, -1).flatten(1)[:, 2:19],
    "exchanged": lambda x: x.select_scatter(x[:, 0] * 2, 1, 1).slice_scatter(x[..., :2] + 1, -1, 0, 3, 2).flatten(1),
    "cut unevenly": lambda x: torch.cat([x.flatten(1)[:, 5:], x.flatten(1)[:, :5]], dim=-1).unflatten(-1, (3, -1)),
}


def boxes(node, box, index):
    """(box, index, source, place) of loops in each of which all numbers come from one source."""
    try:
        source, place = node, index
        while source.op == "call_function" and source.target in moves.MOVES:
            source, place = moves.source(source, place, box)
    except Change as change:
        for smaller, (found,) in change(box, [index]):
            yield from boxes(node, smaller, found)
    else:
        yield box, index, source, place


def at(index, counters):
    return index.start + sum(step * counters[counter] for counter, step in index.terms)


@pytest.mark.parametrize("chain", CHAINS.values(), ids=CHAINS)
def test_numbers_come_from_where_torch_takes_them(chain):
    x = torch.randn(BATCHES, HEADS, KEYS, VALUES)
    recorder = Recorder()
    recorder.input(x)
    with recorder:
        result = chain(x)
    width = result.numel() // BATCHES
    seen = set()
    start = Box(BATCHES, (width,)), Index(0, ((BATCH, width), (0, 1)))
    for box, index, source, place in boxes(recorder.node(result), *start):
        counts = [range(BATCHES), *map(range, box.extents)]
        for numbers in itertools.product(*counts):
            counters = dict(enumerate(numbers, BATCH))
            found = source.meta["val"].flatten()[at(place, counters)]
            assert found == result.flatten()[at(index, counters)]
            seen.add(at(index, counters))
    assert seen == set(range(result.numel()))


def test_what_differs_between_sequences_is_refused():
    x = torch.randn(BATCHES, KEYS)
    recorder = Recorder()
    recorder.input(x)
    with recorder:
        result = torch.cat([x[1:], x[:1]])
    with pytest.raises(Unsupported, match="batch|sequences"):
        list(boxes(recorder.node(result), Box(BATCHES, (KEYS,)), Index(0, ((BATCH, KEYS), (0, 1)))))
