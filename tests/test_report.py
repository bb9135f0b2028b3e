"""From records to tables, figures and pages."""

import csv
import shutil
from functools import partial
from html.parser import HTMLParser

import numpy as np
import pytest

from rnnbench.config.factors import factors
from rnnbench.config.identity import flatten
from rnnbench.errors import UserError
from rnnbench.outcomes import result, rows, settings
from rnnbench.outcomes.columns import row
from rnnbench.report import tables, write_report
from rnnbench.report.charts import theme
from rnnbench.runner import run
from rnnbench.store import records

pytestmark = pytest.mark.whole


def make(seed=0, status="done", score=0.5, cell="lstm", task="adding", **changes):
    """A record; the score, which is that of its loss, is of a run that is done."""
    config = {"seed": seed, "name": "e", "cell": {"name": cell}, "task": {"name": task}, "tracking": {"mode": "x"}}
    final = {"test/loss": 1 - score, "test/mse": 1 - score} if status == "done" else {}
    return records.Record(
        run_id=f"{task}-{cell}-{seed}", experiment="e", status=status, config=config | changes, seed=seed,
        metric="mse", final=final, baseline=1.0, validation_baseline=1.0,
    )  # fmt: skip


def grouped(runs):
    """The settings of records."""
    return settings.settings(rows.frame(map(row, runs)))


class TestSettings:
    def test_runs_that_differ_in_the_seed_are_one_setting(self):
        groups = grouped([make(0), make(1), make(0, cell="gru")])
        assert [group.factors for group in groups] == [{"cell": "gru"}, {"cell": "lstm"}]
        assert [len(group.runs) for group in groups] == [1, 2]

    def test_what_follows_from_another_factor_is_none(self):
        configs = [
            {"seed": seed, "task.name": task, "task.corpus": corpus, "clip.kind": kind, "clip.threshold": threshold}
            for seed in (0, 1)
            for task, corpus in (("adding", None), ("char_lm", "docs"))
            for kind, threshold in (("none", None), ("norm", 1.0), ("norm", 5.0))
        ]
        assert factors(configs) == ["task.name", "clip.kind", "clip.threshold"]

    def test_a_label_reads_like_words(self):
        changes = [{"clip": {"kind": "none", "threshold": None}, "network": {"bidirectional": False}},
                   {"clip": {"kind": "norm", "threshold": 1.0}, "network": {"bidirectional": True}},
                   {"clip": {"kind": "norm", "threshold": 2.0}, "network": {"bidirectional": True}},
                   {"clip": {"kind": "norm", "threshold": 2.0}, "network": {"bidirectional": False}}]  # fmt: skip
        groups = grouped([make(0, **change) for change in changes])
        assert [group.label for group in groups[:2]] == [
            "none, not bidirectional",
            "norm, threshold 1.0, bidirectional",
        ]
        assert groups[0].shown == {"clip": "none", "clip.threshold": "–", "network.bidirectional": "False"}

    def test_nothing_varies(self):
        (group,) = grouped([make(0), make(1)])
        assert group.factors == {}
        assert group.label == "lstm"

    def test_failures_enter_the_median_with_the_worst_score(self):
        (group,) = grouped([make(0, score=0.4), make(1, score=0.6), make(2, "diverged"), make(3, "failed")])
        assert group.score == pytest.approx(((0.4 - 1) / 2, -1, 0.6, 4))
        assert group.failures == "1 diverged, 1 failed"

    def test_unsolved_runs_count_in_the_median_time_to_solve(self):
        runs = [make(seed) for seed in range(3)]
        for record in runs:
            record.steps = 1000
        runs[0].solved_at_step = 100
        assert grouped(runs)[0].median_steps_to_solve is None
        runs[1].solved_at_step = 300
        assert grouped(runs)[0].median_steps_to_solve == 300  # the third would come after both

    def test_diverged_and_failed_runs_never_solve(self):
        runs = [make(0), make(1), make(2, "diverged"), make(3, "failed"), make(4, "diverged")]
        for record, steps, solved in zip(runs, (400, 500, 20, 0, 450), (400, 500, None, None, 450), strict=True):
            record.steps, record.solved_at_step = steps, solved
        (group,) = grouped(runs)
        assert group.times == [400, 500, 500, 500, 500]
        assert group.median_steps_to_solve is None  # censored where they ended, the three would leave 500
        assert group.solved_share[::3] == (2 / 5, 5)
        shown = dict(zip(tables.header([group]), tables.rows([group])[0], strict=True))
        assert (shown["runs"], shown["solved"]) == ("5", "2/5 [0.12, 0.77]")

    def test_all_runs_failed(self):
        (group,) = grouped([make(0, "failed"), make(1, "failed")])
        assert group.score.value == -1
        assert group.solved_share[::3] == (0, 2)
        assert group.median_steps_to_solve is None
        assert "–" in tables.rows([group])[0]

    def test_a_budget_says_what_it_came_to(self):
        free, tight = make(), make(cell="gru")
        assert "units" not in tables.header(grouped([free]))
        tight.off_budget, tight.hidden_size = -0.0123, 46
        groups = grouped([free, tight])
        table = [dict(zip(tables.header(groups), row, strict=True)) for row in tables.rows(groups)]
        assert [row["off budget"] for row in table] == ["-1.2%", "–"]
        assert [row["units"] for row in table] == ["46", "–"]

    def test_flatten(self):
        nested = {"a": {"b": {"c": 1}, "d": [2, 3]}, "e": 3}
        assert flatten(nested) == {"a.b.c": 1, "a.d": "[2, 3]", "e": 3}


class References(HTMLParser):
    """Collects what a page would fetch."""

    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        self.found += [values[key] for key in ("src", "href", "xlink:href") if key in values]
        assert tag not in ("iframe", "img", "object", "embed")


@pytest.fixture(scope="module")
def whole(configure_in, tmp_path_factory):
    """Four small runs, a diverged one, and one that failed; the report of all."""
    tmp_path = tmp_path_factory.mktemp("runs")
    configure = partial(configure_in, tmp_path)
    for overrides in (["cell=gru"], ["cell=gru", "seed=1"], ["cell=elman"], ["cell=elman", "seed=1"]):
        run(configure("name=sweep", *overrides))
    run(configure("name=sweep", "cell=lstm", "optimizer=sgd", "optimizer.lr=1000", "clip=none"))
    folder = tmp_path / "sweep" / "broken"
    folder.mkdir()
    failed = make(status="failed", cell="<b>bold</b>")
    failed.run_id = "broken"
    failed.machine, failed.versions = {"processor": "p", "cores": 1, "platform": "l", "accelerator": "none"}, {"a": "1"}
    failed.error = "Traceback\n  somewhere\nRuntimeError: a < b"
    records.write(folder, failed)
    write_report("sweep", tmp_path)
    return tmp_path


@pytest.fixture
def sweep(whole, tmp_path):
    """The report, in a copy of all that there is."""
    shutil.copytree(whole / "sweep", tmp_path / "sweep")
    return tmp_path / "sweep" / "report"


def test_the_whole_report(sweep, tmp_path):
    with (sweep / "runs.csv").open(newline="") as lines:
        found = {line["run_id"]: line for line in csv.DictReader(lines)}
    kept = records.read_all(tmp_path / "sweep")
    assert found.keys() == {record.run_id for record in kept}
    for record in kept:
        line = found[record.run_id]
        assert (line["status"], float(line["score"])) == (record.status, record.score)
        half_life = record.gradients.get("initial", {}).get("half_life")
        assert line["half_life_initial"] == ("" if half_life is None else str(half_life))
    assert {record.status: record.score for record in kept if record.status != "done"} == {"diverged": -1, "failed": -1}
    markdown = (sweep / "README.md").read_text()
    page = (sweep / "report.html").read_text()
    assert "| cell | " in markdown
    for text in ("1 diverged", "1 failed", r"broken: RuntimeError: a \< b", "diverged: 1", "failed: 1", "done: 4"):
        assert text in markdown
    assert "RuntimeError: a &lt; b" in page
    assert "<b>bold</b>" not in page
    references = References()
    references.feed(page)
    assert all(reference.startswith(("#", "data:")) for reference in references.found)
    assert len(page.encode()) < 1_000_000
    for figure in ("learning_curves", "gradient_profiles"):
        svg = (sweep / "figures" / f"{figure}.svg").read_text()
        assert "gru" in svg
        assert theme.CELLS["gru"] in svg


def test_the_same_runs_give_the_same_files(sweep, tmp_path):
    before = {path: path.read_bytes() for path in sweep.rglob("*") if path.is_file()}
    write_report("sweep", tmp_path)
    assert {path: path.read_bytes() for path in sweep.rglob("*") if path.is_file()} == before


def test_one_run_without_a_probe(configure, tmp_path):
    run(configure("name=one", "probe=off"))
    markdown = (write_report("one", tmp_path).folder / "README.md").read_text()
    assert "not measured" in markdown


def test_all_figures_of_a_full_probe(configure, tmp_path):
    for length in ("4", "12"):
        run(configure("name=full", "probe=full", f"task.length={length}"))
    target = write_report("full", tmp_path).folder
    figures = {path.stem for path in (target / "figures").iterdir()}
    drawn = {"scores", "learning_curves", "gradient_profiles", "horizon_and_score", "heat_maps", "lyapunov_spectra",
             "cost"}  # fmt: skip
    assert figures == drawn
    markdown = (target / "README.md").read_text()
    assert markdown.index("| 4 |") < markdown.index("| 12 |")  # numbers by size


def leave(folder, record):
    (folder / record.run_id).mkdir(parents=True)
    records.write(folder / record.run_id, record)


def test_runs_that_all_failed(tmp_path):
    leave(tmp_path / "e", make(0, "failed"))
    leave(tmp_path / "e", make(1, "failed", cell="gru"))
    target = write_report("e", tmp_path).folder
    text = (target / "README.md").read_text()
    assert "* adding: none of 2 runs solves the task; the highest median score is -1.000, with gru.\n" in text
    assert "| 1 failed |" in text


def test_runs_of_different_code_and_machines(tmp_path):
    for seed, version in enumerate(("2.13.0", "2.12.0", "2.13.0")):
        record = make(seed)
        record.versions, record.commit = {"torch": version, "numpy": "2"}, f"commit{version[-3]}"
        record.machine = {"processor": f"p{seed}", "cores": 2, "platform": "l", "accelerator": "none"} if seed else {}
        leave(tmp_path / "e", record)
    target = write_report("e", tmp_path).folder
    for text in ((target / "README.md").read_text(), (target / "report.html").read_text()):
        assert "torch 2.12.0, 2.13.0; numpy 2" in text
        assert "; ".join(f"p{seed}, 2 cores, l, accelerator none" for seed in (1, 2)) in text
        for kind in ("2 different commits", "2 different machines", "2 different versions of packages"):
            assert f"The runs are of {kind}" in text


def test_runs_of_one_kind_have_no_warning(tmp_path):
    for seed in range(2):
        leave(tmp_path / "e", make(seed))
    assert "different" not in (write_report("e", tmp_path).folder / "README.md").read_text()


def test_facts_come_from_a_run_that_has_them(tmp_path):
    """The first run failed before it was built, and its parent, which recorded that, knows no accelerator."""
    machine = {"processor": "p", "cores": 2, "platform": "l", "accelerator": "none"}
    failed, done = make(0, "failed"), make(1)
    failed.metric, failed.baseline, failed.validation_baseline, failed.final = "", None, None, {}
    failed.machine, done.machine = machine | {"accelerator": "unknown"}, machine
    failed.versions = done.versions = {"torch": "2"}
    done.parameters, done.hidden_size, done.off_budget, done.sample, done.seconds = 4417, 64, 0.01, "a text", 2.0
    for record in (failed, done):
        leave(tmp_path / "e", record)
    report = write_report("e", tmp_path)
    shown = dict(zip(report.page["header"], report.page["rows"][0], strict=True))
    assert (shown["parameters"], shown["units"], shown["off budget"]) == ("4417", "64", "+1.0%")
    assert shown["test metric"].startswith("mse 0.5")
    assert report.page["samples"] == [("adding, lstm", "a text")]
    assert report.page["warnings"] == []
    found = result.read(report.folder)
    assert [(run["metric"], run["environment"]) for run in found.runs] == [(None, 0), ("mse", 0)]
    (environment,) = found.environments
    assert environment["machine"] == machine


def test_figures_of_losses_that_are_not_finite(tmp_path):
    """A diverged run, its gradient infinite, and none that was completed."""
    record = make(0, "diverged")
    leave(tmp_path / "e", record)
    folder = tmp_path / "e" / record.run_id
    (folder / "metrics.csv").write_text("step,val/loss\n10,1.0\n20,inf\n30,nan\n")
    names = ("state", "state_median", "state_dead")
    norms = dict.fromkeys(names, np.full((2, 1, 1, 9), np.inf))
    np.savez(folder / "gradients.npz", **norms, step=[0, 30], lyapunov=np.zeros((2, 1, 1, 3)))
    figures = {path.stem for path in (write_report("e", tmp_path).folder / "figures").iterdir()}
    assert figures == {"scores", "learning_curves", "gradient_profiles", "lyapunov_spectra"}


def test_no_runs(tmp_path):
    with pytest.raises(UserError, match="no runs under .*nothing: run 'rnnbench train experiment=nothing'"):
        write_report("nothing", tmp_path)
    assert not (tmp_path / "results").exists()
