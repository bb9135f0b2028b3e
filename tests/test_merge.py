"""Results of several machines as one: nothing depends on their order, nothing that contradicts is kept."""

import json
from dataclasses import asdict, fields, replace
from itertools import permutations

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from planted import MACHINE, OTHER, PROBED, TUNED, board, record, source
from rnnbench.errors import UserError
from rnnbench.outcomes import result as results
from rnnbench.outcomes.columns import COLUMNS, row
from rnnbench.outcomes.merge import Source, merge
from rnnbench.outcomes.result import SCHEMAS, Result


def run(seed, score=0.5, cell="gru", **changes):
    return record(cell, seed, 0.1, score, **changes)


def assert_equal(a, b):
    """Two results are the same in every row, table and fact."""
    pd.testing.assert_frame_equal(a.rows, b.rows)
    for table in SCHEMAS:
        pd.testing.assert_frame_equal(a.tables[table], b.tables[table])
    facts = [field.name for field in fields(Result) if field.name not in ("rows", "tables")]
    assert {name: getattr(a, name) for name in facts} == {name: getattr(b, name) for name in facts}


def written(folder, result):
    """The bytes of every file of a result."""
    folder.mkdir(parents=True)
    results.write(folder, result)
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def by_id(result):
    return {each["run_id"]: each for each in result.runs}


@pytest.fixture
def three():
    """Five runs on three machines, some on two: failed on one, the same again, or with other numbers."""
    first = [run(0), run(1, data={"sha256": "ab"}), run(2, status="failed", error="RuntimeError: no")]
    second = [run(1, 0.6, machine=OTHER, command="rnnbench train -m", data={"sha256": "ab", "bytes": 5}),
              run(2, 0.7, machine=OTHER), run(0, 0.2, "lstm", machine=OTHER, gradients={"final": PROBED})]  # fmt: skip
    third = [replace(first[0], started="2025-01-01T00:00:00+00:00"), replace(first[2], error="RuntimeError: other"),
             run(1, cell="lstm", status="diverged", diverged_at_step=7)]  # fmt: skip
    names = [each.run_id for each in (*first, *second, *third)]
    return [
        source("a", first, {names[0]: 1.0, names[1]: 1.0}, missing={names[5]: "waiting", "x": "running"}),
        source("b", second, {names[3]: 2.0, names[4]: 2.0, names[5]: 2.0}, damaged={names[4]: "its curves"}),
        source("c", third, {names[6]: 3.0}, missing={"x": "waiting"}, damaged={names[3]: "its record", "y": "all"}),
    ]


def test_two_machines_in_either_order(three, tmp_path):
    a, b, _ = three
    first, second = merge([a, b], "e"), merge([b, a], "e")
    assert_equal(first, second)
    assert written(tmp_path / "first", first) == written(tmp_path / "second", second)


def test_three_machines_in_every_order(three, tmp_path):
    first, *others = [merge(order, "e") for order in permutations(three)]
    files = written(tmp_path / "first", first)
    assert {"config.yaml", "runs.csv", "provenance.json", "curves.parquet"} <= files.keys()
    for n, other in enumerate(others):
        assert_equal(first, other)
        assert written(tmp_path / str(n), other) == files


def test_one_after_the_other_is_all_at_once(three):
    """As they are published: each is merged with what is there."""
    together = merge(three, "e")
    for one, two, last in permutations(three):
        assert_equal(merge([Source("published", merge([one, two], "e")), last], "e"), together)


def test_what_is_published_again_is_the_same(three, tmp_path):
    merged = merge(three, "e")
    files = written(tmp_path / "first", merged)
    back, copy = (Source("published", results.read(tmp_path / "first")) for _ in range(2))
    assert written(tmp_path / "again", merge([back], "e")) == files
    assert written(tmp_path / "twice", merge([back, copy], "e")) == files
    assert written(tmp_path / "more", merge([three[0], back, three[1]], "e")) == files


def test_each_run_counts_once_and_keeps_what_its_source_knows(three):
    merged = merge(three, "e")
    assert list(by_id(merged)) == sorted({each["run_id"] for source in three for each in source.result.runs})
    assert merged.commands == ["rnnbench train -m", "rnnbench train experiment=e"]
    assert merged.data == [{"bytes": 5, "sha256": "ab"}, {"sha256": "ab"}]
    for each in merged.runs:
        of = [source for source in three if each["run_id"] in by_id(source.result)]
        assert merged.environments[each["environment"]] in [
            known.result.environments[by_id(known.result)[each["run_id"]]["environment"]] for known in of
        ]


@st.composite
def shares(draw):
    """What three machines made of four runs: any of them, in any state, with or without gradients and curves."""
    found = []
    for name, machine in (("a", MACHINE), ("b", OTHER), ("c", draw(st.sampled_from([MACHINE, OTHER, {}])))):
        runs, drawn = [], {}
        for seed in draw(st.lists(st.integers(0, 3), unique=True, min_size=1)):
            status = draw(st.sampled_from(["done", "failed"]))
            score = 0.7 if machine == OTHER else 0.5
            each = run(seed, score, status=status, machine=machine if status == "done" else {})
            each.started = f"2026-01-0{draw(st.integers(1, 2))}T00:00:00+00:00"
            each.error = draw(st.sampled_from([None, "RuntimeError: no"])) if status == "failed" else None
            each.gradients = draw(st.sampled_from([{}, {"final": PROBED}]))
            runs.append(each)
            if draw(st.booleans()):
                drawn[each.run_id] = 2.0 if machine == OTHER else 1.0
        missing = {
            name: draw(st.sampled_from(["waiting", "running"])) for name in draw(st.sets(st.sampled_from("xyz")))
        }
        found.append(source(name, runs, drawn, missing=missing))
    return found


def merged_or_refused(order):
    try:
        return merge(order, "e")
    except UserError:
        return None


@settings(max_examples=6, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(shares())
def test_no_order_matters(found):
    """Nor does it to what is refused: numbers of a machine that is not known beside those of another one."""
    first, *others = map(merged_or_refused, permutations(found))
    for other in others:
        assert (first is None) == (other is None)
        if first is not None:
            assert_equal(first, other)


def test_a_result_is_kept_before_a_failure(three):
    run_id = run(2).run_id
    assert by_id(merge(three, "e"))[run_id]["status"] == "done"
    assert by_id(merge([three[0], three[2]], "e"))[run_id]["status"] == "failed"
    diverged = run(2, status="diverged", diverged_at_step=7)
    failed = run(2, status="failed", error="no", gradients={"initial": PROBED, "final": PROBED}, sample="says more")
    for order in permutations([source("d", [diverged]), source("e", [failed], {run_id: 1.0})]):
        assert by_id(merge(order, "e"))[run_id]["status"] == "diverged"


@pytest.mark.parametrize("order", [1, -1])
def test_the_row_that_says_more_is_kept(order):
    plain, probed = run(0), run(0, gradients={"final": PROBED}, started="2026-02-01T00:00:00+00:00")
    found = [source("a", [plain], {plain.run_id: 1.0}), source("b", [probed], {plain.run_id: 2.0})]
    (kept,) = merge(found[::order], "e").runs
    assert (kept["horizon_final"], kept["started"]) == (40, probed.started)


@pytest.mark.parametrize("order", [1, -1])
def test_of_rows_that_say_as_much_the_first_is_kept(order):
    early, late = (run(0, started=f"2026-0{month}-01T00:00:00+00:00") for month in (1, 2))
    (kept,) = merge([source("a", [late]), source("b", [early])][::order], "e").runs
    assert kept["started"] == early.started


@pytest.mark.parametrize("order", [1, -1])
def test_profiles_and_curves_come_with_the_row_that_is_kept(order):
    plain, probed, alone = run(0), run(0, gradients={"final": PROBED}), run(1)
    found = [source("a", [plain, alone], {plain.run_id: 1.0, alone.run_id: 1.0}),
             source("b", [probed], {probed.run_id: 2.0})]  # fmt: skip
    merged = merge(found[::order], "e")
    for table, schema in SCHEMAS.items():
        last = schema.names[-1]
        assert merged.tables[table].groupby("run_id")[last].unique().map(list).to_dict() == {
            probed.run_id: [2.0], alone.run_id: [1.0],
        }  # fmt: skip
        assert len(merged.tables[table]) == 2 + 2


@pytest.mark.parametrize("order", [1, -1])
def test_of_two_equal_rows_the_one_with_curves_is_kept(order):
    """As where the curves of a run lie in one copy of its folder alone."""
    found = [source("a", [run(0)]), source("b", [run(0)], {run(0).run_id: 2.0})]
    assert len(merge(found[::order], "e").tables["curves"]) == 2


def test_a_run_that_another_source_has_is_not_missing():
    """Neither waiting nor damaged; what lacks everywhere still does."""
    here = run(0)
    a = source("a", [here], missing={run(1).run_id: "waiting", "x": "running"}, damaged={run(2).run_id: "no JSON"})
    b = source("b", [run(1), run(2)], missing={here.run_id: "interrupted", "x": "waiting"})
    for order in ((a, b), (b, a)):
        merged = merge(order, "e")
        assert merged.missing.keys() == {"x"}
        assert merged.damaged == {}
        assert merged.gap.startswith("1 of 4 planned runs is not here")


def test_a_choice_is_made_from_the_tuning_runs_of_all_machines():
    """The grid is tuned on two machines; no run can be reported from what one of them has."""
    found = board({"gru": 0.9}, chosen=1.0)
    a = source("a", [each for each in found if each.config["optimizer"]["lr"] < 1], declared=TUNED)
    b = source("b", [each for each in found if each.config["optimizer"]["lr"] == 1], declared=TUNED)
    assert {each["phase"] for each in b.result.runs} == {"tuning", "unused"}
    phases = [each["phase"] for each in merge([a, b], "e").runs]
    assert (phases.count("tuning"), phases.count("report"), len(phases)) == (3, 3, 6)


def test_a_choice_may_change_with_what_is_merged():
    """A better point was run elsewhere: the runs of the earlier choice stay, unused."""
    protocol = replace(TUNED, tune={"optimizer.lr": [0.01, 0.1]})
    before = [record("gru", 10, lr, 0.5) for lr in (0.01,)] + [record("gru", 10, 0.1, None, status="failed")]
    now = [record("gru", 10, 0.1, 0.9), record("gru", 0, 0.1, 0.9)]
    old = [record("gru", 0, 0.01, 0.5)]
    merged = merge([source("a", before + old, declared=protocol), source("b", now, declared=protocol)], "e")
    assert {each["run_id"]: each["phase"] for each in merged.runs} == {
        before[0].run_id: "tuning", now[0].run_id: "tuning", now[1].run_id: "report", old[0].run_id: "unused",
    }  # fmt: skip


def test_a_row_keeps_every_column():
    """What one source alone measures is a column of all, empty where it was not measured."""
    probed = run(0, gradients={"final": PROBED}, training={"clip_rate": 0.5}, sample="text")
    probed.final |= {"test_80/loss": 0.25}
    other = run(1, cell="lstm")
    other.config["cell"]["bias"] = True
    merged = by_id(merge([source("a", [probed]), source("b", [other])], "e"))
    assert merged[probed.run_id].keys() == merged[other.run_id].keys() >= {"test_80_loss", "cell.bias", *COLUMNS}
    assert {**row(probed), "phase": "report", "environment": 0}.items() <= merged[probed.run_id].items()
    assert merged[other.run_id]["test_80_loss"] is None
    assert json.dumps(asdict(probed))  # and no number became one of NumPy's
    assert json.loads(json.dumps(merged)) == merged
