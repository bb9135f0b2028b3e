"""Planted gradients through tables, sentences, figures and W&B: each kind keeps its own word."""

import numpy as np
import pandas as pd
import pytest

from planted import frame, make
from rnnbench.gradients.survey import Measured, Survey
from rnnbench.outcomes import consistency, rows, runfiles
from rnnbench.outcomes.columns import COLUMNS, column, row
from rnnbench.outcomes.result import Result, conformed, no_rows
from rnnbench.outcomes.settings import settings
from rnnbench.report import layers, reach, tables
from rnnbench.report.answers import answer
from rnnbench.report.charts import gradients, points
from rnnbench.report.charts.design import design
from rnnbench.report.long_tables import LongTables
from rnnbench.tracking.wandb_run import summary
from rnnbench.training.probe import Probe

FIRST = "layer 1, forward"


def numbers(decay, **known):
    empty = dict.fromkeys(("slope", "fit", "half_life", "horizon", "zero_from", "vanishing_ratio", "far_share"))
    return {"decay": decay, "dead_share": 0.0} | empty | known


HALVES = numbers(
    "decays", slope=-np.log(2) / 4, fit=1.0, half_life=4.0, horizon=26, vanishing_ratio=1e-9, far_share=1e-6
)
KINKED = numbers("decays", slope=-0.2, fit=0.5, horizon=20, vanishing_ratio=1e-3, far_share=0.1)
FLAT = numbers("flat", slope=0.0, fit=1.0, horizon=99, vanishing_ratio=0.98, far_share=0.5)
GROWS = numbers("grows", slope=0.1, fit=1.0, horizon=99, vanishing_ratio=20.0, far_share=0.9)
DEAD = numbers("dead", zero_from=1, vanishing_ratio=0.0) | {"dead_share": 1.0}
TWO_LAYERS = {"headline": FIRST, **FLAT} | {
    f"layer{layer}_forward/{key}": value for layer, own in ((1, FLAT), (2, HALVES)) for key, value in own.items()
}


def planted(*found, cell="lstm", **options):
    """A setting of runs with these gradients after training; before it they all halve in 4 steps."""
    records = []
    for seed, each in enumerate(found):
        record = make(seed, cell=cell, **options)
        if each is not None:
            record.gradients = {"initial": {"headline": FIRST, **HALVES}, "final": {"headline": FIRST, **each}}
        records.append(record)
    return records


def setting(*found, **options):
    (group,) = settings(frame(planted(*found, **options)))
    return group


def test_a_sentence_says_of_which_layer_it_speaks():
    for found, several in ((FLAT, False), (TWO_LAYERS, True)):
        group = setting(found)
        assert ("in the layer and direction that reaches furthest" in answer(group.problem, [group])) == several


@pytest.mark.parametrize(
    ("found", "half_life", "horizon"),
    [
        ([HALVES, HALVES], "4.0", "26"),
        ([FLAT, FLAT], "flat", "99"),
        ([GROWS], "grows", "99"),
        ([DEAD, DEAD, DEAD], "dead", "dead"),
        ([KINKED], "decays", "20"),
        ([DEAD, FLAT, FLAT], "flat (2), dead (1)", "99 (1 without)"),
        ([None, None], "not measured", "not measured"),
        ([None, FLAT], "flat", "99"),
    ],
)
def test_each_kind_of_gradient_has_its_word(found, half_life, horizon):
    group = setting(*found)
    assert reach.half_life(group, "final") == half_life
    assert reach.horizon(group, "final") == horizon
    table = dict(zip(tables.header([group]), tables.rows([group])[0], strict=True))
    assert table["half-life at end"] == half_life
    assert table["horizon at end"] == horizon
    assert "furthest at end" not in table  # there is one layer


def test_a_network_is_told_by_the_layer_that_reaches_furthest_and_every_layer_is_shown():
    group = setting(TWO_LAYERS, TWO_LAYERS)
    table = dict(zip(tables.header([group]), tables.rows([group])[0], strict=True))
    assert (table["horizon at end"], table["half-life at end"]) == ("99", "flat")
    assert table["furthest at end"] == "layer 1, forward"
    every = layers.table([group])
    assert [line[-8:] for line in every.rows[2:]] == [
        ["after training", "layer 1, forward", "flat", "1.00", "99", "0.98", "0.5", "0.00"],
        ["after training", "layer 2, forward", "4.0", "1.00", "26", "1e-09", "1e-06", "0.00"],
    ]


def test_rows_hold_every_layer_and_agree_with_themselves():
    (record,) = planted(TWO_LAYERS)
    found = row(record)
    assert (found["horizon_final"], found["layer1_forward_horizon_final"], found["layer2_forward_horizon_final"]) == (
        99,
        99,
        26,
    )
    assert found["headline_final"] == FIRST
    assert column("layer2_forward_horizon_final").meaning.endswith("; after training, layer 2, forward")
    assert consistency.contradictions(found) == []
    assert consistency.contradictions(found | {"layer2_forward_half_life_final": 9.0})
    assert consistency.contradictions(found | {"layer1_forward_decay_final": "dead"})


def test_a_row_is_read_as_it_was_written(tmp_path):
    records = planted(TWO_LAYERS, DEAD, GROWS, None)
    records[1].run_id, records[2].run_id, records[3].run_id = "b", "c", "d"
    table = frame(records)
    rows.write(tmp_path / "runs.csv", table)
    common, _ = rows.shared(table)
    for was, now in zip(rows.plain(table), rows.plain(rows.read(tmp_path / "runs.csv", common)), strict=True):
        assert {key: value for key, value in was.items() if value is not None} == {
            key: value for key, value in now.items() if value is not None
        }


def probe(profiles):
    """What a probe saw before and after training: state norms [layer, direction, lag]."""
    surveys = []
    for norms in profiles:
        array = np.array(norms, dtype=float)
        arrays = {name: Measured(("layer", "direction", "lag"), array if name != "state_dead" else 1.0 * (array == 0))
                  for name in ("state", "state_median", "state_dead")}  # fmt: skip
        surveys.append(Survey(arrays, {"headline": FIRST}))
    made = Probe(lambda model, batch: None, None, every=10)
    made.steps, made.surveys = [0, 100], surveys
    return made


def test_figures_draw_the_furthest_with_a_band_and_every_layer(tmp_path):
    lags = np.arange(30)
    before, after = [[0.5**lags], [0.5**lags]], [[0.99**lags], [0.0 * lags]]
    records = planted(TWO_LAYERS, TWO_LAYERS)
    long = []
    for record in records:
        (tmp_path / record.run_id).mkdir()
        probe([before, after]).save(tmp_path / record.run_id / "gradients.npz")
        found, damaged = runfiles.read(tmp_path / record.run_id)
        assert not damaged
        long.append(found["profiles"])
    together = {name: no_rows(name) for name in ("curves", "spectra")}
    together["profiles"] = conformed("profiles", pd.concat(long, ignore_index=True)[list(no_rows("profiles"))])
    result = Result("e", frame(records), None, together, commands=[], environments=[], data=[])
    long_tables = LongTables(result)
    assert long_tables.layer_directions(records[0].run_id) == ["layer 1, forward", "layer 2, forward"]
    np.testing.assert_allclose(long_tables.profile(records[0].run_id, "final"), lags * np.log10(0.99), atol=1e-4)
    assert np.isneginf(long_tables.profile(records[0].run_id, "final", "layer 2, forward")).all()
    made = design(settings(frame(records)))
    figure, dots = gradients.gradient_profiles(made, long_tables), points.horizon_and_score(made)
    drawn = {(line[2], line[3]): line[4:] for line in figure.rows}
    assert set(drawn) == {(moment, way) for moment in ("before training", "after training")
                          for way in ("furthest", "layer 1, forward", "layer 2, forward")}  # fmt: skip
    assert drawn["after training", "furthest"][3] == f"{0.99**10:.1e}"
    assert set(drawn["after training", "layer 2, forward"]) == {"–"}  # zero at lag 0 too
    zero = [line for line in figure.data["profiles"] if line["kind"] == "zero"]
    assert {(line["moment"], line["place"]) for line in zero} == {("after training", "layer 2, forward")}
    assert (zero[0]["x"], zero[0]["zeros"]) == (lags.tolist(), [2] * 30)  # masked, and marked, in both runs
    assert all(number is None or number > 0 for line in figure.data["profiles"] for number in line["y"])
    assert dots.rows[0][3] == "99"


def test_the_legend_says_what_the_columns_say():
    note = layers.table([setting(FLAT)]).note
    assert COLUMNS["far_share_final"].meaning.partition(";")[0] in note
    assert "after training" not in note.partition("Half-life")[2]


@pytest.mark.parametrize(
    ("found", "known", "missing"),
    [
        (
            TWO_LAYERS,
            {"headline_final": FIRST, "decay_final": "flat", "layer2_forward_half_life_final": 4.0},
            ["half_life"],
        ),
        (DEAD, {"decay_final": "dead", "dead_share_final": 1.0}, ["horizon", "slope", "half_life", "far_share"]),
        (GROWS, {"decay_final": "grows", "horizon_final": 99}, ["half_life", "zero_from"]),
    ],
)
def test_wandb_has_the_same_words(found, known, missing):
    told = summary(*planted(found))
    assert told.items() >= known.items()
    assert not any(f"{name}_final" in told for name in missing)


def test_a_run_that_exploded_or_failed_has_the_gradient_it_had_and_the_worst_score():
    """Losses beyond all bounds, none at all, and a gradient measured before."""
    exploded, failed = (planted(GROWS, status=status)[0] for status in ("diverged", "failed"))
    exploded.final = {"test/loss": 1e30}
    for record in (exploded, failed):
        found = row(record)
        assert (found["score"], found["decay_final"]) == (-1, "grows")
    (group,) = settings(frame([exploded]))
    table = dict(zip(tables.header([group]), tables.rows([group])[0], strict=True))
    assert (table["score"], table["solved"].split()[0], table["half-life at end"]) == ("-1.000", "0/1", "grows")
