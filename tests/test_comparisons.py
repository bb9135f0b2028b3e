"""What settings reach over all tasks, and the differences between them."""

from math import comb, sqrt

import numpy as np
import pytest

from planted import frame, make, record
from rnnbench.outcomes.settings import settings
from rnnbench.report import comparisons as module
from rnnbench.report.comparisons import comparisons, pooled
from rnnbench.statistics import bootstrap_interval, effect_size, holm, permutation_p


def runs(scores, **changes):
    """One run a score."""
    return [make(seed, score=score, **changes) for seed, score in enumerate(scores)]


def grouped(found):
    """The settings of records, or of a frame of rows."""
    return settings(frame(found) if isinstance(found, list) else found)


def rows(table):
    return [dict(zip(table.header, row, strict=True)) for row in table.rows]


@pytest.fixture
def printed(monkeypatch):
    """Tables of few seeds too, which could not show anything."""
    monkeypatch.setattr(module, "LEVEL", 1.0)


LOW, HIGH, BETWEEN = (0.1, 0.2, 0.3), (0.7, 0.8, 0.95), (0.25, 0.5, 0.6)


@pytest.mark.usefixtures("printed")
class TestComparisons:
    def test_two_cells(self):
        (table,) = comparisons(grouped([*runs(LOW, cell="elman"), *runs(HIGH, cell="lstm")]))
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
        (table,) = comparisons(grouped([run for cell, values in scores.items() for run in runs(values, cell=cell)]))
        pairs = [("gru", "elman"), ("lstm", "elman"), ("lstm", "gru")]
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
        cells = [("elman", "gru"), ("elman", "lstm"), ("gru", "lstm")]
        lengths, of_cells = comparisons(grouped(records))
        assert (lengths.title, of_cells.title) == ("Comparisons by task.length", "Comparisons by cell")
        assert [tuple(row[:3]) for row in lengths.rows] == [
            (f"{task}, {cell}", "length 50 (n = 3)", "length 100 (n = 3)")
            for task in ("adding", "copy")
            for cell in ("elman", "gru", "lstm")
        ]
        assert [tuple(row[:3]) for row in of_cells.rows] == [
            (f"{task}, length {length}", f"{a} (n = 3)", f"{b} (n = 3)")
            for task in ("adding", "copy")
            for length in (50, 100)
            for a, b in cells
        ]

    def test_an_option_that_only_one_side_has_is_no_factor_of_its_own(self):
        clips = [{"kind": "none"}] + [{"kind": k, "threshold": v} for k, v in (("norm", 1), ("norm", 5), ("value", 5))]
        (table,) = comparisons(grouped([run for clip in clips for run in runs(LOW, clip=clip)]))
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
        (row,) = rows(*comparisons(grouped(records)))
        assert (row["A"], row["B"]) == ("budget None (n = 3)", "budget 30000 (n = 3)")

    def test_equal_runs(self):
        (row,) = rows(*comparisons(grouped([*runs([0.5] * 2, cell="elman"), *runs([0.5] * 2, cell="lstm")])))
        assert list(row.values())[3:] == ["0.000", "0.500 [0.500, 0.500]", "–", "1", "1"]

    @pytest.mark.parametrize("status", ["diverged", "failed"])
    def test_a_run_that_came_to_nothing_counts_as_the_worst(self, status):
        lost = make(3, status, cell="gru")
        (table,) = comparisons(grouped([*runs(HIGH, cell="gru"), lost, *runs(HIGH)]))
        (row,) = rows(table)
        assert (row["A"], row["B"]) == ("lstm (n = 3)", "gru (n = 4)")
        assert row["difference of mean score (A - B)"] == f"{np.mean(HIGH) - np.mean([*HIGH, -1]):.3f}"
        assert row["p (permutation)"] == f"{permutation_p(HIGH, [*HIGH, -1]):.2g}"

    def test_an_only_run_that_diverged_is_one_run(self):
        assert comparisons(grouped([make(status="diverged", cell="gru"), *runs(HIGH)])) == []

    def test_nothing_to_compare(self):
        assert comparisons(grouped(runs(LOW))) == []
        assert comparisons(grouped([*runs(LOW[:1], cell="gru"), *runs(HIGH)])) == []
        assert comparisons(grouped([*runs(LOW, task="copy"), *runs(HIGH)])) == []

    def test_many_pairs(self, monkeypatch):
        """The largest differences are shown; all were tested, so all are corrected for."""
        rates = enumerate((LOW, BETWEEN, HIGH))
        groups = grouped([run for lr, scores in rates for run in runs(scores, optimizer={"lr": lr})])
        monkeypatch.setattr(module, "MOST", 2)
        (table,) = comparisons(groups)
        assert [row["A"] for row in rows(table)] == ["lr 2 (n = 3)"] * 2
        assert [row["p (Holm)"] for row in rows(table)] == ["0.3", "0.3"]
        assert "Of 3 pairs the 2 with the largest difference are shown." in table.note
        monkeypatch.setattr(module, "MOST", 3)
        (table,) = comparisons(groups)
        assert len(table.rows) == 3
        assert "largest difference" not in table.note


MANY = np.linspace(0, 0.2, 7)


class TestFewSeeds:
    """3 against 3 have a smallest p of .1, 5 of .0079, 7 of .00058."""

    @pytest.mark.parametrize(("n", "cells", "lowest", "needed"),
                             [(2, 2, "0.33", 4), (3, 2, "0.1", 4), (3, 3, "0.3", 5), (5, 5, "0.079", 6)])  # fmt: skip
    def test_a_table_that_could_show_nothing_is_a_sentence(self, n, cells, lowest, needed):
        found = [run for i, cell in enumerate(("elman", "gru", "lru", "lstm", "mgu")[:cells])
                 for run in runs(np.arange(n) * 0.001 + i / 10, cell=cell)]  # fmt: skip
        (table,) = comparisons(grouped(found))
        pairs = cells * (cells - 1) // 2
        assert (table.title, table.header, table.rows) == ("Comparisons by cell", [], [])
        count = "There is 1 pair" if pairs == 1 else f"There are {pairs} pairs"
        assert table.note.startswith(f"{count} of settings to compare, and with these seeds the smallest possible p ")
        assert f" is {lowest}: " in table.note
        assert table.note.endswith(f" needs {needed} seeds of each setting.")

    @pytest.mark.parametrize(("n", "cells"), [(4, 2), (5, 4), (7, 5)])
    def test_a_table_that_can_show_something_is_printed(self, n, cells):
        found = [run for i, cell in enumerate(("elman", "gru", "lru", "lstm", "mgu")[:cells])
                 for run in runs(np.arange(n) * 0.001 + i / 10, cell=cell)]  # fmt: skip
        (table,) = comparisons(grouped(found))
        pairs = cells * (cells - 1) // 2
        assert len(table.rows) == pairs
        assert {row["p (Holm)"] for row in rows(table)} == {f"{pairs * 2 / comb(2 * n, n):.2g}"}
        assert pairs * 2 / comb(2 * n, n) <= 0.05

    def test_seven_seeds_tell_two_cells_apart_by_their_means(self):
        """The difference is of means, as in the test: the medians of these differ the other way."""
        low, high = [0.5] * 4 + [0.0] * 3, [0.4] * 4 + [0.9] * 3
        (table,) = comparisons(grouped([*runs(low, cell="elman"), *runs(high, cell="gru")]))
        (row,) = rows(table)
        assert row["A"] == "gru (n = 7)"
        assert row["difference of mean score (A - B)"] == f"{np.mean(high) - np.mean(low):.3f}"
        assert row["p (permutation)"] == f"{permutation_p(high, low):.2g}"
        assert "permutation test of the difference of means" in table.note

    @pytest.mark.parametrize(("task", "said"), [("digits", True), ("latch", True), ("copy", False)])
    def test_the_error_of_a_shared_test_set_is_said(self, task, said):
        """A test set is the same in all runs; of copy a sequence has ten answers, so their number is another."""
        listed = [*runs(MANY, cell="elman", task=task), *runs(0.5 + MANY, cell="gru", task=task)]
        (table,) = comparisons(grouped(on_a_test_set(listed, 266)))
        deviation = sqrt(0.6 * 0.4 / 266)  # of the medians of .1 and .6 that of .6 is larger
        text = (f" All runs on {task} are tested on the same 266 sequences, on which one accuracy has a binomial "
                f"standard deviation of up to {deviation:.3f}: ")  # fmt: skip
        assert (text in table.note) is said
        assert ("binomial" in table.note) is said


def on_a_test_set(listed, count):
    """Rows whose metric is accuracy, equal to the score, on a test set of that many sequences."""
    made = frame(listed)
    return made.assign(metric="accuracy", test_metric=made["score"], test_sequences=count)


class TestPooled:
    def test_over_two_tasks(self):
        scores = {("adding", "elman"): LOW, ("copy", "elman"): BETWEEN, ("adding", "lstm"): HIGH, ("copy", "lstm"): LOW}
        records = [run for (task, cell), values in scores.items() for run in runs(values, task=task, cell=cell)]
        for each in records[:2]:
            each.solved_at_step = 5
        first, second = rows(pooled(grouped(records)))
        assert [first["setting"], second["setting"]] == ["lstm", "elman"]
        scores = [[1 - (1 - score) for score in group] for group in (HIGH, LOW)]  # with the last bit of a loss
        expected = bootstrap_interval(scores, "iqm")
        assert first["IQM"] == f"{expected.value:.3f} [{expected.low:.3f}, {expected.high:.3f}]"
        assert (first["runs"], first["solved"]) == ("6", "0/6 [0.00, 0.39]")
        assert second["solved"].startswith("2/6 [")
        assert second["mean"].startswith(f"{np.mean([*LOW, *BETWEEN]):.3f} [")
        assert second["median"].startswith("0.275 [")

    def test_a_setting_without_all_tasks_is_named(self):
        records = [*runs(LOW), *runs(HIGH, task="copy"), *runs(HIGH, cell="gru")]
        table = pooled(grouped(records))
        assert [row["setting"] for row in rows(table)] == ["lstm"]
        assert table.note.endswith("Left out, without a run on each of them: gru.")
        assert pooled(grouped(records[3:])) is None

    def test_a_task_on_which_all_runs_came_to_nothing_is_not_left_out(self):
        lost = [make(0, "diverged", cell="gru", task="copy"), make(1, "failed", cell="gru", task="copy")]
        table = pooled(grouped([*runs(LOW), *runs(HIGH, task="copy"), *runs(HIGH[:2], cell="gru"), *lost]))
        lstm, gru = rows(table)
        assert (lstm["setting"], gru["setting"]) == ("lstm", "gru")
        assert gru["mean"].startswith(f"{np.mean([*HIGH[:2], -1, -1]):.3f} [")
        assert (gru["runs"], gru["solved"]) == ("4", "0/4 [0.00, 0.49]")

    def test_one_run_a_task_has_no_interval(self):
        (row,) = rows(pooled(grouped([make(score=0.25), make(score=0.75, task="copy")])))
        assert [row["setting"], row["IQM"], row["mean"], row["median"]] == ["lstm", "0.500", "0.500", "0.500"]

    def test_lengths_are_pooled_not_ranked(self):
        """Neither 50 nor 100 is the better length: each cell has one row over both."""
        scores = {("elman", 50): LOW, ("elman", 100): BETWEEN, ("gru", 50): HIGH, ("gru", 100): LOW}
        groups = grouped(
            [record(cell, seed, 0.1, score, length=length)
             for (cell, length), found in scores.items() for seed, score in enumerate(found)]
        )  # fmt: skip
        table = pooled(groups)
        assert table.title == "All tasks and lengths together"
        assert table.note.startswith("Scores of all runs on adding, T = 50; adding, T = 100 together.")
        assert [(row["setting"], row["runs"]) for row in rows(table)] == [("gru", "6"), ("elman", "6")]
        assert rows(table)[0]["mean"].startswith(f"{np.mean([*HIGH, *LOW]):.3f} [")

    def test_one_task(self):
        assert pooled(grouped(runs(LOW))) is None
