"""What pages say of each task and length: within which steps, by how many runs, and against which references."""

from math import sqrt

import pytest

from planted import PROBED, board, frame, make, record
from rnnbench.outcomes.settings import by_problem, settings
from rnnbench.report import answers, tables
from rnnbench.report.answers import answer
from rnnbench.statistics import median_coverage, wilson_interval


def runs(cell, solved, *, steps=1000, most=3000, score=0.5, **options):
    """One run for each entry of ``solved``: the step at which it solved the task, None, "diverged" or "failed"."""
    made = []
    for seed, how in enumerate(solved):
        status = how if isinstance(how, str) else "done"
        step = how if status == "done" else None
        given = None if status != "done" else score
        made.append(record(cell, seed, 0.1, given, solved=step, status=status, steps=step or steps, **options))
        made[-1].config["trainer"] = {"max_steps": most}
        if status == "diverged":
            made[-1].diverged_at_step = steps
    return made


def said(listed, **columns):
    """The answer for each task and length."""
    groups = settings(frame(listed).assign(**columns))
    return [answer(problem, group) for problem, group in by_problem(groups).items()]


class TestSolvable:
    def test_by_time_to_solve(self):
        """Three of lstm's five solved it at 900, 1200 and 1500: half of the five had at 1500."""
        listed = runs("elman", [None] * 5) + runs("lstm", [900, 1200, None, 1500, None], steps=3000)
        (text,) = said(listed + runs("gru", [200, 300, 250, 400, 350], score=0.4))
        assert text == (
            "adding, T = 500: within 3000 steps the task is solved in 5 of 5 runs with gru (57–100 %, half of them by "
            "step 300), in 3 of 5 runs with lstm (23–88 %, half of them by step 1500) and in 0 of 5 runs with elman "
            "(0–43 %)."
        )

    def test_a_run_that_diverged_or_failed_counts_as_unsolved(self):
        (text,) = said(runs("gru", [200, "diverged", "failed"]) + runs("lstm", [700, 800, None]))
        assert text == (
            "adding, T = 500: within 3000 steps the task is solved in 2 of 3 runs with lstm (21–94 %, half of them by "
            "step 800) and in 1 of 3 runs with gru (6–79 %)."
        )

    @pytest.mark.parametrize("n", [1, 2, 3, 5, 7])
    def test_all_solved_it_and_none(self, n):
        low = 100 * wilson_interval(n, n).low
        (text,) = said(runs("gru", [400] * n))
        assert text == (
            f"adding, T = 500: within 3000 steps the task is solved in {n} of {n} runs with gru ({low:.0f}–100 %, half "
            "of them by step 400)."
        )
        (text,) = said(runs("gru", [None] * n, score=0.25) + runs("lstm", [None] * n, score=0.375))
        interval = "" if n == 1 else " [0.375, 0.375]"
        assert text == (
            f"adding, T = 500: within 3000 steps none of {2 * n} runs solves the task; the highest median score is "
            f"0.375{interval}, with lstm."
        )

    def test_lengths_are_not_ranked_against_each_other(self):
        listed = [run for cell, steps in (("gru", {50: [100] * 3, 100: [None] * 3}),
                                            ("lstm", {50: [200] * 3, 100: [900] * 3}))
                  for length, solved in steps.items() for run in runs(cell, solved, length=length)]  # fmt: skip
        short, long = said(listed)
        assert short.startswith("adding, T = 50: within 3000 steps the task is solved in 3 of 3 runs with gru (")
        assert long.startswith("adding, T = 100: within 3000 steps the task is solved in 3 of 3 runs with lstm (")

    def test_many_cells_are_counted(self):
        steps = {"a": [100] * 3, "b": [200] * 3, "c": [300] * 3, "d": [400, None, None], "e": [None] * 3}
        (text,) = said([run for cell, solved in steps.items() for run in runs(cell, solved)])
        assert text.endswith(
            "in 3 of 3 runs with c (44–100 %, half of them by step 300); of the other 2 the best is in 1 of 3 runs "
            "with d (6–79 %)."
        )
        (text,) = said([run for cell, solved in steps.items() if cell != "d" for run in runs(cell, solved)])
        assert text.endswith(" and in 0 of 3 runs with e (0–56 %).")  # four are few

    def test_many_settings_are_told_by_cell_and_then_within_it(self):
        """Two cells at three learning rates: all three of gru solve it, at other steps; of lstm some do."""
        steps = {("gru", 0.1): [100] * 3, ("gru", 0.2): [300] * 3, ("gru", 0.3): [200] * 3,
                 ("lstm", 0.1): [400] * 3, ("lstm", 0.2): [None] * 3, ("lstm", 0.3): [500, None, None]}  # fmt: skip
        listed = []
        for (cell, rate), solved in steps.items():
            found = runs(cell, solved)
            for run in found:
                run.config["optimizer"] = {"lr": rate}
                run.run_id += f"-{rate}"
            listed += found
        (text,) = said(listed)
        assert text == (
            "adding, T = 500: within 3000 steps the task is solved in 9 of 9 runs with gru (70–100 %, half of them by "
            "step 200) and in 4 of 9 runs with lstm (19–73 %). Among the settings of gru the median step goes from 100 "
            "(lr 0.1) to 300 (lr 0.2). With lstm these are 3 of 3 (median step 400) with lr 0.1, 1 of 3 with lr 0.3 "
            "and 0 of 3 with lr 0.2."
        )

    def test_the_budget_is_that_of_the_rows(self):
        listed = runs("gru", [100]) + runs("lstm", [100], most=500)
        assert said(listed)[0].startswith("adding, T = 500: within 500 to 3000 steps ")
        assert said([record("gru", 0, 0.1, 0.5, solved=100)])[0].startswith("adding, T = 500: the task is solved ")

    def test_another_variant_is_another_problem(self):
        listed = runs("gru", [100]) + runs("gru", [None])
        for run, variant in zip(listed, ("half", "uniform"), strict=True):
            run.config["task"] |= {"variant": variant}
        assert [text.partition(": ")[0] for text in said(listed)] == [
            "adding, T = 500, half",
            "adding, T = 500, uniform",
        ]


class TestByScore:
    def test_a_task_without_a_threshold(self):
        listed = runs("gru", [None] * 3, task="digits", length=64, score=0.875)
        (text,) = said(listed + runs("lstm", [None, None, "diverged"], task="digits", length=64, score=0.5))
        assert text == (
            "digits, T = 64: within 3000 steps the median score is 0.875 [0.875, 0.875] with gru and "
            "0.500 [-1.000, 0.500] with lstm."
        )

    def test_many_settings(self):
        listed = [run for i, cell in enumerate("abcde") for run in runs(cell, [None], task="digits", score=i / 8)]
        (text,) = said(listed)
        assert text.endswith("0.500 with e, 0.375 with d and 0.250 with c; of the other 2 the best is 0.125 with b.")


class TestGradients:
    def test_the_half_life_before_and_the_horizon_after(self):
        """A gradient that is dead after training reaches nowhere, and counts."""
        listed = runs("gru", [100] * 3) + runs("lstm", [None] * 3)
        for run, horizon, half_life in zip(listed, (499, 499, 499, 10, None, 30), (2, 2, 3, 5, 6, 7), strict=True):
            dead = {"decay": "dead", "horizon": None}
            run.gradients = {"initial": PROBED | {"half_life": half_life},
                             "final": PROBED | ({"horizon": horizon} if horizon else dead)}  # fmt: skip
        (text,) = said(listed)
        assert text.partition("(0–56 %). ")[2] == (
            "Before training the gradient halves every 2.0 (gru) to 6.0 (lstm) steps on its way back; after training, "
            "at least 1 % of it is left 499 steps back with gru and 10 [0, 30] steps back with lstm."
        )


MODELS = {"order_1_bits": 3.11, "order_2_bits": 2.4, "order_3_bits": 2.006, "order_4_bits": 2.06}


class TestCountModels:
    @pytest.mark.parametrize(
        ("bits", "words"),
        [
            ([1.9, 1.95, 2.0], "gru, with 1.950 bits, is better than the best count model, an order-3 count model "
                               "(2.006 bits), in every run"),
            ([1.9, 1.95, 2.1], "gru, with 1.950 bits, is better than the best count model, an order-3 count model "
                               "(2.006 bits), in the median but not in every run"),
            ([1.9, 2.3, 2.5], "gru, with 2.300 bits, is no better than an order-3 count model (2.006 bits)"),
            ([1.9, None, None], "no better than an order-3 count model (2.006 bits)"),
        ],
    )  # fmt: skip
    def test_in_words(self, bits, words):
        """A run that diverged has no bits and is worse than any model."""
        listed = [run for cell in ("elman", "gru") for run in runs(cell, [None] * 3, task="char_lm", length=60)]
        found = [9.0, 9.0, 9.0] if None not in bits else [None] * 3
        (text,) = said(listed, test_metric=[*found, *bits], **MODELS)
        scores = "0.500 [0.500, 0.500] with elman and 0.500 [0.500, 0.500] with gru"
        assert text == f"char_lm, T = 60: within 3000 steps the median score is {scores}. {words}."

    def test_the_line_below_the_table_differs_by_text(self):
        listed = [run for corpus in ("docs", "tales") for run in runs("gru", [None], task="char_lm", length=60)]
        for run, corpus, shift in zip(listed, ("docs", "tales"), (0, 1), strict=True):
            run.config["task"] |= {"corpus": corpus}
            run.data = {name: bits + shift for name, bits in MODELS.items()}
        problems = by_problem(settings(frame(listed)))
        assert [answers.count_line(*each) for each in problems.items()] == [
            "char_lm, T = 60, docs: count models of the same text: order 1 3.11, order 2 2.40, order 3 2.01, order 4 "
            "2.06 bits per character.",
            "char_lm, T = 60, tales: count models of the same text: order 1 4.11, order 2 3.40, order 3 3.01, order 4 "
            "3.06 bits per character.",
        ]  # fmt: skip

    def test_other_tasks_have_none(self):
        (each,) = by_problem(settings(frame(board({"gru": 0.5})))).items()
        assert answers.count_line(*each) == answers.against_count_models(each[1]) == ""


def shown(groups):
    """The main table, a dictionary a row."""
    return [dict(zip(tables.header(groups), row, strict=True)) for row in tables.rows(groups)]


class TestTables:
    def test_the_score_of_the_last_step_and_of_the_best_validation(self):
        """Of a diverged run before it diverged; of a failed one without a validation the worst; clipped at -1."""
        listed = [make(0), make(1), make(2), make(3, "diverged"), make(4, "failed")]
        for each, loss in zip(listed, (0.25, 0.5, 9.0, 0.125), strict=False):
            each.best = {"val/loss": loss, "step": 7}
        (row,) = shown(settings(frame(listed)))
        assert row["score"] == "0.500 [-1.000, 0.500]"
        assert row["best validation score"] == "0.500 [-1.000, 0.875]"  # of -1, -1, .5, .75, .875

    def test_an_older_result_knows_no_best_validation(self):
        groups = settings(frame([make(0), make(1)]))
        assert "best validation score" not in tables.header(groups)
        assert "Best validation score" not in tables.legend(groups)

    @pytest.mark.parametrize("n", [1, 2, 3, 5, 7, 9])
    def test_the_legend_says_how_often_intervals_hold(self, n):
        groups = settings(frame([make(seed, score=seed / 8) for seed in range(n)]))
        legend, score = tables.legend(groups), shown(groups)[0]["score"]
        assert "Student" not in legend
        if n == 1:
            assert (score, "Intervals of medians: a single run has no interval." in legend) == ("0.000", True)
            return
        ends = (1 / 8, 7 / 8) if n == 9 else (0, (n - 1) / 8)
        assert score == f"{(n - 1) / 16:.3f} [{ends[0]:.3f}, {ends[1]:.3f}]"
        what = "that of 9 runs without the 1 on each side" if n == 9 else f"the range of {n} runs"
        percent = {2: 50, 3: 75, 5: 94, 7: 98, 9: 96}[n]
        assert round(100 * median_coverage(n)) == percent
        assert f"Intervals of medians: in brackets {what} covers the true median in {percent} % of cases." in legend

    @pytest.mark.parametrize(
        ("task", "metric", "count", "printed"),
        [("digits", "accuracy", 266, True), ("digits", "accuracy", None, False), ("char_lm", "bits", 266, False),
         ("copy", "accuracy", 266, False), ("latch", "accuracy", 266, True)],
    )  # fmt: skip
    def test_one_accuracy_has_an_error_of_its_own(self, task, metric, count, printed):
        """On a test set that all runs share, of one answer a sequence; others are tested on sequences of their own."""
        listed = [make(seed, score=score, task=task) for seed, score in enumerate((0.94, 0.957, 0.96))]
        found = frame(listed)
        groups = settings(found.assign(metric=metric, test_metric=found["score"], test_sequences=count))
        error = f", test set of 266: ± {sqrt(0.957 * 0.043 / 266):.3f}"
        assert shown(groups)[0]["test metric"] == f"{metric} 0.957 [0.940, 0.960]" + error * printed
        assert ("the interval over runs does not hold it" in tables.legend(groups)) is printed

    def test_no_error_is_told_of_an_accuracy_of_one(self):
        found = frame([make(seed, score=1.0, task="digits") for seed in range(3)])
        groups = settings(found.assign(metric="accuracy", test_metric=1.0, test_sequences=266))
        assert shown(groups)[0]["test metric"] == "accuracy 1.000 [1.000, 1.000]"

    def test_a_run_that_solved_the_task_and_then_diverged_is_not_counted(self):
        (row,) = shown(settings(frame(runs("gru", [100, None, "diverged"]))))
        assert row["solved"].startswith("1/3 [")
        legend = tables.legend(settings(frame(runs("gru", [100]))))
        assert "one that then diverged or failed does not count" in legend
