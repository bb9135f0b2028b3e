"""A loop in LLVM's language."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from llvmlite import ir

INT = ir.IntType(64)


@dataclass
class Counted:
    """A loop that is being written: its number, what it carries from one round to the next, and the new value of it."""

    index: Any
    carried: Any = None
    result: Any = None


@contextmanager
def counted(builder: ir.IRBuilder, count: Any, start: Any = None) -> Iterator[Counted]:
    """A loop over ``count`` numbers from 0 on, at least one; it carries ``start`` where that is given."""
    before, body = builder.block, builder.append_basic_block("body")
    builder.branch(body)
    builder.position_at_end(body)
    made = Counted(builder.phi(INT))
    made.index.add_incoming(INT(0), before)
    if start is not None:
        made.carried = builder.phi(start.type)
        made.carried.add_incoming(start, before)
    yield made
    following = builder.add(made.index, INT(1), flags=("nuw", "nsw"))
    made.index.add_incoming(following, builder.block)
    if start is not None:
        made.carried.add_incoming(made.result, builder.block)
    after = builder.append_basic_block("after")
    builder.cbranch(builder.icmp_signed("<", following, count), body, after)
    builder.position_at_end(after)
