"""What is published stays, grows from several machines, and can be made again from its data alone."""

import json
import shutil

import pytest

from planted import without_figures
from rnnbench.errors import UserError
from rnnbench.outcomes import result
from rnnbench.report import figures, overview, publish, render_again
from test_publish import contents
from test_report import leave, make
from test_run_files import GOOD, npz

pytestmark = pytest.mark.whole


def train(folder, seeds, machine="a", off=0.0):
    """Leaves runs as if they had been made on a machine; elsewhere training comes to another loss by ``off``."""
    for seed in seeds:
        record = make(seed, score=0.5 + seed / 100 + off, cell=("gru", "lstm")[seed % 2])
        record.machine = {"processor": machine, "instructions": "avx2", "cores": 2, "accelerator": "none"}
        record.versions, record.commit, record.command = (
            {"torch": "2"},
            "c" * 40,
            f"rnnbench train on={machine}",
        )
        record.steps, record.started = 20, f"2026-01-0{1 + seed}T00:00:0{machine == 'b':d}+00:00"
        leave(folder, record)
        run = folder / record.run_id
        (run / "metrics.csv").write_text(f"step,val/loss\n10,{1 - off}\n20,0.{seed}5\n")
        (run / "gradients.npz").write_bytes(npz(**GOOD))
    return folder


@pytest.fixture
def a(tmp_path):
    return train(tmp_path / "a", [0, 1, 2])


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """The published result of one machine with all its figures."""
    folder = tmp_path_factory.mktemp("drawn")
    publish("e", [train(folder / "a", [0, 1, 2])], folder / "results")
    return folder / "results"


@pytest.fixture
def b(tmp_path):
    """Other runs on another machine, and one that both made."""
    return train(tmp_path / "b", [2, 3, 4], "b", off=0.001)


def scores(folder):
    return {run["seed"]: round(run["score"], 3) for run in result.read(folder).runs}


def test_runs_of_several_folders_are_one_result(undrawn, a, b, tmp_path):
    report = publish("e", [a, b], tmp_path / "results")
    found = result.read(report.folder)
    assert scores(report.folder) == {0: 0.5, 1: 0.51, 2: 0.52, 3: 0.531, 4: 0.541}  # of the common run the first
    assert [each["machine"]["processor"] for each in found.environments] == ["a", "b"]
    assert {run["seed"]: run["environment"] for run in found.runs} == {0: 0, 1: 0, 2: 0, 3: 1, 4: 1}
    assert found.commands == ["rnnbench train on=a", "rnnbench train on=b"]
    assert set(found.tables["curves"]["run_id"]) == set(found.rows["run_id"])
    assert "The runs are of 2 different machines, listed below." in report.page["warnings"]
    assert "### [e](e/README.md)\n\n5 runs, " in (tmp_path / "results" / "README.md").read_text()


def test_what_is_published_stays_when_more_is(undrawn, a, b, tmp_path):
    publish("e", [a], tmp_path / "results")
    (tmp_path / "results" / "e" / "NOTES.md").write_text("Seen: nothing.")
    shutil.rmtree(a)
    folder = publish("e", [b], tmp_path / "results").folder
    assert scores(folder) == {0: 0.5, 1: 0.51, 2: 0.52, 3: 0.531, 4: 0.541}
    assert set(result.read(folder).tables["profiles"]["run_id"]) == set(result.read(folder).rows["run_id"])
    assert "Seen: nothing." in (folder / "README.md").read_text()


def test_the_order_of_machines_changes_no_byte(undrawn, a, b, tmp_path):
    """Of the data and the pages; figures are drawn from the data alone, see TestAgain."""
    ways = {"both": [[a, b]], "reverse and again": [[b, a], [a]], "b first": [[b], [a]]}
    found = {}
    for way, calls in ways.items():
        for sources in calls:
            publish("e", sources, tmp_path / way)
        found[way] = contents(tmp_path / way)
    assert {path.name for path in found["both"]} >= {*result.FILES, "README.md", "report.html"}
    assert all(each == found["both"] for each in found.values())


def test_replace_forgets_what_is_published(undrawn, a, b, tmp_path):
    publish("e", [a], tmp_path / "results")
    folder = publish("e", [b], tmp_path / "results", replace=True).folder
    assert scores(folder) == {2: 0.521, 3: 0.531, 4: 0.541}
    publish("e", [b], tmp_path / "alone")
    assert contents(tmp_path / "alone") == contents(tmp_path / "results")


def test_a_run_that_came_to_something_else_on_the_same_machine(undrawn, a, tmp_path):
    publish("e", [a], tmp_path / "results")
    before = contents(tmp_path / "results")
    other = train(tmp_path / "other", [0], off=0.1)
    with pytest.raises(UserError, match="adding-gru-0 contradicts: score 0.5 -> 0.6, .* --replace") as caught:
        publish("e", [other], tmp_path / "results")
    assert f"{tmp_path / 'results' / 'e'} and {other}: " in str(caught.value)
    assert contents(tmp_path / "results") == before
    assert scores(publish("e", [other], tmp_path / "results", replace=True).folder) == {0: 0.6}


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """Two results without figures, made once."""
    folder = tmp_path_factory.mktemp("published")
    with without_figures():
        for name in ("e", "other"):
            publish(name, [train(folder / "a" / name, [0, 1, 2])], folder / "results")
    return folder / "results"


class TestWhatCannotBeRead:
    def format_1(self, folder):
        values = json.loads((folder / "provenance.json").read_text())
        (folder / "provenance.json").write_text(json.dumps({k: v for k, v in values.items() if k != "format"}))
        (folder / "config.yaml").unlink()

    def newer(self, folder):
        values = json.loads((folder / "provenance.json").read_text())
        (folder / "provenance.json").write_text(json.dumps(values | {"format": 3}))

    def half(self, folder):
        (folder / "runs.csv").write_bytes((folder / "runs.csv").read_bytes()[:-5])

    def without(self, folder):
        (folder / "config.yaml").unlink()

    def only_rows(self, folder):
        self.without(folder)
        (folder / "provenance.json").unlink()

    def curves(self, folder):
        (folder / "curves.parquet").write_bytes(b"PAR1")

    @pytest.fixture(params=["format_1", "newer", "half", "without", "only_rows", "curves"])
    def results(self, request, undrawn, published, tmp_path):
        shutil.copytree(published, tmp_path / "results")
        getattr(self, request.param)(tmp_path / "results" / "e")
        return tmp_path / "results"

    def test_it_is_not_lost_by_publishing_more(self, results, b):
        before = contents(results)
        with pytest.raises(UserError, match=f"^{results}/e/[a-z]+.[a-z]+: .* with rnnbench publish --replace$"):
            publish("e", [b], results)
        with pytest.raises(UserError, match=f"^{results}/e/[a-z]+.[a-z]+: .* with rnnbench publish --replace$"):
            publish("e", [b], results, partial=True)
        with pytest.raises(UserError, match=f"^{results}/e/[a-z]+.[a-z]+: .* with rnnbench publish --replace$"):
            render_again("e", results)
        assert contents(results) == before
        folder = publish("e", [b], results, replace=True).folder
        assert scores(folder) == {2: 0.521, 3: 0.531, 4: 0.541}
        assert overview.write_overview(results) == {}

    def test_again_as_a_command(self, results, command):
        before = contents(results)
        for name in ((), ("e",)):
            ended = command("publish.py", *name, "--again")
            assert (ended.returncode, ended.stdout) == (2, "")
            assert ended.stderr.count("\n") == 1
            assert "--replace" in ended.stderr
            assert contents(results) == before

    @pytest.mark.parametrize("results", ["curves"], indirect=True)
    def test_another_one_is_made_again(self, results, command):
        assert command("publish.py", "other", "--again").returncode == 0


class TestPartial:
    def plan(self, folder, seeds):
        names = [f"adding-{('gru', 'lstm')[seed % 2]}-{seed}" for seed in seeds]
        (folder / "sweep.json").write_text(json.dumps({"run_ids": names}))

    def test_what_was_missing_comes_later(self, undrawn, a, b, tmp_path):
        self.plan(a, range(5))
        with pytest.raises(UserError, match=f"^{a}: 2 of 5 planned runs are not here: 2 waiting; .* --partial"):
            publish("e", [a], tmp_path / "results")
        assert not (tmp_path / "results").exists()
        folder = publish("e", [a], tmp_path / "results", partial=True).folder
        assert result.read(folder).missing == {"adding-gru-4": "waiting", "adding-lstm-3": "waiting"}
        with pytest.raises(UserError, match="2 of 5 planned runs are not here"):
            publish("e", [a], tmp_path / "results")
        publish("e", [b], tmp_path / "results")
        publish("e", [a, b], tmp_path / "whole")
        assert contents(tmp_path / "results") == contents(tmp_path / "whole")
        assert "planned" not in (folder / "README.md").read_text()

    def test_machines_that_shared_a_sweep(self, undrawn, a, b, tmp_path):
        for folder in (a, b):
            self.plan(folder, range(5))
        assert publish("e", [a, b], tmp_path / "results").page["warnings"] == [
            "The runs are of 2 different machines, listed below."
        ]

    @pytest.mark.parametrize("wrong", ["damaged", "absent", "empty"])
    def test_one_of_several_folders_is_wrong(self, undrawn, a, b, tmp_path, wrong):
        publish("e", [a], tmp_path / "results")
        before = contents(tmp_path / "results")
        if wrong == "damaged":
            (b / "adding-lstm-3" / "record.json").write_text("{")
        else:
            shutil.rmtree(b)
            b.mkdir() if wrong == "empty" else None
        words = "damaged is adding-lstm-3; .*--partial" if wrong == "damaged" else f"no runs under {b}: run 'rnnbench "
        with pytest.raises(UserError, match=words):
            publish("e", [a, b], tmp_path / "results")
        assert contents(tmp_path / "results") == before


class TestAgain:
    def test_pages_need_no_runs(self, a, b, tmp_path, command):
        """The data alone give every byte of the pages and figures."""
        for name, sources in (("e", [a, b]), ("f", [b])):
            (tmp_path / "results" / name).mkdir(parents=True)
            (tmp_path / "results" / name / "NOTES.md").write_text("Wörter <b>.\n", encoding="utf-8")
            publish(name, sources, tmp_path / "results")
        before = contents(tmp_path / "results")
        for folder in (a, b):
            shutil.rmtree(folder)
        for path in before:
            if path.suffix in (".html", ".svg"):
                (tmp_path / "results" / path).unlink()
        ended = command("publish.py", "--again")
        assert (ended.returncode, ended.stderr) == (0, "")
        assert ended.stdout.splitlines() == ["results/e", "results/f"]
        assert contents(tmp_path / "results") == before
        (tmp_path / "results" / "e" / "report.html").write_text("")
        assert render_again("e", tmp_path / "results").folder == tmp_path / "results" / "e"
        assert contents(tmp_path / "results") == before

    @pytest.fixture
    def old(self, drawn, tmp_path):
        """A result whose profiles and curves were never kept; its figures were drawn."""
        folder = shutil.copytree(drawn, tmp_path / "results") / "e"
        for path in folder.glob("*.parquet"):
            path.unlink()
        values = json.loads((folder / "provenance.json").read_text())
        (folder / "provenance.json").write_text(json.dumps(values | {"redrawable": False}))
        return folder

    def test_figures_that_cannot_be_drawn_stay(self, old):
        drawn = {path: data for path, data in contents(old).items() if path.suffix == ".svg"}
        report = render_again("e", old.parent)
        assert {path: data for path, data in contents(old).items() if path.suffix == ".svg"} == drawn
        assert any("Figures of curves and profiles cannot be drawn again" in line for line in report.page["warnings"])
        assert drawn.keys() >= {
            old.joinpath(f"figures/{name}.svg").relative_to(old) for name in figures.DRAWN_FROM_LINES[:2]
        }
        page = (old / "report.html").read_text()
        assert (old / "figures" / "learning_curves.svg").read_text().partition("<svg")[2] in page

    @pytest.mark.parametrize("data", [b"", b"<svg", b"\xff", b"words"])
    def test_a_figure_that_stays_is_damaged(self, old, data):
        (old / "figures" / "learning_curves.svg").write_bytes(data)
        before = contents(old)
        with pytest.raises(UserError, match="learning_curves.svg: is damaged .* cannot be drawn again; restore it"):
            render_again("e", old.parent)
        assert contents(old) == before

    def test_it_takes_no_runs(self, command):
        for options in (("e", "a", "--again"), ("e", "--again", "--partial"), ("--again", "--replace"), ()):
            ended = command("publish.py", *options)
            assert ended.returncode == 2
            assert ended.stderr.splitlines()[-1].startswith("error: ")

    @pytest.mark.parametrize("name", ["nothing", "../e", "report"])
    def test_a_result_that_is_not_there(self, undrawn, a, tmp_path, name):
        publish("e", [a], tmp_path / "results")
        before = contents(tmp_path)
        with pytest.raises(UserError, match="holds no result|plain name of a folder"):
            render_again(name, tmp_path / "results")
        assert contents(tmp_path) == before
        assert not list(tmp_path.glob("results/.new*"))
