"""Compares two rows of one run: on one kind of machine to the last digit, elsewhere by a rule for each column.

Rounding differs from one kind of machine to another, and training amplifies it. What does not depend on training must
still be the same. How far the gradient reaches is compared in steps: its slope, its half-life and its ratio at the ends
all say after how many steps it has halved, and of a gradient that vanishes at once no more is known.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from rnnbench.errors import UserError, check_range, unknown
from rnnbench.outcomes.columns import COLUMNS, OTHER, Row, column, headline
from rnnbench.outcomes.comparable import CAPPED, LEAST, UNITS, comparable, scale
from rnnbench.outcomes.diagnostic_columns import DIAGNOSTICS, HEADLINE, MOMENTS, NETWORK
from rnnbench.store.protocol import LEARNED

EXACT = ("seed", "task", "length", "cell", "metric", "hidden_size", "parameters", "state_size", "flops", "off_budget",
         "data_sha256", "test_sequences", "validation_sequences", "decay_initial")  # fmt: skip
"""The columns that are the same on every machine."""
ANYTHING = (
    "sample",
    "best_step",
    "stopped_by",
    "headline_initial",
    "headline_final",
    "decay_final",
    "fit_final",
    "zero_from_final",
)
"""The columns that may differ freely on another machine."""
ROUNDING = 1e-9
"""The relative error that a few operations in double precision can add up to."""
NOTHING = ("slope", "fit", "half_life", "horizon", "zero_from", "vanishing_ratio", "far_share", "omega")
"""Columns in which a missing value is a finding where the run was probed: the gradient has no such number."""
LAST_BITS = 1e-12
"""The relative error of what is measured on a network in float64: its last bits depend on the order in which numbers
are added up, which is the program's, and on their place in memory."""
TOLD = 3  # columns that a line shows in full
PROBED = ("probe.batch_size", "probe.sequences", "probe.exponents")
"""Settings that two probes must share for their numbers to be comparable."""
GRADIENTS = {f"{each.name}_{moment}": moment for moment in MOMENTS for each in (HEADLINE, *DIAGNOSTICS, *NETWORK)}


class Rule(NamedTuple):
    """How far a column may be off: by at most ``most`` of its ``unit``."""

    most: float | None
    """None: the same as for the score."""
    unit: str

    @property
    def words(self) -> str:
        return f"{self.most:g} {UNITS[self.unit]}".rstrip()


RULES = {
    "score": Rule(None, "score"),
    "length_area": Rule(None, "score"),
    "validation_loss": Rule(None, "loss"),
    "test_loss": Rule(None, "loss"),
    "test_metric": Rule(None, "metric"),
    "best_validation_loss": Rule(None, "loss"),
    "baseline": Rule(ROUNDING, "larger"),
    "validation_baseline": Rule(ROUNDING, "larger"),
    **{f"order_{order}_bits": Rule(0.001, "larger") for order in range(5)},
    "solved_at_step": Rule(0.5, "larger"),
    "diverged_at_step": Rule(0.5, "larger"),
    "steps": Rule(0.5, "larger"),
    "slope_initial": Rule(0.001, "larger"),
    "half_life_initial": Rule(0.001, "larger"),
    "horizon_initial": Rule(0.001, "horizon"),
    "vanishing_ratio_initial": Rule(0.001, "larger"),
    "slope_final": Rule(0.75, "steps"),
    "half_life_final": Rule(0.75, "steps"),
    "horizon_final": Rule(0.75, "horizon"),
    "vanishing_ratio_final": Rule(0.75, "steps"),
    "far_share_final": Rule(0.25, "absolute"),
    "dead_share_final": Rule(0.25, "absolute"),
    "lyapunov_max_final": Rule(0.75, "exponent"),
    "clip_rate": Rule(0.5, "share"),
    "clip_scale": Rule(0.5, "larger"),
    "grad_norm_before": Rule(0.75, "larger"),
    "grad_norm_after": Rule(0.75, "larger"),
}
RULES |= {
    name: Rule(0.001, "larger") if moment == "initial" else Rule(0.75, "share" if "share" in name else "larger")
    for name, moment in GRADIENTS.items()
    if name not in (*RULES, *ANYTHING, *EXACT)
}
"""The rules of numeric columns that depend on the machine. An experiment's ``protocol.tolerance`` sets others."""


def rules(tolerance: Mapping[str, float]) -> dict[str, Rule]:
    """Return the rules, with what an experiment sets, at least for the score.

    Raises UserError for what is no such column.
    """
    for name, most in tolerance.items():
        if name not in RULES:
            raise unknown("column in protocol.tolerance", name, RULES)
        check_range(f"protocol.tolerance.{name}", most, at_least=0)
    if "score" not in tolerance:
        raise UserError("protocol.tolerance.score: is missing; say how far a score may be off on another machine")
    found = {}
    for name, rule in RULES.items():
        most = tolerance.get(name, tolerance["score"] if rule.most is None else rule.most)
        found[name] = rule._replace(most=most)
    return found


def differences(before: Row, now: Row) -> list[str]:
    """Return the columns that differ, those that no machine may change first; what one lacks by choice does not."""
    both = [key for key in (*COLUMNS, *sorted(before.keys() - COLUMNS.keys())) if key in before and key in now]
    different = [key for key in both if _compared(before, now, key) and not _same(before, now, key)]
    return sorted(different, key=lambda key: key not in ("status", *EXACT))


def _compared(before: Row, now: Row, key: str) -> bool:
    of = column(key)
    if of is None or of.circumstance or key == "phase":
        return False
    moment = GRADIENTS.get(headline(key))
    if moment is not None and any(before.get(probe) != now.get(probe) for probe in PROBED):
        return False
    if moment is not None and headline(key).removesuffix(f"_{moment}") in NOTHING:
        key = f"headline_{moment}"
    return not (of.optional and None in (before.get(key), now.get(key)))


def _same(before: Row, now: Row, key: str) -> bool:
    """Return whether two values are the same; for measurements of the network the last bits do not count."""
    was, is_now = before[key], now[key]
    if headline(key) in GRADIENTS and isinstance(was, float) and isinstance(is_now, float):
        return math.isclose(was, is_now, rel_tol=LAST_BITS)
    return bool(was == is_now)


def beyond(before: Row, now: Row, allowed: Mapping[str, Rule]) -> list[str]:
    """Return the columns that differ by more than another machine explains."""
    return [key for key in differences(before, now) if not _explained(before, now, key, allowed)]


def _explained(before: Row, now: Row, key: str, allowed: Mapping[str, Rule]) -> bool:
    pair = (before, now)
    if headline(key) in ANYTHING:
        return True
    if key in ("solved_at_step", "diverged_at_step") and None in [row[key] for row in pair]:
        return False  # one of them solved the task, the other did not
    if key == "steps" and not any(row["solved_at_step"] or row["diverged_at_step"] for row in pair):
        return False  # nothing but the configuration ended them
    rule = _rule(key, allowed)
    if rule is None:
        return False
    trained = rule.unit == "metric" or GRADIENTS.get(headline(key)) == "final"
    return (trained and not any(map(_learned, pair))) or _near(before, now, key, rule)


def _learned(row: Row) -> bool:
    """Whether a network gained on the memoryless baseline; what else one that did not has come to is chance."""
    return row["score"] is not None and row["score"] > LEARNED


def _rule(key: str, allowed: Mapping[str, Rule]) -> Rule | None:
    """Return the rule of a column; a further metric has that of the score, at another length that of the area."""
    key = headline(key)
    found = OTHER.fullmatch(key)
    if key in allowed or found is None:
        return allowed.get(key)
    like = allowed["length_area" if found[1].startswith("test_") else "score"]
    return like._replace(unit={"loss": "loss", "excess_loss": "loss", "score": "score"}.get(found[2], "metric"))


def differences_in_words(
    before: Row, now: Row, columns: Sequence[str], allowed: Mapping[str, Rule] | None = None
) -> str:
    """Return what differs in words, the first columns in full; with the rules that decided, to four digits."""
    words = []
    for key in columns[:TOLD]:
        was, is_now = ("-" if row[key] is None else str(row[key]) for row in (before, now))
        rule = None if allowed is None else _rule(key, allowed)
        if rule is not None:
            was, is_now = (text if text == "-" else f"{float(text):.4g}" for text in (was, is_now))
            is_now += f" (at most {rule.words})"
        words.append(f"{key} {was} -> {is_now}")
    return ", ".join(words) + (f" and {len(columns) - TOLD} more" if len(columns) > TOLD else "")


def summary(allowed: Mapping[str, Rule]) -> str:
    """Return all rules in a line, those that are alike together."""
    alike: dict[str, list[str]] = {}
    for name, rule in allowed.items():
        alike.setdefault(rule.words, []).append(name)
    unlearned = f"of two networks with scores up to {LEARNED:g} no metric and no gradient after training is compared"
    return "; ".join([*(f"{', '.join(columns)} {words}" for words, columns in alike.items()), CAPPED, unlearned])


def _near(before: Row, now: Row, key: str, rule: Rule) -> bool:
    was, is_now = (comparable(row, key, rule.unit) for row in (before, now))
    if was is None or is_now is None or rule.most is None:
        return False
    larger = max(abs(was), abs(is_now))
    if rule.unit in LEAST:
        most = max(LEAST[rule.unit] / scale(before, rule.unit), rule.most * larger)
    else:
        most = rule.most * (larger if rule.unit == "larger" else scale(before, rule.unit))
    return abs(was - is_now) <= most
