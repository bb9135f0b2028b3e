"""The columns of runs.csv: all that a record holds is one, each is explained, and statuses count as they say."""

import json
from dataclasses import fields, replace
from types import SimpleNamespace

import pytest

from planted import make
from rnnbench.builders.network import build_model
from rnnbench.builders.training import build_probe
from rnnbench.config.identity import flatten
from rnnbench.gradients import DIAGNOSTICS as REGISTRY
from rnnbench.network.cells import CELLS
from rnnbench.outcomes import rows
from rnnbench.outcomes.columns import CLIPPING, COLUMNS, REPORT, column, configuration, row
from rnnbench.outcomes.diagnostic_columns import DIAGNOSTICS, HEADLINE, MOMENTS, NETWORK
from rnnbench.runner import run
from rnnbench.store.records import Record
from rnnbench.store.status import Status
from rnnbench.training.meters import METRICS

ROUNDED = {"seconds": 1, "steps_per_second": 2}
FULL = ("probe=full", "clip.threshold=0.001")
TINY = ("network.hidden_size=3", "task.length=4", "probe.batch_size=2")
ENDED = [Status.DONE, Status.DIVERGED, Status.FAILED]


@pytest.fixture(
    scope="module",
    params=[
        ("task=parity", "task.test_lengths=[20]"),  # LSTM: gates
        ("task=char_lm", "cell=elman"),
        ("task=adding", "cell=gru"),
    ],
    ids=lambda params: params[0],
)
def record(configure_in, tmp_path_factory, request):
    return run(configure_in(tmp_path_factory.mktemp("runs"), *FULL, *request.param))


class TestARealRun:
    def test_every_number_is_a_column_of_its_row(self, record):
        """A score is clipped; that of the test split is the run's own, which its status decides."""
        renamed = {
            "final/val/loss": "validation_loss", "final/test/loss": "test_loss", "final/test/score": "score",
            f"final/test/{record.metric}": "test_metric", "best/val/loss": "best_validation_loss",
            "best/step": "best_step",
        }  # fmt: skip
        expected = {}
        for part, prefix in (("final", ""), ("best", "best_"), ("training", "")):
            for key, value in getattr(record, part).items():
                name = renamed.get(f"{part}/{key}", prefix + key.replace("/", "_"))
                expected[name] = max(-1, min(1, value)) if "score" in name else value
        for moment, numbers in record.gradients.items():
            expected |= {f"{key}_{moment}": value for key, value in numbers.items()}
        found = row(record)
        assert {name: found.get(name, "lost") for name in expected} == expected
        assert len(expected) == sum(map(len, (record.final, record.best, record.training, *record.gradients.values())))
        assert record.training.keys() == {each.name for each in CLIPPING}

    def test_every_other_field_is_a_column_or_known_elsewhere(self, record):
        elsewhere = {
            "experiment", "command", "versions", "machine", "data",  # provenance.json
            "error",  # ``reason`` has its last line
            "config", "final", "best", "training", "gradients",  # tables
            "warnings", "sources", "version",  # of the record alone
        }  # fmt: skip
        found = row(record)
        for name in {each.name for each in fields(Record)} - elsewhere:
            value = getattr(record, name)
            assert found[name] == (round(value, ROUNDED[name]) if name in ROUNDED else value), name
        assert found["data_sha256"] == record.data.get("sha256")

    def test_it_survives_the_disk(self, record, tmp_path):
        """Every number with every digit, and the configuration with its types."""
        made = rows.frame([row(record) | {"phase": REPORT, "environment": 0}])
        rows.write(tmp_path / rows.FILE, made)
        (back,) = rows.plain(rows.read(tmp_path / rows.FILE, rows.shared(made)[0]))
        (before,) = rows.plain(made)
        known = {name: value for name, value in before.items() if value is not None}
        assert {name: back[name] for name in known} == known
        assert json.dumps([back[name] for name in known]) == json.dumps(list(known.values()))  # of the same types
        assert known.items() >= {name: value for name, value in row(record).items() if value is not None}.items()


def test_every_diagnostic_is_a_column(configure):
    """All that they can say, and nothing more: some cells have gates, parity says which inputs matter."""
    names = {each.name for each in (HEADLINE, *DIAGNOSTICS, *NETWORK)}
    config = configure("task=parity", *FULL, *TINY, f"probe.diagnostics=[{','.join(REGISTRY)}]")
    probe, seen = build_probe(config), set()
    for cell in ("lstm", *list(CELLS)[::5]):
        options = configure(f"cell={cell}").cell
        width = replace(config.network, hidden_size=max(3, options.width_multiple))
        model = build_model(replace(config, cell=options, network=width))
        scalars = probe.survey(model, probe.batch).scalars
        assert scalars.keys() <= names
        seen |= scalars.keys()
    assert seen == names


def test_the_number_of_a_diagnostic_of_ones_own_is_a_column_too():
    for name in ("own_kurtosis_final", "layer2_backward_own_kurtosis_initial"):
        assert column(name).kind is float
        assert "kurtosis" in column(name).meaning
    assert column("kurtosis_final") is None


@pytest.mark.parametrize("metric", METRICS)
def test_every_metric_is_a_column(metric):
    for name in ("loss", "score", *METRICS[metric](SimpleNamespace(output_size=4))):
        for split in ("val", "test", "test_80", "best_val"):
            assert column(f"{split}_{name}").kind is float


def every_column():
    splits, metrics = ("val", "test", "test_80", "best_val"), ("accuracy", "mse", "perplexity")
    return [*COLUMNS.values(), *(column(f"{split}_{metric}") for split in splits for metric in metrics)]


def test_every_column_is_explained_once():
    meanings = [each.meaning for each in every_column()]
    assert all(len(meaning.split()) > 1 for meaning in meanings)
    assert len(set(meanings)) == len(meanings)
    assert column("test_80_accuracy").meaning == "accuracy on the test split at length 80 after training"
    assert column("best_val_mse").meaning == "mse on the validation split where its loss was lowest"


def test_the_count_models_of_a_text_are_columns():
    record = replace(make(task="char_lm"), data={"order_0_bits": 4.6, "order_3_bits": 2.0058})
    found = row(record)
    assert [found[f"order_{order}_bits"] for order in range(5)] == [4.6, None, None, 2.0058, None]
    assert COLUMNS["order_3_bits"].text(2.0058) == "2.006"
    assert COLUMNS["order_3_bits"].unit == "bits per character"


@pytest.mark.parametrize("name", ["", "nonsense", "cell.name", "test_x_loss", "train_loss", "val_loss_", "Score"])
def test_another_name_is_no_column(name):
    assert column(name) is None


def test_what_is_better_and_how_it_is_shown():
    for each in every_column():
        assert each.better in ("higher", "lower", "")
        assert each.kind in (int, float, str)
        assert each.text(None) == "–"
        assert each.text(each.kind("7"))
        assert COLUMNS.get(each.name, each) == each
    assert {each.name for each in every_column() if each.better == "higher"} >= {"score", "horizon_final"}
    assert {each.name for each in every_column() if each.better == "lower"} >= {
        "test_loss",
        "seconds",
        "val_perplexity",
    }
    assert COLUMNS["score"].text(0.12345) == "0.123"
    assert COLUMNS["off_budget"].text(-0.0123) == "-1.2%"


def test_diagnostics_stand_for_both_moments():
    for moment in MOMENTS:
        for each in DIAGNOSTICS:
            of = COLUMNS[f"{each.name}_{moment}"]
            assert (of.kind, of.better, of.optional) == (each.kind, each.better, True)
            assert of.value(make()) is None


def test_a_row_has_every_column_and_the_configuration():
    """Without the seed, which is a column, and what does not change a run but the probe, by which it was measured."""
    record = make(3, probe={"kind": "full"}, optimizer={"lr": 0.1}, runs_dir="runs", force=True)
    found = row(record)
    assert found.keys() - COLUMNS.keys() == {"cell.name", "task.name", "optimizer.lr", "probe.kind"}
    assert COLUMNS.keys() <= found.keys()
    assert found["seed"] == 3
    assert configuration(record.config) == {key: value for key, value in found.items() if "." in key}
    assert configuration({"a": {"b": [1, 2]}}) == flatten({"a": {"b": [1, 2]}}) == {"a.b": "[1, 2]"}


class TestStatus:
    @pytest.mark.parametrize(
        ("loss", "baseline", "score"),
        [
            (0.0, 2.0, 1.0),
            (0.5, 2.0, 0.75),
            (2.0, 2.0, 0.0),
            (3.0, 2.0, -0.5),
            (4.0, 2.0, -1.0),
            (1e30, 2.0, -1.0),  # as bad as twice the baseline
            (-1.0, 2.0, 1.0),
            (None, 2.0, -1.0),
            (0.5, None, -1.0),
            (0.5, 0.0, -1.0),
        ],
    )
    def test_a_done_run_scores_by_its_loss(self, loss, baseline, score):
        assert Status.DONE.score(loss, baseline) == score

    @pytest.mark.parametrize("status", [Status.DIVERGED, Status.FAILED])
    @pytest.mark.parametrize("loss", [None, 0.0, 0.5, 1e30])
    def test_one_that_came_to_nothing_has_the_worst_score(self, status, loss):
        assert status.score(loss, 2.0) == -1.0
        assert status.score(loss, None) == -1.0

    @pytest.mark.parametrize("status", [status for status in Status if status not in ENDED])
    def test_one_that_has_not_ended_has_none(self, status):
        assert status.score(0.5, 2.0) is None
        assert not status.ended
        assert not status.complete

    def test_which_have_a_record_and_which_a_result(self):
        assert [status for status in Status if status.ended] == ENDED
        assert [status for status in Status if status.complete] == ENDED[:2]
        assert Status("done") is Status.DONE

    @pytest.mark.parametrize("status", ENDED)
    def test_a_record_and_its_row_score_by_that_rule(self, status):
        record = make(status=status)
        record.final = {"test/loss": 0.25, "test/score": 0.9, "val/score": -3.0}
        assert record.score == row(record)["score"] == (0.75 if status == "done" else -1.0)
        assert row(record)["val_score"] == -1.0
        assert "test_score" not in row(record)
