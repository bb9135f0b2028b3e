"""The status of a run, and how each status counts in all tables, pages and dashboards."""

from __future__ import annotations

from enum import StrEnum

WORST, BEST = -1.0, 1.0
"""Scores lie between these; a loss of twice the baseline is as bad as any larger one."""


class Status(StrEnum):
    """The first three are those of a record; a run that is to go on has none.

    A run has diverged when a loss that it watches is not finite: over a window of training, which ends the training, at
    a validation, or at the test. It has too when its validation or test loss after the last step has exploded
    (``records.EXPLODED``); training goes on through a large loss, because some runs recover.
    """

    DONE = "done"
    DIVERGED = "diverged"
    FAILED = "failed"
    """An error ended it: run it again."""
    INTERRUPTED = "interrupted"
    RUNNING = "running"
    WAITING = "waiting"
    CHANGED = "changed"
    """Done, but with other data or source code than there are now."""

    @property
    def ended(self) -> bool:
        """Whether there is a record, which counts in every table."""
        return self in (Status.DONE, Status.DIVERGED, Status.FAILED)

    @property
    def complete(self) -> bool:
        """Whether there is a result: then the same configuration is not run again."""
        return self in (Status.DONE, Status.DIVERGED)

    def score(self, loss: float | None, baseline: float | None) -> float | None:
        """Return the score of a run with that ``loss``; None for a run that has not ended.

        1 - loss / baseline within [-1, 1] where it is done. A diverged or failed run has the worst score there is: it
        is an unsolved run, never a missing one.
        """
        if not self.ended:
            return None
        if self is not Status.DONE or loss is None or not baseline:
            return WORST
        return clipped(1 - loss / baseline)


def clipped(score: float) -> float:
    """Return a score within its range."""
    return min(max(score, WORST), BEST)
