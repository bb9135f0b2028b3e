"""A verdict follows from the numbers by the rule that a claim states, and from nothing else."""

import math

import pytest
import yaml

from rnnbench.claims import claim as claims
from rnnbench.claims.evidence import Evidence, of_runs
from rnnbench.claims.verdict import Number, find, judge, number
from rnnbench.errors import UserError
from rnnbench.statistics import median_interval

CHECK = {
    "says": "it needs a thousand steps", "measure": "steps_to_solve", "rule": "close", "arms": ["a"],
    "published": 1000, "factor": 3, "evidence": "figure", "where": "Fig. 1",
}  # fmt: skip
CLAIM = {
    "title": "a is fast", "paper": "Nobody 2026", "link": "none", "tier": "minutes", "minutes": 1, "cells": ["lstm"],
    "tasks": ["adding"], "arms": {"a": ["cell=lstm"], "b": ["cell=gru"]}, "checks": [CHECK],
}  # fmt: skip


def stated(folder, checks=(CHECK,), **changes):
    """The claim with other values, as read from its file."""
    file = folder / "planted.yaml"
    file.write_text(yaml.safe_dump({"claim": CLAIM | {"checks": list(checks)} | changes}))
    return claims.read(file)


def runs(arm, *steps, status="done"):
    """Rows of one run a seed; None for one that was not solved."""
    return [
        {"run_id": f"{arm}{seed}", "status": status, "solved_at_step": step, "seconds": 1.0, "score": 0.5}
        for seed, step in enumerate(steps)
    ]


def verdict(entry, rows, arms=("a", "b"), planned=3):
    found = of_runs(rows, {arm: [f"{arm}{seed}" for seed in range(planned)] for arm in arms})
    return judge(entry.claim, [find(check, found) for check in entry.claim.checks])


@pytest.mark.parametrize(
    ("published", "steps", "expected"),
    [
        (1000, [1100, 1500, 2000], "reproduced"),
        (1000, [2900, 3500, 4000], "reproduced"),  # the intervals meet
        (1000, [3100, 3500, 4000], "contradicted"),
        (100000, [1100, 1500, 2000], "contradicted"),  # a wrong published number
        (1000, [1100, 1500], "inconclusive"),  # two seeds, and a run is missing
        (1000, [None, None, None], "contradicted"),
        (1000, [1100, None, None], "reproduced"),  # the interval has no upper end
        (1000, [], "not run"),
    ],
)
def test_a_value_is_close_or_not(tmp_path, published, steps, expected):
    entry = stated(tmp_path, [CHECK | {"published": published}])
    assert verdict(entry, runs("a", *steps)) == expected


@pytest.mark.parametrize("status", ["diverged", "failed"])
def test_a_run_that_diverged_confirms_nothing(tmp_path, status):
    """Not even that something is never learned."""
    entry = stated(tmp_path, [CHECK | {"measure": "solved", "rule": "at_most", "published": 0, "factor": None}])
    assert verdict(entry, runs("a", None, None, None)) == "reproduced"
    assert verdict(entry, [*runs("a", None, None), *runs("a", None, None, None, status=status)[2:]]) == "inconclusive"


def test_two_seeds_are_too_few_where_no_more_were_planned(tmp_path):
    assert verdict(stated(tmp_path, seeds=[0, 1]), runs("a", 1100, 1200), planned=2) == "inconclusive"


@pytest.mark.parametrize(
    ("a", "b", "scaled", "expected"),
    [
        ([100, 200, 300], [400, 500, None], None, "reproduced"),
        ([100, 200, 300], [400, 500, None], "shorter", "scaled"),
        ([100, 200, 450], [400, 500, None], None, "inconclusive"),
        ([400, 500, None], [100, 200, 300], None, "contradicted"),
        ([400, 500, None], [100, 200, 300], "shorter", "inconclusive"),  # a smaller protocol contradicts nothing
        ([None, None, None], [None, None, None], None, "inconclusive"),
    ],
)
def test_an_order_of_arms(tmp_path, a, b, scaled, expected):
    order = {"says": "a before b", "measure": "steps_to_solve", "rule": "increasing", "arms": ["a", "b"],
             "evidence": "text", "where": "Sec. 4"}  # fmt: skip
    entry = stated(tmp_path, [order], scaled=scaled)
    assert verdict(entry, [*runs("a", *a), *runs("b", *b)]) == expected


def test_a_protocol_that_had_to_guess_contradicts_nothing(tmp_path):
    assert verdict(stated(tmp_path), runs("a", 9000, 9000, 9000)) == "contradicted"
    assert verdict(stated(tmp_path, departs="the optimizer is unstated"), runs("a", 9000, 9000, 9000)) == "inconclusive"
    assert verdict(stated(tmp_path, departs="the optimizer is unstated"), runs("a", 1000, 1000, 1000)) == "reproduced"


@pytest.mark.parametrize(
    ("rule", "tolerance", "values", "expected"),
    [
        ("at_least", None, [0.9, 0.95, 0.97], "reproduced"),
        ("at_least", None, [0.85, 0.95, 0.97], "inconclusive"),
        ("at_least", 0.1, [0.85, 0.95, 0.97], "reproduced"),
        ("at_least", None, [0.1, 0.2, 0.3], "contradicted"),
        ("at_most", None, [0.1, 0.2, 0.9], "reproduced"),
        ("at_most", None, [0.1, 0.2, 0.91], "inconclusive"),
        ("at_most", None, [0.91, 0.92, 0.93], "contradicted"),
        ("close", 0.05, [0.80, 0.84, 0.86], "reproduced"),
        ("close", 0.03, [0.80, 0.84, 0.86], "contradicted"),
    ],
)
def test_bounds_and_tolerances(tmp_path, rule, tolerance, values, expected):
    check = CHECK | {
        "measure": "value",
        "rule": rule,
        "published": 0.9,
        "factor": None,
        "tolerance": tolerance,
        "arms": ["x"],
    }
    entry = stated(tmp_path, [check], arms={}, law="some_law")
    evidence = Evidence({"x": [{"value": value} for value in values]}, {})
    assert judge(entry.claim, [find(each, evidence) for each in entry.claim.checks]) == expected


def test_the_weakest_check_decides(tmp_path):
    never = CHECK | {
        "says": "b never",
        "measure": "solved",
        "rule": "at_most",
        "published": 0,
        "factor": None,
        "arms": ["b"],
    }
    entry = stated(tmp_path, [CHECK, never])
    assert verdict(entry, [*runs("a", 900, 1000, 1100), *runs("b", None, None, None)]) == "reproduced"
    assert verdict(entry, [*runs("a", 900, 1000, 1100), *runs("b", None, None, 10)]) == "inconclusive"
    assert verdict(entry, [*runs("a", 900, 1000, 1100), *runs("b", 10, 10, 10)]) == "contradicted"
    assert verdict(entry, runs("a", 900, 1000, 1100)) == "inconclusive"


def test_intervals_are_those_of_all_reports_and_may_be_infinite():
    values = [3.0, 1.0, 2.0, 9.0, 4.0, 7.0, 8.0]
    assert number(values) == tuple(median_interval(values))
    assert number([1, 2, math.inf]) == Number(2, 1, math.inf, 3)
    assert number([1, math.inf, math.inf, 2]) == Number(math.inf, 1, math.inf, 4)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tier": "days"}, "unknown tier 'days'"),
        ({"arms": {}}, "give arms to train, or the law"),
        ({"law": "x"}, "give arms to train, or the law"),
        ({"seeds": [0, 0]}, "name each seed once"),
        ({"checks": []}, "it has no checks"),
        ({"verdict": "reproduced"}, "unknown key 'verdict'"),
        ({"checks": [CHECK | {"evidence": "memory"}]}, "unknown evidence 'memory'"),
        ({"checks": [CHECK | {"rule": "equal"}]}, "unknown rule 'equal'"),
        ({"checks": [CHECK | {"arms": ["c"]}]}, "unknown arm 'c'"),
        ({"checks": [CHECK | {"arms": []}]}, "it names no arm"),
        ({"checks": [CHECK | {"measure": "value"}]}, "give the measure of its runs"),
        ({"law": "x", "arms": {}}, "a law has no measure"),
        ({"checks": [CHECK | {"published": None}]}, "close needs the published number"),
        ({"checks": [CHECK | {"factor": None}]}, "close needs a tolerance or a factor"),
        ({"checks": [CHECK | {"rule": "increasing"}]}, "increasing needs two arms"),
        ({"scaled": "smaller"}, "the protocol is scaled"),
        ({"title": 3}, "title is 3, not text"),
    ],
)
def test_a_claim_that_says_too_little_is_refused(tmp_path, changes, message):
    with pytest.raises(UserError, match=f"planted.yaml: is no claim .*{message}"):
        stated(tmp_path, **({"checks": [CHECK]} | changes))


def test_the_protocol_is_all_that_the_verdict_depends_on(tmp_path):
    before = stated(tmp_path).protocol
    assert stated(tmp_path, notes="seen", title="other words", minutes=3, differences=["one"]).protocol == before
    assert stated(tmp_path, seeds=[0, 1, 2, 3]).protocol != before
    assert stated(tmp_path, checks=[CHECK | {"published": 1001}]).protocol != before
    assert stated(tmp_path, arms={"a": ["cell=lstm"], "b": ["cell=gru", "optimizer.lr=0.1"]}).protocol != before
