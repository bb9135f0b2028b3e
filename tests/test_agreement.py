"""Which differences another kind of machine explains."""

import math

import pytest

from rnnbench.errors import UserError
from rnnbench.outcomes import agreement
from rnnbench.outcomes.agreement import beyond, differences, rules
from rnnbench.outcomes.columns import COLUMNS

SLOPE = -0.02
ROW = dict.fromkeys(COLUMNS) | {
    "seed": 0, "run_id": "adding-gru-seed0-0123456789", "phase": "report", "task": "adding", "length": 60,
    "cell": "gru", "status": "done", "score": 0.98,
    "validation_loss": 0.003, "test_loss": 0.02 / 6, "baseline": 1 / 6, "metric": "mse", "test_metric": 0.02 / 6,
    "validation_baseline": 1 / 6, "best_validation_loss": 0.003, "best_step": 300, "solved_at_step": 300, "steps": 300,
    "stopped_by": "solved",
    "headline_initial": "layer 1, forward", "headline_final": "layer 1, forward", "decay_initial": "decays",
    "decay_final": "decays", "test_sequences": 10000, "validation_sequences": 2000,
    "far_share_final": 0.3, "dead_share_final": 0.0,
    "slope_initial": -0.5, "half_life_initial": math.log(2) / 0.5, "horizon_initial": 8,
    "vanishing_ratio_initial": 1e-12, "slope_final": SLOPE, "half_life_final": math.log(2) / -SLOPE,
    "horizon_final": 59, "vanishing_ratio_final": 0.14, "omega_initial": 2.0, "omega_final": 2.0, "clip_rate": 0.5,
    "clip_scale": 0.5, "grad_norm_before": 0.2, "hidden_size": 64, "parameters": 13121, "state_size": 64, "flops": 8576,
    "off_budget": 0.01, "data_sha256": "ab", "sample": "a text", "seconds": 9.0, "commit": "c", "environment": 0,
}  # fmt: skip
ALLOWED = rules({"score": 0.1})


def other(column):
    """A value of the column's type that the row does not have."""
    return COLUMNS[column].kind("7")


def test_every_column_has_a_rule():
    circumstances = {name for name, each in COLUMNS.items() if each.circumstance}
    ruled = ["run_id", "phase", "status", *agreement.EXACT, *agreement.RULES, *agreement.ANYTHING, *circumstances]
    assert sorted(ruled) == sorted(COLUMNS)


def test_a_row_and_its_equal():
    assert differences(ROW, dict(ROW)) == []
    assert beyond(ROW, dict(ROW), ALLOWED) == []


@pytest.mark.parametrize("column", ["status", *agreement.EXACT])
def test_what_no_machine_may_change(column):
    assert beyond(ROW, ROW | {column: other(column)}, rules({"score": 1e9})) == [column]


@pytest.mark.parametrize("column", agreement.ANYTHING)
def test_what_another_machine_may_change_at_will(column):
    now = ROW | {column: other(column)}
    assert differences(ROW, now) == [column]
    assert beyond(ROW, now, rules({"score": 0})) == []


@pytest.mark.parametrize("column", [name for name, each in COLUMNS.items() if each.circumstance])
def test_how_a_run_came_about_is_no_difference(column):
    assert differences(ROW, ROW | {column: other(column)}) == []


@pytest.mark.parametrize(
    ("column", "near", "far"),
    [
        ("score", 0.89, 0.87),
        ("validation_loss", 0.019, 0.021),  # a tenth of the baseline, as the score
        ("best_validation_loss", 0.019, 0.021),
        ("test_loss", 0.019, 0.021),
        ("test_metric", 0.019, 0.021),
        ("baseline", 1 / 6 * (1 + 1e-12), 1 / 6 * (1 + 1e-7)),
        ("validation_baseline", 1 / 6 * (1 + 1e-12), 1 / 6 * (1 + 1e-7)),
        ("solved_at_step", 500, 700),
        ("solved_at_step", 200, 100),
        ("steps", 500, 700),
        ("slope_initial", -0.5000001, -0.51),
        ("half_life_initial", math.log(2) / 0.5000001, 1.4),
        ("horizon_initial", 11, 12),
        ("vanishing_ratio_initial", 1.0001e-12, 1.1e-12),
        ("slope_final", -0.05, -0.1),  # half-lives of 35, 14 and 7 steps
        ("half_life_final", 10.0, 8.0),
        ("horizon_final", 20, 10),
        ("vanishing_ratio_final", 0.03, 1e-9),
        ("omega_initial", 2.001, 2.01),
        ("omega_final", 7.0, 9.0),
        ("far_share_final", 0.06, 0.04),
        ("clip_rate", 0.26, 0.24),
        ("clip_scale", 0.9, 1.1),
        ("grad_norm_before", 0.7, 0.9),
    ],
)
def test_how_far_a_column_may_be_off(column, near, far):
    assert beyond(ROW, ROW | {column: near}, ALLOWED) == []
    assert beyond(ROW | {column: near}, ROW, ALLOWED) == []
    assert beyond(ROW, ROW | {column: far}, ALLOWED) == [column]
    assert beyond(ROW | {column: far}, ROW, ALLOWED) == [column]


def test_one_solved_the_task_and_the_other_did_not():
    assert beyond(ROW, ROW | {"solved_at_step": None}, rules({"score": 1, "solved_at_step": 1e9})) == ["solved_at_step"]


def test_the_configuration_alone_ends_a_run_that_solved_nothing():
    unsolved = ROW | {"solved_at_step": None, "steps": 1200}
    assert beyond(unsolved, unsolved | {"steps": 1100}, ALLOWED) == ["steps"]


def test_a_gradient_that_vanishes_at_once_may_do_so_in_any_way():
    """As seen of a vanilla RNN with other vector instructions: within three steps nothing is left, in both."""
    names = ("slope_final", "half_life_final", "vanishing_ratio_final", "horizon_final")
    before, now = (
        ROW | dict(zip(names, values, strict=True))
        for values in ((-0.34, 2.05, 1e-9, 1), (-1.67, 0.42, 2.6e-43, 2))
    )  # fmt: skip
    assert beyond(before, now, ALLOWED) == []
    gone = ROW | dict(zip(names, (None, None, 0.0, None), strict=True))
    assert beyond(before, gone, ALLOWED) == []
    assert set(beyond(before, ROW, ALLOWED)) >= {"slope_final", "half_life_final", "horizon_final"}


def test_what_a_network_has_come_to_that_learned_nothing_is_chance():
    """As seen of vanilla RNNs with other vector instructions; before training all is the same everywhere."""
    copied = ROW | {"metric": "accuracy", "score": -0.0087, "test_metric": 0.124, "val_accuracy": 0.123}
    worse = {"score": -1.67, "test_metric": 0.0, "val_accuracy": 0.0}
    assert beyond(copied, copied | worse, ALLOWED) == []
    assert set(beyond(copied | {"score": 0.2}, copied | worse, ALLOWED)) == worse.keys()
    names = ("score", "slope_final", "half_life_final", "horizon_final", "omega_final")
    before, now = (
        ROW | dict(zip(names, values, strict=True))
        for values in ((-0.057, -0.097, None, 27, 2.0), (-0.265, -0.859, 0.8069, 6, 40.0))
    )  # fmt: skip
    assert beyond(before, now, rules({"score": 0.3})) == []
    assert beyond(before, now | {"horizon_initial": 50}, ALLOWED) == ["horizon_initial"]
    learned = {"score": 0.11}
    assert set(beyond(before | learned, now, rules({"score": 0.3}))) == set(names[1:])
    assert set(beyond(before, now | learned, rules({"score": 0.3}))) == set(names[1:])


@pytest.mark.parametrize("column", ["clip_rate", "saliency_share_final", "share_open_final"])
def test_small_shares_and_rates_are_off_by_a_part_of_all(column):
    """As seen: clipped in 1 of 3000 steps and in none, a share of 3e-10 and of 3e-5."""
    row = ROW | {column: 0.0003}
    assert beyond(row, row | {column: 0.0}, ALLOWED) == []
    assert beyond(row, row | {column: 0.049}, ALLOWED) == []
    assert beyond(row, row | {column: 0.051}, ALLOWED) == [column]


def test_an_exponent_near_zero_has_no_sure_sign():
    """A factor of e^3 over 60 steps is .05 a step."""
    key = "lyapunov_max_final"
    for was, near, far in ((-0.006, 0.008, 0.05), (-0.2, -0.06, -0.04)):
        row = ROW | {key: was}
        assert beyond(row, row | {key: near}, ALLOWED) == []
        assert beyond(row, row | {key: far}, ALLOWED) == [key]


def test_what_hardly_decays_does_not_decay():
    flat, none, growing = (
        ROW | {"slope_final": slope, "half_life_final": half_life, "vanishing_ratio_final": ratio}
        for slope, half_life, ratio in ((-0.001, 693.0, 0.94), (-0.0001, None, 0.994), (0.05, None, 20.0))
    )
    assert beyond(flat, none, ALLOWED) == beyond(none, growing, ALLOWED) == []
    short = ROW | {"slope_final": -0.1, "half_life_final": 6.9, "vanishing_ratio_final": 0.002}
    assert beyond(short, growing, ALLOWED) == ["slope_final", "half_life_final", "vanishing_ratio_final"]


def test_what_only_one_measured_is_no_difference():
    """A probe that was off, or an older program. Once both measured, no half-life says that nothing decays."""
    unmeasured = ROW | {name: None for name, each in COLUMNS.items() if each.optional}
    assert differences(ROW, unmeasured) == differences(unmeasured, ROW) == []
    flat = ROW | {"half_life_final": None}
    assert differences(ROW, flat) == ["half_life_final"]
    assert differences(ROW, flat | {"headline_final": None}) == []
    assert differences(ROW | {"lyapunov_max_final": 0.1}, flat) == ["half_life_final"]


@pytest.mark.parametrize("key", agreement.PROBED)
def test_two_probes_that_see_other_sequences_say_nothing_of_each_other(key):
    now = ROW | {"omega_final": 3.0, "horizon_initial": 50, "clip_rate": 0.1, key: 5}
    assert differences(ROW | {key: 4}, now) == ["clip_rate"]
    assert differences(ROW | {key: 5}, now) == ["horizon_initial", "omega_final", "clip_rate"]
    assert differences(ROW | {key: 5, "probe.every": 1}, now | {"probe.every": 2}) == [
        "horizon_initial", "omega_final", "clip_rate",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("column", "most"),
    [
        ("val_score", 0.1),
        ("test_80_score", 0.1),
        ("best_val_score", 0.1),
        ("val_accuracy", 0.1 / 6),
        ("test_80_loss", 0.1 / 6),
    ],
)
def test_a_further_metric_is_off_by_as_much_as_the_score(column, most):
    row = ROW | {column: 0.5}
    assert beyond(row, row | {column: 0.5 + 0.9 * most}, ALLOWED) == []
    assert beyond(row, row | {column: 0.5 + 1.1 * most}, ALLOWED) == [column]
    assert differences(row, row | {column: None}) == []


def test_other_lengths_are_off_by_as_much_as_the_area_over_them():
    row = ROW | {"test_80_accuracy": 0.2, "test_80_loss": 0.2, "test_accuracy": 0.2, "length_area": 0.2}
    now = {name: 0.9 for name in row if name.startswith("test_80") or name == "length_area"}
    assert beyond(row, row | now, rules({"score": 0.1, "length_area": 5})) == []
    assert set(beyond(row, row | now, ALLOWED)) == now.keys()
    assert beyond(row, row | {"test_accuracy": 0.9}, rules({"score": 0.1, "length_area": 5})) == ["test_accuracy"]


def test_an_experiment_sets_its_own():
    own = rules({"score": 0.1, "horizon_final": 0.9, "test_loss": 0})
    assert beyond(ROW, ROW | {"horizon_final": 6}, own) == []
    assert beyond(ROW, ROW | {"test_loss": 0.0034}, own) == ["test_loss"]
    text = agreement.summary(own)
    assert text.startswith(
        "score, length_area 0.1; validation_loss, best_validation_loss 0.1 of the baseline; test_loss 0 of the "
    )
    assert "horizon_final 0.9 of the larger, or 3 steps" in text
    for name in agreement.RULES:
        assert name in text
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
    row = ROW | {"metric": metric, "test_metric": 0.01}
    for share, expected in ((0.09, []), (0.11, ["test_metric"])):
        assert beyond(row, row | {"test_metric": 0.01 + share * scale}, ALLOWED) == expected


def test_how_much_worse_than_without_memory_is_chance():
    """As seen of a vanilla RNN on adding on two processors, each time without a memory."""
    names = ("score", "test_loss", "test_metric", "validation_loss", "val_mse")
    before, now = (
        ROW | dict(zip(names, values, strict=True))
        for values in ((-0.345, 0.2265, 0.2265, 0.2159, 0.2159), (-1.0, 0.3373, 0.3373, 0.3396, 0.3396))
    )  # fmt: skip
    assert beyond(before, now, ALLOWED) == beyond(now, before, ALLOWED) == []
    for name in names:
        assert name in beyond(ROW | {"val_mse": 0.003}, now, ALLOWED)  # the other learned the task
    worse = {"metric": "accuracy", "test_metric": 0.1}  # an accuracy without memory is not known
    assert beyond(ROW | worse, ROW | worse | {"test_metric": 0.3}, ALLOWED) == ["test_metric"]
    for column, low, high in (("test_80_loss", 0.5, 0.7), ("val_accuracy", 0.5, 0.7)):
        assert beyond(ROW | {column: low}, ROW | {column: high}, ALLOWED) == [column]


def test_what_differs_is_told_in_full_up_to_three():
    now = ROW | {"score": 0.97, "steps": 200, "flops": 9, "seed": 1, "seconds": 1.0}
    columns = differences(ROW, now)
    assert columns == ["seed", "flops", "score", "steps"]
    assert (
        agreement.differences_in_words(ROW, now, columns)
        == "seed 0 -> 1, flops 8576 -> 9, score 0.98 -> 0.97 and 1 more"
    )
    assert agreement.differences_in_words(ROW, now | {"score": None}, ["score"]) == "score 0.98 -> -"
    precise = agreement.differences_in_words(ROW | {"score": 0.123456}, now, ["score", "flops"], ALLOWED)
    assert precise == "score 0.1235 -> 0.97 (at most 0.1), flops 8576 -> 9"
    assert (
        agreement.differences_in_words(ROW, now | {"score": None}, ["score"], ALLOWED)
        == "score 0.98 -> - (at most 0.1)"
    )


def test_the_last_bits_of_a_fit_are_no_difference():
    before = ROW | {"slope_initial": -0.46007332020892533, "score": 0.5}
    now = ROW | {"slope_initial": -0.4600733202089253, "score": 0.5}
    assert differences(before, now) == []
    assert differences(before, now | {"slope_initial": -0.4600733203}) == ["slope_initial"]
    assert differences(before, now | {"slope_initial": None}) == ["slope_initial"]
    assert differences(before, now | {"score": 0.5000000000000001}) == ["score"]


@pytest.mark.parametrize("key", ["far_share_final", "omega_initial", "vanishing_ratio_final"])
def test_the_last_bits_of_what_is_measured_are_no_difference(key):
    """Those of what the network learned are one."""
    assert differences(ROW, ROW | {key: math.nextafter(ROW[key], 1)}) == []
    assert differences(ROW, ROW | {key: ROW[key] * (1 + 1e-11)}) == [key]
    for learned in ("score", "test_loss"):
        assert differences(ROW, ROW | {learned: math.nextafter(ROW[learned], 1)}) == [learned]
