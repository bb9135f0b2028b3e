"""Loading large libraries: torch, Lightning and W&B make a million objects, and keep them."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_garbage_collection() -> Iterator[None]:
    """Look for no garbage inside, nor later among what was made there: more than a second less for a short run."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
