"""A loop in LLVM's language."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from llvmlite import ir

INT = ir.IntType(64)


@dataclass
class Counted:
    """A loop that is being written: its number, what it carries from one round to the next, and their new values."""

    index: Any
    carried: list[Any]
    results: list[Any]


@contextmanager
def counted(builder: ir.IRBuilder, count: Any, start: Sequence[Any] = ()) -> Iterator[Counted]:
    """A loop over ``count`` numbers from 0 on, at least one; it carries values, which are ``start`` at first."""
    before, body = builder.block, builder.append_basic_block("body")
    builder.branch(body)
    builder.position_at_end(body)
    index, carried = builder.phi(INT), [builder.phi(each.type) for each in start]
    made = Counted(index, carried, [])
    yield made
    following = builder.add(index, INT(1), flags=("nuw", "nsw"))
    pairs = zip((index, *carried), (INT(0), *start), (following, *made.results), strict=True)
    for phi, first, later in pairs:
        phi.add_incoming(first, before)
        phi.add_incoming(later, builder.block)
    after = builder.append_basic_block("after")
    builder.cbranch(builder.icmp_signed("<", following, count), body, after)
    builder.position_at_end(after)
