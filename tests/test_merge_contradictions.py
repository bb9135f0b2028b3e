"""Which results cannot be one: rows of a run that cannot both be true, other data, other protocols."""

from dataclasses import replace

import pytest

from planted import MACHINE, OTHER, PROBED, TUNED, board, record, source
from rnnbench.errors import UserError
from rnnbench.outcomes.merge import KIND, merge


def run(seed, score=0.5, cell="gru", **changes):
    return record(cell, seed, 0.1, score, **changes)


def by_id(result):
    return {each["run_id"]: each for each in result.runs}


def refused(*found):
    """The message, the same in both orders but for the order itself."""
    texts = []
    for order in (found, found[::-1]):
        with pytest.raises(UserError) as error:
            merge(order, "e")
        texts.append(str(error.value))
    assert all(text.count("\n") == 0 for text in texts)
    return texts[0]


def test_on_one_kind_of_machine_every_number_must_be_the_same():
    a, b = run(0), run(0, machine=MACHINE | {"cores": 64, "platform": "other"})
    b.final = b.final | {"val/loss": 0.5000000000000001}
    text = refused(source("folder/a", [a]), source("folder/b", [b]))
    assert text == (
        f"folder/a and folder/b: {a.run_id} contradicts: validation_loss 0.5 -> 0.5000000000000001 (the machine "
        "and the versions are the same); leave one out, or replace what is published with --replace"
    )


def test_a_result_and_a_divergence():
    text = refused(source("a", [run(0)]), source("b", [run(0, status="diverged", diverged_at_step=9)]))
    assert text.startswith(f"a and b: {run(0).run_id} contradicts: status done -> diverged, score 0.5 -> -1.0, ")


def test_the_third_source_is_compared_with_both():
    others = [source("a", [run(0)]), source("b", [run(0)])]
    text = refused(*others, source("c", [run(0, solved=900, steps=1000)]))
    assert text.startswith(f"a and c: {run(0).run_id} contradicts: solved_at_step - -> 900 (")


def test_the_one_that_is_not_kept_is_compared_too():
    """The best known row agrees with both of the others, which ran on one kind of machine."""
    best = run(0, 0.7, machine=OTHER, gradients={"final": PROBED})
    assert "contradicts: score 0.5 -> 0.6" in refused(
        source("a", [run(0)]), source("best", [best]), source("b", [run(0, 0.6)])
    )


def test_a_failure_contradicts_nothing():
    failed = run(0, status="failed", parameters=1, baseline=None)
    assert by_id(merge([source("a", [run(0)]), source("b", [failed])], "e"))[failed.run_id]["status"] == "done"


def test_how_a_run_came_about_is_no_contradiction():
    other = run(0, seconds=1.0, commit="b" * 40, resumed=2, peak_memory=5, command="other")
    assert len(merge([source("a", [run(0)]), source("b", [other])], "e").runs) == 1


@pytest.mark.parametrize("key", [*KIND, "torch"])
def test_on_another_kind_of_machine_a_learned_number_may_differ(key):
    elsewhere = {"versions": {"torch": "2"}} if key == "torch" else {"machine": MACHINE | {key: "another"}}
    a = run(0, solved=300, gradients={"final": PROBED}, machine=MACHINE | {"accelerator": "none"})
    b = run(0, -0.9, solved=900, gradients={"final": PROBED | {"horizon": 2, "slope": 0.3}}, **elsewhere)
    b.training = {"clip_rate": 0.9}
    assert len(merge([source("a", [a]), source("b", [b])], "e").runs) == 1


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"baseline": 1.001}, "baseline 1.0 -> 1.001"),
        ({"validation_baseline": 1.001}, "validation_baseline 1.0 -> 1.001"),
        ({"parameters": 20001}, "parameters 20000 -> 20001"),
        ({"state_size": 64}, "state_size 128 -> 64"),
        ({"hidden_size": 5}, "hidden_size 0 -> 5"),
        ({"flops": 1}, "flops 40000 -> 1"),
        ({"metric": "accuracy"}, "metric mse -> accuracy"),
        ({"gradients": {"initial": PROBED | {"horizon": 80}}}, "horizon_initial 40 -> 80"),
    ],
)
def test_on_another_kind_of_machine_what_is_not_learned_may_not(changes, words):
    a, b = run(0, gradients={"initial": PROBED}), run(0, gradients={"initial": PROBED}, machine=OTHER)
    text = refused(source("a", [a]), source("b", [replace(b, **changes)]))
    assert text.startswith(f"a and b: {a.run_id} contradicts: {words}")
    assert " (probably by processor p -> q); leave one out" in text


def test_a_machine_that_is_not_known_is_no_other_one_in_any_order():
    """A record of an older program does not name the instructions of its machine."""
    older = {key: value for key, value in MACHINE.items() if key != "instructions"}
    text = refused(source("a", [run(0)]), source("b", [run(0, 0.6, machine=older)]))
    assert "the machine and the versions are the same" in text
    assert len(merge([source("a", [run(0)]), source("b", [run(0, machine=older)])], "e").runs) == 1


def test_different_data_for_one_task():
    a, b = run(0, data={"sha256": "a" * 64}), run(1, data={"sha256": "b" * 64})
    text = refused(source("a", [a]), source("b", [b]))
    assert text.startswith(f"a and b: {a.run_id} and {b.run_id} read different data, sha256 aaaaaaaaaa and bbbbb")
    other_task = run(1, task="digits", data={"sha256": "b" * 64})
    assert len(merge([source("a", [a]), source("b", [other_task])], "e").runs) == 2
    same = refused(source("a", [a]), source("b", [run(0, data={"sha256": "b" * 64})]))
    assert "data_sha256 aaaa" in same


@pytest.mark.parametrize("other", [None, replace(TUNED, report_seeds=[0, 1])])
def test_different_protocols(other):
    found = board({"gru": 0.9})
    text = refused(source("a", found, declared=TUNED), source("b", found, declared=other))
    assert text == "a and b: were tuned by different protocols, so they are no one result"
