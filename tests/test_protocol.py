"""Tuning as a protocol: what is chosen, on which data and seeds, and what cannot be chosen."""

import math
from pathlib import Path

import pytest

from rnnbench.errors import UserError
from rnnbench.outcomes.columns import row
from rnnbench.store import protocol
from rnnbench.store.protocol import Protocol, choices
from rnnbench.store.records import Record
from rnnbench.sweep.compose import plan

CONF = Path(__file__).parents[1] / "conf"
GRID = [0.001, 0.01, 0.1]


def declared(**changes):
    options = {"tune": {"optimizer.lr": GRID}, "tune_seeds": [10, 11], "report_seeds": [0], "tolerance": {}}
    return Protocol(**(options | changes))


def run(lr, seed, loss, solved=None, status="done", cell="lstm", **changes):
    """The row of one run; ``changes`` are of its configuration."""
    config = {"seed": seed, "name": "e", "cell": {"name": cell}, "optimizer": {"name": "adam", "lr": lr}}
    found = Record(
        run_id=f"{cell}-{lr}-{seed}", experiment="e", status=status, config=config | changes, seed=seed,
        solved_at_step=solved, final={"val/loss": loss, "test/loss": -(loss or 0)},
    )  # fmt: skip
    return row(found)


def grid(*losses, **options):
    """Both tuning seeds at each learning rate, around the given validation losses."""
    pairs = zip(GRID, losses, strict=True)
    return [run(lr, seed, loss + off, **options) for lr, loss in pairs for seed, off in ((10, 0.1), (11, -0.1))]


def test_the_smallest_mean_validation_loss_wins_whatever_the_test_loss():
    (choice,) = choices(grid(0.9, 0.4, 0.8), declared()).values()
    assert choice.best.point == {"optimizer.lr": 0.01}
    assert choice.best.loss == pytest.approx(0.4)
    assert [trial.loss for trial in choice.trials] == pytest.approx([0.9, 0.4, 0.8])
    assert choice.edges == []


def test_each_setting_chooses_for_itself_and_an_edge_is_named():
    runs = grid(0.1, 0.4, 0.8) + grid(0.9, 0.4, 0.3, cell="gru")
    first, second = choices(runs, declared()).values()
    assert (first.best.point, first.edges) == ({"optimizer.lr": 0.001}, ["optimizer.lr"])
    assert (second.best.point, second.edges) == ({"optimizer.lr": 0.1}, ["optimizer.lr"])


def test_a_diverged_run_makes_its_point_the_worst():
    runs = [*grid(0.9, 0.8, 0.1)[:-1], run(0.1, 11, None, status="diverged")]
    (choice,) = choices(runs, declared()).values()
    assert choice.best.point == {"optimizer.lr": 0.01}
    assert choice.trials[2].loss == math.inf


def test_a_run_that_solved_the_task_and_then_diverged_has_not_solved_it():
    """Nor is it quick: in no table does it count as solved."""
    lost = [run(0.1, seed, 900.0, solved=5, status="diverged") for seed in (10, 11)]
    (choice,) = choices([*grid(0.9, 0.8, 0.1)[:-2], *lost], declared()).values()
    assert choice.best.point == {"optimizer.lr": 0.01}
    assert choice.trials[2][2:] == (0, math.inf, math.inf)


def test_more_seeds_that_solve_the_task_come_first_then_the_quicker():
    """Runs that solve a task stop there, all at about the same loss."""
    points = ((0.001, 0.2, (900, 900)), (0.01, 0.3, (400, 400)), (0.1, 0.1, (700, None)))
    runs = [run(lr, 10 + i, loss, solved[i]) for lr, loss, solved in points for i in (0, 1)]
    (choice,) = choices(runs, declared()).values()
    assert choice.best.point == {"optimizer.lr": 0.01}
    assert choice.best.steps == 400
    assert choice.trials[2].steps == math.inf


@pytest.mark.parametrize(
    ("losses", "undecided"),
    [
        ((0.95, 0.91, 3.0), True),
        ((0.95, 0.89, 3.0), False),  # one trial learned something
        ((0.95, 0.91, math.inf), True),
        ((math.inf, math.inf, math.inf), True),
    ],
)
def test_a_choice_among_trials_that_learned_nothing(losses, undecided):
    """Against a baseline of 1; where that is unknown, it is not undecided, and a trial that solved the task decides."""
    runs = []
    for lr, loss in zip(GRID, losses, strict=True):
        lost = loss == math.inf
        runs += [run(lr, seed, None if lost else loss, status="diverged" if lost else "done") for seed in (10, 11)]
    (choice,) = choices(runs, declared()).values()
    assert choice.undecided(1.0) is undecided
    assert choice.undecided(0.5) is True
    assert choice.undecided(100.0) is (min(losses) == math.inf)
    assert choice.undecided(None) is choice.undecided(0.0) is False
    solved = choice._replace(trials=[*choice.trials[:2], choice.trials[2]._replace(solved=1)])
    assert solved.undecided(1.0) is False


@pytest.mark.parametrize("missing", ["absent", "failed", "fresh"])
def test_nothing_is_chosen_while_a_tuning_run_is_missing(missing):
    runs = grid(0.9, 0.4, 0.8)
    last = runs.pop()
    if missing == "failed":
        runs.append(run(0.1, 11, 0.8, status="failed"))
    if missing == "fresh":  # a reported run must not stand in for it
        runs.append(run(0.1, 0, 0.8))
    assert choices(runs, declared()) == {}
    assert len(choices([*runs, last], declared())) == 1


def test_a_group_is_tuned_by_its_name():
    """A choice of init changes several keys below it; none of them makes another setting."""
    tuned = declared(tune={"init": ["default", "orthogonal"]}, tune_seeds=[10])
    runs = [run(0.01, 10, loss, init={"name": name, "recurrent": name})
            for name, loss in (("default", 0.5), ("orthogonal", 0.2))]  # fmt: skip
    (choice,) = choices(runs, tuned).values()
    assert choice.best.point == {"init": "orthogonal"}
    assert choice.edges == []  # words have no order


def test_a_point_that_does_not_apply_is_no_other_run():
    """clip=none has no threshold: it is one point, however many thresholds there are to choose from."""
    tuned = declared(tune={"clip.threshold": [1.0, 5.0]}, tune_seeds=[10])
    clips = {("none", None): 0.5, ("norm", 1.0): 0.9, ("norm", 5.0): 0.7}
    runs = [run(0.1, 10, loss, clip={"kind": kind, "threshold": most}) for (kind, most), loss in clips.items()]
    none, norm = choices(runs, tuned).values()
    assert [trial.point for trial in none.trials] == [{}]
    assert [trial.point for trial in norm.trials] == [{"clip.threshold": 1.0}, {"clip.threshold": 5.0}]
    assert norm.best.point == {"clip.threshold": 5.0}
    assert len(choices(runs[:2], tuned)) == 1


def test_another_probe_is_no_other_setting():
    runs = grid(0.9, 0.4, 0.8)
    runs[0] |= {"probe.every": 5, "probe.kind": "full"}
    (choice,) = choices(runs, declared()).values()
    assert choice.best.point == {"optimizer.lr": 0.01}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tune_seeds": [0, 1]}, r"share \[0\]: report fresh seeds"),
        ({"tune_seeds": []}, "protocol.tune_seeds=\\[\\]"),
        ({"report_seeds": []}, "protocol.report_seeds=\\[\\]"),
        ({"tune": {"optimizer.lr": [0.1]}}, "give two or more values"),
        ({"tune": {"seed": [1, 2]}}, "part of a run and not its seed"),
        ({"tune": {"probe.every": [1, 2]}}, "part of a run and not its seed"),
        ({"report_seeds": [1, 1]}, r"protocol.report_seeds=\[1, 1\]: name each seed once"),
        ({"tolerance": {"score": -1}}, "protocol.tolerance.score=-1: must be at least 0"),
        ({"tolerance": {"score": math.nan}}, "protocol.tolerance.score=nan: must be a finite number"),
    ],
)
def test_a_protocol_that_contradicts_itself(changes, message):
    with pytest.raises(UserError, match=message):
        declared(**changes)


def test_it_stays_with_the_runs(tmp_path):
    assert protocol.read(tmp_path) is None
    protocol.write(tmp_path, declared())
    assert protocol.read(tmp_path) == declared()
    with pytest.raises(UserError, match="the runs of a tuned comparison: choose another name"):
        protocol.write(tmp_path, declared(tune=None))
    (tmp_path / protocol.FILE).write_text("{")
    with pytest.raises(UserError, match="not a valid protocol"):
        protocol.read(tmp_path)


TUNED = ["cell=elman,gru", "protocol.tune={optimizer.lr:[0.001,0.01,0.1]}", "protocol.tune_seeds=[10,11]",
         "protocol.report_seeds=[0]"]  # fmt: skip


def test_a_plan_has_every_run_that_may_come():
    tuned = plan(CONF, TUNED)
    assert len(tuned.tuning) == 2 * 3 * 2
    assert len(tuned.candidates) == 2 * 3
    assert {job.config.seed for job in tuned.tuning.values()} == {10, 11}
    assert {job.config.tracking.job_type for job in tuned.tuning.values()} == {"tune"}
    assert {job.config.tracking.job_type for job in tuned.candidates.values()} == {"report"}
    assert tuned.reported([]) == {}
    runs = []
    for run_id, job in tuned.tuning.items():
        loss = {"elman": 0.01, "gru": 0.1}[job.config.cell.name] / job.config.optimizer.lr
        runs.append(row(Record(run_id=run_id, experiment="e", status="done", config=job.config.to_dict(),
                               seed=job.config.seed, final={"val/loss": abs(math.log(loss))})))  # fmt: skip
    chosen = [job.config for job in tuned.reported(runs).values()]
    assert [(config.cell.name, config.optimizer.lr, config.seed) for config in chosen] == [
        ("elman", 0.01, 0),
        ("gru", 0.1, 0),
    ]


def test_without_tuning_all_are_reported():
    plain = plan(CONF, ["cell=elman,gru", "seed=0,1", "clip=none,norm", "clip.threshold=1,2"])
    assert not plain.tuning
    assert len(plain.reported([])) == len(plain.candidates) == 2 * 2 * 3


@pytest.mark.parametrize("key", ["seed=1", "optimizer.lr=0.1"])
def test_what_the_protocol_chooses_is_not_for_the_command_line(key):
    with pytest.raises(UserError, match=f"{key.partition('=')[0]}: the protocol chooses it"):
        plan(CONF, [*TUNED, key])
