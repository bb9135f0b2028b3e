"""A published result against its commands: each row belongs to a run and agrees with it, none is missing."""

import json

import pytest
from planting import CONF, TRIAL, alter, plant

from rnnbench.errors import UserError
from rnnbench.sweep import committed

pytestmark = pytest.mark.whole


def test_every_row_is_a_run_of_the_experiment(result, repeated):
    found = committed.read(result, CONF)
    assert found.rows.keys() == repeated.keys()
    assert len(found.rows) == 2 * 2 + 2 * 2
    assert [row["phase"] for row in found.rows.values()].count("tuning") == 4
    assert committed.unmatched_rows(found) == {}
    assert committed.contradictions(found) == {}


def test_an_invented_row_and_a_lost_one_are_named(result):
    invented = plant(result, TRIAL, run_id="digits-elman-seed0-0123456789")
    unmatched_rows = committed.unmatched_rows(committed.read(result, CONF))
    assert unmatched_rows.pop(invented) == "no run of this experiment"
    assert list(unmatched_rows.values()) == ["has no row"]


def test_a_run_of_an_earlier_choice_is_no_stray(result):
    """Runs are merged into what is published, whose choice may change."""
    found = committed.read(result, CONF)
    earlier = next(run_id for run_id in found.plan.candidates if run_id not in found.rows)
    (lost,) = (run_id for run_id, row in found.rows.items() if row["phase"] == "tuning" and row["cell"] == "elman"
               and row["optimizer.lr"] == 0.001)  # fmt: skip
    plant(result, TRIAL, run_id=earlier)
    assert committed.unmatched_rows(committed.read(result, CONF)) == {lost: "has no row"}


def test_a_row_with_a_seed_that_nobody_asked_for_is_a_stray(result):
    planted = plant(result, TRIAL, run_id="digits-elman-seed55-0123456789", seed="55")
    assert committed.unmatched_rows(committed.read(result, CONF))[planted] == "no run of this experiment"


def test_a_result_of_several_commands(result):
    """As of two machines that shared the work: together they stand for all rows, one of them alone does not."""
    shared = json.loads((result / "provenance.json").read_text())["commands"][0]
    commands = [shared.replace("elman,gru", cell) for cell in ("elman", "gru")]
    assert commands[0] != shared
    alter(result, lambda content: content.update(commands=commands))
    found = committed.read(result, CONF)
    assert committed.unmatched_rows(found) == {}
    assert committed.contradictions(found) == {}
    assert len(committed.sample(found, 1.0)) == 8
    alter(result, lambda content: content.update(commands=commands[:1]))
    unmatched_rows = committed.unmatched_rows(committed.read(result, CONF))
    assert list(unmatched_rows.values()) == ["no run of this experiment"] * 4
    assert all("-gru-" in run_id for run_id in unmatched_rows)


def test_another_choice_would_have_been_made(result):
    """A tuning row that is made better than the chosen one: its reported runs have no rows."""
    found = committed.read(result, CONF)
    tuning = [
        (i, row) for i, row in enumerate(found.rows.values()) if row["phase"] == "tuning" and row["cell"] == "gru"
    ]
    worst, _ = max(tuning, key=lambda pair: pair[1]["validation_loss"])
    plant(result, worst, validation_loss="0.0")
    unmatched_rows = committed.unmatched_rows(committed.read(result, CONF))
    assert list(unmatched_rows.values()) == ["has no row"] * 2
    assert all("-gru-" in run_id for run_id in unmatched_rows)


def test_the_fraction_is_chosen_by_hash_and_grows(result):
    found = committed.read(result, CONF)
    quarter, half, all_of_them = (list(committed.sample(found, share)) for share in (0.2, 0.5, 1.0))
    assert (len(quarter), len(half), len(all_of_them)) == (2, 4, 8)
    assert half[:2] == quarter
    digests = [run_id.rpartition("-")[2] for run_id in all_of_them]
    assert digests == sorted(digests)


@pytest.mark.parametrize("command", ["", "rnnbench train 'cell=", "rnnbench train --flag cell=gru"])
def test_a_command_that_cannot_be_read_is_named(result, command):
    alter(result, lambda content: content.update(commands=[command]))
    with pytest.raises(UserError, match="provenance.json: the command .*: cannot be read: "):
        committed.read(result, CONF)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"test_loss": "0.5"}, "but by its status, test_loss and baseline it is "),
        ({"cell": "lstm"}, "cell 'lstm' of a run with 'elman'"),
        ({"length": "16"}, "length 16 of a run with 8"),
        ({"seed": "7"}, "seed 7 of a run with 10"),
        ({"optimizer.lr": "0.5"}, "optimizer.lr 0.5 of a run with 0.001"),
        ({"optimizer.lr": '"0.001"'}, "optimizer.lr '0.001' of a run with 0.001"),
        ({"optimizer.lr": ""}, "optimizer.lr None of a run with 0.001"),
        ({"metric": "mse"}, "metric 'mse' of a run with 'accuracy'"),
    ],
)
def test_a_row_that_contradicts_itself_or_its_configuration(result, changes, reason):
    planted = plant(result, TRIAL, **changes)
    found = committed.contradictions(committed.read(result, CONF))
    assert list(found) == [planted]
    assert reason in found[planted]


def test_a_configuration_that_is_not_that_of_the_runs(result):
    """What all runs share is stated once, in config.yaml: every row is then wrong."""
    path = result / "config.yaml"
    path.write_text(path.read_text().replace("hidden_size: 8", "hidden_size: 16"))
    found = committed.contradictions(committed.read(result, CONF))
    assert len(found) == 8
    assert set(found.values()) == {"network.hidden_size 16 of a run with 8"}


def test_a_run_with_two_rows(result):
    first = next(iter(committed.read(result, CONF).rows))
    plant(result, 1, run_id=first)
    with pytest.raises(UserError, match=f"'{first}' has 2 rows"):
        committed.read(result, CONF)
