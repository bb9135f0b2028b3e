"""Which differences another kind of machine explains, and when a row contradicts itself."""

import math

import pytest

from rnnbench import agreement, rows
from rnnbench.agreement import beyond, contradictions, rules
from rnnbench.errors import UserError

SLOPE = -0.02
ROW = {
    "seed": "0", "run_id": "adding-gru-seed0-0123456789", "task": "adding", "length": "60", "cell": "gru",
    "status": "done", "score": "0.98",
    "validation_loss": "0.003", "test_loss": str(0.02 / 6), "baseline": str(1 / 6), "metric": "mse",
    "test_metric": str(0.02 / 6), "solved_at_step": "300", "diverged_at_step": "", "steps": "300",
    "slope_initial": "-0.5", "half_life_initial": str(math.log(2) / 0.5), "horizon_initial": "8",
    "vanishing_ratio_initial": "1e-12", "slope_final": str(SLOPE), "half_life_final": str(math.log(2) / -SLOPE),
    "horizon_final": "59", "vanishing_ratio_final": "0.14", "hidden_size": "64", "parameters": "13121",
    "state_size": "64", "flops": "8576", "off_budget": "0.01", "data_sha256": "ab", "seconds": "9", "commit": "c",
}  # fmt: skip
ALLOWED = rules({"score": 0.1})


def test_every_column_has_a_rule():
    known = {*agreement.EXACT, *agreement.RULES, *rows.NOT_RESULTS, "run_id", "status"}
    assert known == {*rows.NEEDED}
    assert ROW.keys() | {"phase", "environment"} == known


def test_a_row_agrees_with_itself_and_its_equal():
    assert contradictions(ROW) == []
    assert beyond(ROW, dict(ROW), ALLOWED) == []


@pytest.mark.parametrize("column", ["status", *agreement.EXACT])
def test_what_no_machine_may_change(column):
    assert beyond(ROW, ROW | {column: "7"}, rules({"score": 1e9})) == [column]


@pytest.mark.parametrize(
    ("column", "near", "far"),
    [
        ("score", "0.89", "0.87"),
        ("validation_loss", "0.019", "0.021"),  # a tenth of the baseline, as the score
        ("test_loss", "0.019", "0.021"),
        ("test_metric", "0.019", "0.021"),
        ("baseline", str(1 / 6 * (1 + 1e-12)), str(1 / 6 * (1 + 1e-7))),
        ("solved_at_step", "500", "700"),
        ("solved_at_step", "200", "100"),
        ("steps", "500", "700"),
        ("slope_initial", "-0.5000001", "-0.51"),
        ("half_life_initial", str(math.log(2) / 0.5000001), "1.4"),
        ("horizon_initial", "11", "12"),
        ("vanishing_ratio_initial", "1.0001e-12", "1.1e-12"),
        ("slope_final", "-0.05", "-0.1"),  # half-lives of 35, 14 and 7 steps
        ("half_life_final", "10", "8"),
        ("horizon_final", "20", "10"),
        ("vanishing_ratio_final", "0.03", "1e-9"),
    ],
)
def test_how_far_a_column_may_be_off(column, near, far):
    assert beyond(ROW, ROW | {column: near}, ALLOWED) == []
    assert beyond(ROW | {column: near}, ROW, ALLOWED) == []
    assert beyond(ROW, ROW | {column: far}, ALLOWED) == [column]
    assert beyond(ROW | {column: far}, ROW, ALLOWED) == [column]


def test_one_solved_the_task_and_the_other_did_not():
    assert beyond(ROW, ROW | {"solved_at_step": ""}, rules({"score": 1, "solved_at_step": 1e9})) == ["solved_at_step"]


def test_the_configuration_alone_ends_a_run_that_solved_nothing():
    unsolved = ROW | {"solved_at_step": "", "steps": "1200"}
    assert beyond(unsolved, unsolved | {"steps": "1100"}, ALLOWED) == ["steps"]


def test_a_gradient_that_vanishes_at_once_may_do_so_in_any_way():
    """As seen of a vanilla RNN with other vector instructions: within three steps nothing is left, in both."""
    before = ROW | {
        "slope_final": "-0.34",
        "half_life_final": "2.05",
        "vanishing_ratio_final": "1e-9",
        "horizon_final": "1",
    }
    now = ROW | {
        "slope_final": "-1.67",
        "half_life_final": "0.42",
        "vanishing_ratio_final": "2.6e-43",
        "horizon_final": "2",
    }
    assert beyond(before, now, ALLOWED) == []
    gone = dict.fromkeys(("slope_final", "half_life_final"), "") | {
        "vanishing_ratio_final": "0.0",
        "horizon_final": "0",
    }
    assert beyond(before, ROW | gone, ALLOWED) == []
    assert set(beyond(before, ROW, ALLOWED)) >= {"slope_final", "half_life_final", "horizon_final"}


def test_what_hardly_decays_does_not_decay():
    flat, none, growing = (
        ROW | {"slope_final": slope, "half_life_final": half_life, "vanishing_ratio_final": ratio}
        for slope, half_life, ratio in (("-0.001", "693", "0.94"), ("-0.0001", "", "0.994"), ("0.05", "", "20.0"))
    )
    assert beyond(flat, none, ALLOWED) == beyond(none, growing, ALLOWED) == []
    short = ROW | {"slope_final": "-0.1", "half_life_final": "6.9", "vanishing_ratio_final": "0.002"}
    assert beyond(short, growing, ALLOWED) == ["slope_final", "half_life_final", "vanishing_ratio_final"]


def test_an_experiment_sets_its_own():
    own = rules({"score": 0.1, "horizon_final": 0.9, "test_loss": 0})
    assert beyond(ROW, ROW | {"horizon_final": "6"}, own) == []
    assert beyond(ROW, ROW | {"test_loss": "0.0034"}, own) == ["test_loss"]
    text = agreement.summary(own)
    assert text.startswith(
        "score 0.1; validation_loss 0.1 of the baseline; test_loss 0 of the baseline; test_metric 0.1 of "
    )
    assert "horizon_final 0.9 of the larger, or 3 steps" in text
    for tolerance, message in (
        ({"score": 0.1, "parameters": 1}, "unknown column in protocol.tolerance 'parameters'"),
        ({"score": -1}, "protocol.tolerance.score=-1: must be at least 0"),
        ({"score": math.nan}, "protocol.tolerance.score=nan: must be a finite number"),
        ({"steps": 1}, "protocol.tolerance.score: is missing"),
    ):
        with pytest.raises(UserError, match=message):
            rules(tolerance)


@pytest.mark.parametrize(
    ("metric", "scale"), [("accuracy", 1.0), ("bits_per_character", 1 / 6 / math.log(2)), ("mse", 1 / 6)]
)
def test_a_metric_is_off_by_as_much_as_its_score(metric, scale):
    row = ROW | {"metric": metric, "test_metric": "0.5"}
    for share, expected in ((0.09, []), (0.11, ["test_metric"])):
        assert beyond(row, row | {"test_metric": str(0.5 + share * scale)}, ALLOWED) == expected


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"score": "0.97"}, "score 0.97, but 1 - test_loss / baseline is 0.98"),
        ({"baseline": "1.0"}, "but 1 - test_loss / baseline is 0.99"),
        ({"score": ""}, "done without a score or a test loss"),
        ({"test_loss": "", "test_metric": ""}, "done without a score or a test loss"),
        ({"test_metric": "0.01"}, "test_metric 0.01, but by the test loss it is 0.0033"),
        ({"metric": "bits_per_character"}, "test_metric 0.0033"),
        ({"metric": "accuracy", "test_metric": "1.2"}, "an accuracy of 1.2"),
        ({"solved_at_step": "301"}, "solved_at_step 301 of 300 steps"),
        ({"status": "diverged", "diverged_at_step": "301"}, "diverged_at_step 301 of 300 steps"),
        ({"diverged_at_step": "50"}, "done with diverged_at_step '50'"),
        ({"status": "diverged"}, "diverged with diverged_at_step ''"),
        ({"half_life_final": "34"}, "half_life_final 34, but its slope is -0.02"),
        ({"slope_initial": ""}, "half_life_initial 1.38629436112, but its slope is empty"),
        ({"slope_final": "0.0"}, "half_life_final 34.657359028, but its slope is 0.0"),
    ],
)
def test_a_row_that_contradicts_itself(changes, reason):
    assert any(reason in law for law in contradictions(ROW | changes))


def test_a_run_that_diverged_or_failed_contradicts_nothing():
    empty = dict.fromkeys(("score", "validation_loss", "test_loss", "test_metric", "solved_at_step"), "")
    assert contradictions(ROW | empty | {"status": "diverged", "diverged_at_step": "50"}) == []
    assert contradictions(ROW | empty | {"status": "failed", "baseline": "", "steps": "0"}) == []


def test_what_differs_is_told_in_full_up_to_three():
    now = ROW | {"score": "0.97", "steps": "200", "flops": "9", "seed": "1", "seconds": "1"}
    columns = agreement.differences(ROW, now)
    assert columns == ["seed", "flops", "score", "steps"]
    assert agreement.told(ROW, now, columns) == "seed 0 -> 1, flops 8576 -> 9, score 0.98 -> 0.97 and 1 more"
    exact = agreement.told(ROW, now | {"score": ""}, ["score"])
    assert exact == "score 0.98 -> -"


def test_the_last_bits_of_a_fit_are_no_difference():
    before = {"slope_initial": "-0.46007332020892533", "score": "0.5"}
    now = {"slope_initial": "-0.4600733202089253", "score": "0.5"}
    assert agreement.differences(before, now) == []
    assert agreement.differences(before, now | {"slope_initial": "-0.4600733203"}) == ["slope_initial"]
    assert agreement.differences(before, now | {"slope_initial": ""}) == ["slope_initial"]
    assert agreement.differences(before, now | {"score": "0.5000000000000001"}) == ["score"]
