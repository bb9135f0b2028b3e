"""What settings reach over all tasks, and the differences between them."""

import numpy as np
from rnnbench.report.summary import settings

from rnnbench.report import comparisons as module
from rnnbench.report.comparisons import comparisons, pooled
from rnnbench.statistics import bootstrap_interval, effect_size, holm, permutation_p
from test_report import make


def runs(scores, **changes):
    """One run a score."""
    return [make(seed, score=score, **changes) for seed, score in enumerate(scores)]


def rows(table):
    return [dict(zip(table.header, row, strict=True)) for row in table.rows]


LOW, HIGH, BETWEEN = (0.1, 0.2, 0.3), (0.7, 0.8, 0.95), (0.25, 0.5, 0.6)


class TestComparisons:
    def test_two_cells(self):
        (table,) = comparisons(settings([*runs(LOW, cell="elman"), *runs(HIGH, cell="lstm")]))
        assert table.title == "Comparisons by cell"
        (row,) = rows(table)
        assert row == {
            "compared on": "adding",
            "A": "lstm (n = 3)",
            "B": "elman (n = 3)",
            "difference of mean score (A - B)": "0.617",
            "P(A > B)": "1.000 [1.000, 1.000]",
            "Hedges' g": f"{effect_size(HIGH, LOW):.2f}",
            "p (permutation)": "0.1",
            "p (Holm)": "0.1",
        }
        assert "the smallest possible is 0.1 for 3 against 3." in table.note

    def test_holm_corrects_over_all_rows(self):
        scores = {"elman": LOW, "lstm": HIGH, "gru": BETWEEN}
        (table,) = comparisons(settings([run for cell, values in scores.items() for run in runs(values, cell=cell)]))
        pairs = [("lstm", "elman"), ("gru", "elman"), ("lstm", "gru")]
        assert [(row["A"][:-8], row["B"][:-8]) for row in rows(table)] == pairs
        p_values = [permutation_p(scores[a], scores[b]) for a, b in pairs]
        assert [row["p (permutation)"] for row in rows(table)] == [f"{p:.2g}" for p in p_values]
        assert [row["p (Holm)"] for row in rows(table)] == [f"{p:.2g}" for p in holm(p_values)]
        assert "corrected over the 3 pairs of this table, which cannot give less than 0.3." in table.note

    def test_only_one_factor_differs(self):
        """A table for each; rows that have the same in common stand together."""
        records = [
            run
            for task in ("adding", "copy")
            for cell in ("lstm", "gru", "elman")
            for length in (50, 100)
            for run in runs(LOW, cell=cell, task=task, **{"task.length": length})
        ]
        cells = [("lstm", "gru"), ("lstm", "elman"), ("gru", "elman")]
        lengths, of_cells = comparisons(settings(records))
        assert (lengths.title, of_cells.title) == ("Comparisons by task.length", "Comparisons by cell")
        assert [tuple(row[:3]) for row in lengths.rows] == [
            (f"{task}, {cell}", "length 50 (n = 3)", "length 100 (n = 3)")
            for task in ("adding", "copy")
            for cell in ("lstm", "gru", "elman")
        ]
        assert [tuple(row[:3]) for row in of_cells.rows] == [
            (f"{task}, length {length}", f"{a} (n = 3)", f"{b} (n = 3)")
            for task in ("adding", "copy")
            for length in (50, 100)
            for a, b in cells
        ]

    def test_an_option_that_only_one_side_has_is_no_factor_of_its_own(self):
        clips = [{"kind": "none"}] + [{"kind": k, "threshold": v} for k, v in (("norm", 1), ("norm", 5), ("value", 5))]
        (table,) = comparisons(settings([run for clip in clips for run in runs(LOW, clip=clip)]))
        assert table.title == "Comparisons by clip"
        assert [tuple(row.values())[:3] for row in rows(table)] == [
            ("adding", "none (n = 3)", "norm, threshold 1 (n = 3)"),
            ("adding", "none (n = 3)", "norm, threshold 5 (n = 3)"),
            ("adding", "none (n = 3)", "value, threshold 5 (n = 3)"),
            ("adding, norm", "threshold 1 (n = 3)", "threshold 5 (n = 3)"),
            ("adding, threshold 5", "norm (n = 3)", "value (n = 3)"),
        ]

    def test_a_factor_may_be_none(self):
        records = [run for budget in (None, 30000) for run in runs(LOW, network={"budget": budget})]
        (row,) = rows(*comparisons(settings(records)))
        assert (row["A"], row["B"]) == ("budget None (n = 3)", "budget 30000 (n = 3)")

    def test_equal_runs(self):
        (row,) = rows(*comparisons(settings([*runs([0.5] * 2, cell="elman"), *runs([0.5] * 2, cell="lstm")])))
        assert list(row.values())[3:] == ["0.000", "0.500 [0.500, 0.500]", "–", "1", "1"]

    def test_runs_without_a_score_do_not_count(self):
        diverged = make(5, "diverged", None, cell="gru")
        (table,) = comparisons(settings([*runs(LOW[:1], cell="gru"), diverged, *runs(HIGH), *runs(LOW, cell="elman")]))
        assert [(row["A"], row["B"]) for row in rows(table)] == [("lstm (n = 3)", "elman (n = 3)")]

    def test_nothing_to_compare(self):
        assert comparisons(settings(runs(LOW))) == []
        assert comparisons(settings([*runs(LOW[:1], cell="gru"), *runs(HIGH)])) == []
        assert comparisons(settings([*runs(LOW, task="copy"), *runs(HIGH)])) == []

    def test_many_pairs(self, monkeypatch):
        """The largest differences are shown; all were tested, so all are corrected for."""
        monkeypatch.setattr(module, "MOST", 2)
        (table,) = comparisons(
            settings([run for lr, scores in enumerate((LOW, BETWEEN, HIGH)) for run in runs(scores, lr=lr)])
        )
        assert [row["A"] for row in rows(table)] == ["lr 2 (n = 3)"] * 2
        assert [row["p (Holm)"] for row in rows(table)] == ["0.3", "0.3"]
        assert "Of 3 pairs the 2 with the largest difference are shown." in table.note
        monkeypatch.setattr(module, "MOST", 3)
        (table,) = comparisons(
            settings([run for lr, scores in enumerate((LOW, BETWEEN, HIGH)) for run in runs(scores, lr=lr)])
        )
        assert len(table.rows) == 3
        assert "largest difference" not in table.note


class TestPooled:
    def test_over_two_tasks(self):
        scores = {("adding", "elman"): LOW, ("copy", "elman"): BETWEEN, ("adding", "lstm"): HIGH, ("copy", "lstm"): LOW}
        records = [run for (task, cell), values in scores.items() for run in runs(values, task=task, cell=cell)]
        for record in records[:2]:
            record.solved_at_step = 5
        first, second = rows(pooled(settings(records)))
        assert [first["setting"], second["setting"]] == ["lstm", "elman"]
        expected = bootstrap_interval([HIGH, LOW], "iqm")
        assert first["IQM"] == f"{expected.value:.3f} [{expected.low:.3f}, {expected.high:.3f}]"
        assert (first["runs"], first["solved"]) == ("6", "0/6 [0.00, 0.39]")
        assert second["solved"].startswith("2/6 [")
        assert second["mean"].startswith(f"{np.mean([*LOW, *BETWEEN]):.3f} [")
        assert second["median"].startswith("0.275 [")

    def test_a_setting_without_all_tasks_is_named(self):
        records = [
            *runs(LOW),
            *runs(HIGH, task="copy"),
            *runs(HIGH, cell="gru"),
            make(9, "diverged", None, "gru", "copy"),
        ]
        table = pooled(settings(records))
        assert [row["setting"] for row in rows(table)] == ["lstm"]
        assert table.note.endswith("Left out, without a completed run on every task: gru.")
        assert pooled(settings(records[3:])) is None

    def test_one_run_a_task_has_no_interval(self):
        (row,) = rows(pooled(settings([make(score=0.25), make(score=0.75, task="copy")])))
        assert [row["setting"], row["IQM"], row["mean"], row["median"]] == ["lstm", "0.500", "0.500", "0.500"]

    def test_one_task(self):
        assert pooled(settings(runs(LOW))) is None
